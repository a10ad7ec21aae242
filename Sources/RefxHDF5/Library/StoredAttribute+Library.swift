import CHDF5
import Glibc
import Refx

extension StoredAttribute {
  /// The most bytes of an attribute that are handed on.
  private static let mostBytes = 1 << 24

  /// An attribute of an open object. Called under the library's lock.
  init(_ name: String, of object: HDF5Handle, _ context: HDF5Context, _ place: String) throws {
    let opened = try context.open("H5Aopen", at: place, H5Aopen(object.id, name, 0))
    let type = try context.open("H5Aget_type", at: place, H5Aget_type(opened.id))
    let space = try context.open("H5Aget_space", at: place, H5Aget_space(opened.id))
    self.name = name
    let element = try ElementType(of: type.id, context, at: place)
    guard H5Sget_simple_extent_type(space.id) != H5S_NULL else {
      (self.element, shape, content) = (element, nil, .raw([]))
      return
    }
    let rank = try context.check(
      "H5Sget_simple_extent_ndims", at: place, H5Sget_simple_extent_ndims(space.id))
    var extents = [hsize_t](repeating: 0, count: Int(rank))
    if rank > 0 {
      _ = try context.check(
        "H5Sget_simple_extent_dims", at: place, H5Sget_simple_extent_dims(space.id, &extents, nil))
    }
    let shape = extents.map { Int(clamping: $0) }
    self.shape = shape
    let size = Int(H5Tget_size(type.id))
    if case .unsupported = element {
      (self.element, content) = (element, .raw([]))
      return
    }
    guard let count = DType.elementCount(of: shape),
      count.multipliedClamping(by: size) <= StoredAttribute.mostBytes
    else {
      (self.element, content) = (.unsupported("attribute", "it has more than 16 MiB"), .raw([]))
      return
    }
    self.element = element
    guard case .heapText = element else {
      var bytes = [UInt8](repeating: 0, count: count * size)
      if !bytes.isEmpty { try context.check("H5Aread", at: place, H5Aread(opened.id, type.id, &bytes)) }
      content = .raw(bytes)
      return
    }
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    if count > 0 { try context.check("H5Aread", at: place, H5Aread(opened.id, type.id, &pointers)) }
    defer { for pointer in pointers { if let pointer { H5free_memory(pointer) } } }
    var texts: [[UInt8]] = []
    var left = StoredAttribute.mostBytes
    for pointer in pointers {
      guard let pointer else {
        texts.append([])
        continue
      }
      let text = UnsafeRawBufferPointer(start: pointer, count: strlen(pointer))
      left -= text.count
      guard left >= 0 else { throw context.damaged("an attribute of more than 16 MiB", at: place) }
      texts.append(Array(text))
    }
    content = .texts(texts)
  }
}
