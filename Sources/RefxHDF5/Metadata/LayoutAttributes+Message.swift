import Refx
import RefxStore

extension LayoutAttributes {
  /// Takes an attribute out of an object header.
  ///
  /// - Returns: false where libhdf5 has to be asked.
  mutating func take(_ fields: inout Fields, _ file: MetadataFile) -> Bool {
    guard let version = fields.int(1), (1...3).contains(version), let flags = fields.int(1),
      let nameSize = fields.int(2), let typeSize = fields.int(2), let spaceSize = fields.int(2),
      fields.skip(version == 3 ? 1 : 0)
    else { return false }
    // Version 1 fills each part up to a multiple of eight.
    func room(_ size: Int) -> Int { version == 1 ? (size + 7) / 8 * 8 : size }
    guard let nameField = fields.take(room(nameSize)), let type = fields.take(room(typeSize)),
      let space = fields.take(room(spaceSize)), nameSize > 0, nameField[nameSize - 1] == 0
    else { return false }
    // Where a flag says so, the type or the space stands elsewhere.
    guard version == 1 || flags == 0,
      let name = String(utf8: UnsafeRawBufferPointer(rebasing: nameField[..<(nameSize - 1)])),
      !name.utf8.contains(0)
    else { return false }
    guard LayoutNames.attributes.contains(name) else {
      return takeOther(name, type: type.prefix(typeSize), space: space, &fields, file)
    }
    guard count < 64, self[name] == nil else { return false }
    var spaceFields = Fields(space)
    var typeFields = Fields(type)
    let content: Content?
    switch ObjectHeader.Space(&spaceFields, lengthSize: file.lengthSize) {
    case .simple(let extents)? where extents.allSatisfy { $0 == 1 }: content = Content(&typeFields, &fields)
    default: content = nil
    }
    guard let content else { return false }
    add(name, content)
    return true
  }

  /// Takes an attribute that is not the layout's.
  private mutating func takeOther(
    _ name: String, type: Slice<UnsafeRawBufferPointer>, space: UnsafeRawBufferPointer, _ value: inout Fields,
    _ file: MetadataFile
  ) -> Bool {
    var spaceFields = Fields(space)
    guard let type = ElementType.described(by: Array(type)),
      let space = ObjectHeader.Space(&spaceFields, lengthSize: file.lengthSize)
    else { return false }
    guard case .simple(let shape) = space else {
      add(StoredAttribute(name: name, element: type.element, shape: nil, content: .raw([])))
      return true
    }
    var itemSize = type.itemSize
    switch type.element {
    case .unsupported:
      add(StoredAttribute(name: name, element: type.element, shape: shape, content: .raw([])))
      return true
    case .heapText: itemSize = 8 + file.addressSize
    case .number, .fixedText: break
    }
    guard let count = DType.elementCount(of: shape), count <= value.remaining,
      let bytes = value.take(count.multipliedClamping(by: itemSize))
    else { return false }
    add(StoredAttribute(name: name, element: type.element, shape: shape, content: .raw(Array(bytes))))
    return true
  }
}

extension LayoutAttributes.Content {
  /// A whole number or text of fixed size; nil for what libhdf5 has to be asked about.
  fileprivate init?(_ type: inout Fields, _ value: inout Fields) {
    guard let head = type.int(1), (1...3).contains(head >> 4), let bits = type.int(3), let size = type.int(4)
    else { return nil }
    switch head & 15 {
    case 0:
      guard [1, 2, 4, 8].contains(size), bits & ~0b1001 == 0, type.int(2) == 0, type.int(2) == 8 * size,
        var number = value.number(size)
      else { return nil }
      let shift = UInt64(64 - 8 * size)
      if bits & 1 != 0 { number = number.byteSwapped >> shift }
      if bits & 8 != 0 {
        self = .number(Int64(bitPattern: number << shift) >> Int64(shift))
      } else if let small = Int64(exactly: number) {
        self = .number(small)
      } else {
        self = .largeNumber(number)
      }
    case 3:
      let paddings: [ElementType.TextPadding] = [.nullTerminated, .nullPadded, .spacePadded]
      guard paddings.indices.contains(bits & 15), size > 0, size <= 1 << 16, let field = value.take(size)
      else { return nil }
      let bytes = paddings[bits & 15].unpadded(Array(field)[...])
      guard let text = bytes.withUnsafeBytes({ String(utf8: $0) }) else { return nil }
      self = .text(text)
    default: return nil
    }
  }
}
