import CHDF5
import Refx
import RefxStore

/// The attributes of an object whose names begin with `refx_`; others are not looked at.
struct LayoutAttributes: Sendable {
  /// Text or a whole number, which is all that the layout keeps in attributes.
  enum Content: Hashable, Sendable {
    case text(String)
    case number(Int64)
    case largeNumber(UInt64)
    /// Present, and neither.
    case other
  }

  /// A handful at most, so that a search is faster than a table.
  private var all: [(name: String, content: Content)] = []

  init() {}

  init(of object: HDF5Handle, _ input: HDF5Input, at name: String) throws {
    all = try HDF5Library.shared.withLock { try LayoutAttributes.read(object, input, name) }
  }

  subscript(name: String) -> Content? { all.first { $0.name == name }?.content }

  var count: Int { all.count }

  mutating func add(_ name: String, _ content: Content) { all.append((name, content)) }

  private static func read(
    _ object: HDF5Handle, _ input: HDF5Input, _ name: String
  ) throws -> [(name: String, content: Content)] {
    final class Names { var all: [String] = [] }
    let names = Names()
    try withExtendedLifetime(names) {
      _ = try input.context.check(
        "H5Aiterate2", at: name,
        H5Aiterate2(
          object.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
          { _, name, _, context in
            guard let name, let context else { return 0 }
            let names = Unmanaged<Names>.fromOpaque(context).takeUnretainedValue()
            let text = String(cString: name)
            if text.hasPrefix("refx_") { names.all.append(text) }
            return 0
          }, Unmanaged.passUnretained(names).toOpaque()))
    }
    return try names.all.map { ($0, try content(of: $0, of: object, input, name)) }
  }

  private static func content(
    of attribute: String, of object: HDF5Handle, _ input: HDF5Input, _ name: String
  ) throws -> Content {
    let context = input.context
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

extension ElementType.TextPadding {
  /// The text in a field of fixed size.
  func unpadded(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    switch self {
    case .nullTerminated: field.prefix { $0 != 0 }
    case .nullPadded: field.dropLast { $0 == 0 }
    case .spacePadded: field.dropLast { $0 == 0x20 }
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func dropLast(while matches: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    var end = endIndex
    while end > startIndex, matches(self[end - 1]) { end -= 1 }
    return self[startIndex..<end]
  }
}
