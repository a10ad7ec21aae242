import CHDF5

extension LayoutAttributes {
  init(of object: HDF5Handle, _ context: HDF5Context, at name: String) throws {
    self.init()
    try HDF5Library.shared.withLock {
      for attribute in try LayoutAttributes.names(of: object, context, name) {
        if LayoutNames.attributes.contains(attribute) {
          add(attribute, try LayoutAttributes.content(of: attribute, of: object, context, name))
        } else {
          // What cannot be read is no reason not to read the rest.
          add(
            (try? StoredAttribute(attribute, of: object, context, name))
              ?? StoredAttribute(
                name: attribute, element: .unsupported("attribute", "libhdf5 cannot read it"), shape: [],
                content: .raw([])))
        }
      }
    }
  }

  private static func names(
    of object: HDF5Handle, _ context: HDF5Context, _ place: String
  ) throws -> [String] {
    final class Names { var all: [String] = [] }
    let names = Names()
    try withExtendedLifetime(names) {
      _ = try context.check(
        "H5Aiterate2", at: place,
        H5Aiterate2(
          object.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
          { _, name, _, target in
            guard let name, let target else { return 0 }
            let names = Unmanaged<Names>.fromOpaque(target).takeUnretainedValue()
            names.all.append(String(cString: name))
            return 0
          }, Unmanaged.passUnretained(names).toOpaque()))
    }
    return names.all
  }

  private static func content(
    of attribute: String, of object: HDF5Handle, _ context: HDF5Context, _ name: String
  ) throws -> Content {
    let opened = try context.open("H5Aopen", at: name, H5Aopen(object.id, attribute, 0))
    let space = try context.open("H5Aget_space", at: name, H5Aget_space(opened.id))
    guard H5Sget_simple_extent_npoints(space.id) == 1 else { return .other }
    let type = try context.open("H5Aget_type", at: name, H5Aget_type(opened.id))
    switch H5Tget_class(type.id) {
    case H5T_INTEGER:
      // The library converts from any width and order; the signs stay apart, so that nothing is clamped.
      if H5Tget_sign(type.id) == H5T_SGN_NONE {
        var number: UInt64 = 0
        try context.check("H5Aread", at: name, H5Aread(opened.id, refx_h5t_std_u64le(), &number))
        let value = UInt64(littleEndian: number)
        return Int64(exactly: value).map(Content.number) ?? .largeNumber(value)
      }
      var number: Int64 = 0
      try context.check("H5Aread", at: name, H5Aread(opened.id, refx_h5t_std_i64le(), &number))
      return .number(Int64(littleEndian: number))
    case H5T_STRING:
      guard let text = try text(opened, type, context, name) else { return .other }
      return .text(text)
    default: return .other
    }
  }

  /// The text of an attribute; nil where it is not UTF-8.
  private static func text(
    _ attribute: HDF5Handle, _ type: HDF5Handle, _ context: HDF5Context, _ name: String
  ) throws -> String? {
    if try context.check("H5Tis_variable_str", at: name, H5Tis_variable_str(type.id)) > 0 {
      var pointer: UnsafeMutablePointer<CChar>?
      try context.check("H5Aread", at: name, H5Aread(attribute.id, type.id, &pointer))
      guard let pointer else { return "" }
      defer { H5free_memory(pointer) }
      return String(validatingCString: pointer)
    }
    let size = H5Tget_size(type.id)
    guard case .fixedText(_, let padding) = try ElementType(of: type.id, context, at: name), size <= 1 << 20
    else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: size)
    try context.check("H5Aread", at: name, H5Aread(attribute.id, type.id, &bytes))
    return String(validating: padding.unpadded(bytes[...]), as: UTF8.self)
  }
}
