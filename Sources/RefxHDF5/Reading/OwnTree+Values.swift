import Refx
import RefxStore

extension OwnTree {
  mutating func leaf(_ header: DatasetHeader, _ found: ObjectGraph.Object) throws -> Leaf {
    var dtype: DType?
    switch found.attributes[LayoutNames.dtype] {
    case nil: break
    case .text(let text):
      guard let named = DType(name: text) else { throw unknown("dtype", text, found.name) }
      guard case .number(let own, _) = header.element,
        named.inHDF5 == own
      else { throw layout(found.name, expected: "a dtype that fits the elements", found: "\"\(text)\"") }
      dtype = named
    default:
      throw layout(found.name, expected: "a dtype's name in \(LayoutNames.dtype)", found: "something else")
    }
    let checksum = try checksum(found)
    if checksum == nil { uncheckedLeaves += 1 }
    let leaf = try leaves.leaf(header, found.name, dtype: dtype, checksum: checksum, codec: codec)
    if checksum == nil, leaf.dtype == .string { uncheckedTexts.insert(ObjectIdentifier(leaf.source)) }
    return leaf
  }

  private func checksum(_ found: ObjectGraph.Object) throws -> UInt32? {
    switch found.attributes[LayoutNames.checksum] {
    case nil: return nil
    case .number(let number):
      if let checksum = UInt32(exactly: number) { return checksum }
      fallthrough
    default:
      throw layout(found.name, expected: "a uint32 in \(LayoutNames.checksum)", found: "something else")
    }
  }

  mutating func staticValue(_ header: DatasetHeader, _ name: String) throws -> StaticValue {
    guard header.shape == [] else {
      throw layout(name, expected: "a single value", found: "several, or none")
    }
    switch header.element {
    case .fixedText, .heapText:
      guard let text = String(validating: try leaves.scalarText(header, name), as: UTF8.self) else {
        throw layout(name, expected: "UTF-8", found: "other bytes")
      }
      return .string(text)
    case .number(let dtype, let isBigEndian):
      let bytes = try leaves.scalarBytes(header, dtype: dtype, isBigEndian: isBigEndian, name)
      if let value = StaticValue(dtype, bytes) { return value }
    case .unsupported: break
    }
    throw layout(name, expected: "a text, an integer, a float or a boolean", found: "something else")
  }

  mutating func metadata() throws -> JSONObject {
    guard let link = graph.link(LinkText(LayoutNames.metadata), of: 0) else { return [:] }
    guard case .object(let object) = link.target, case .dataset(let header) = graph.objects[object].content,
      header.shape == []
    else { throw layout("/metadata", expected: "a text", found: "something else") }
    let text = try leaves.scalarText(header, "/metadata")
    let found = text.withUnsafeBytes(CRC32.of)
    if let expected = try checksum(graph.objects[object]), expected != found {
      throw RefxError.hdf5ChecksumDiffers(
        expected: expected, found: found, object: "/metadata", file: graph.input.bytes.name)
    }
    guard case .object(let metadata) = try JSON.parse(text) else {
      throw layout("/metadata", expected: "a JSON object", found: "another JSON value")
    }
    return metadata
  }
}

extension StaticValue {
  /// The value of a scalar; nil for dtypes that are none of static values, and numbers beyond Int64.
  init?(_ dtype: DType, _ bytes: [UInt8]) {
    func load<T: BitwiseCopyable>(_ type: T.Type) -> T? {
      bytes.count == MemoryLayout<T>.size ? bytes.withUnsafeBytes { $0.loadUnaligned(as: type) } : nil
    }
    func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> StaticValue? {
      load(type).flatMap { Int64(exactly: T(littleEndian: $0)) }.map(StaticValue.int)
    }
    let value: StaticValue? =
      switch dtype {
      case .bool: bytes.count == 1 ? .bool(bytes[0] != 0) : nil
      case .int8: integer(Int8.self)
      case .int16: integer(Int16.self)
      case .int32: integer(Int32.self)
      case .int64: integer(Int64.self)
      case .uint8: integer(UInt8.self)
      case .uint16: integer(UInt16.self)
      case .uint32: integer(UInt32.self)
      case .uint64: integer(UInt64.self)
      case .float32: load(UInt32.self).map { .float(Double(Float(bitPattern: UInt32(littleEndian: $0)))) }
      case .float64: load(UInt64.self).map { .float(Double(bitPattern: UInt64(littleEndian: $0))) }
      default: nil
      }
    guard let value else { return nil }
    self = value
  }
}
