// A TreeEncoder takes these whole before it asks them; what follows is for other encoders.

/// With another encoder: dtype, shape and the little-endian bytes in hexadecimal.
extension Tensor: Codable {
  private enum CodingKeys: String, CodingKey { case dtype, shape, bytes }

  public func encode(to encoder: any Encoder) throws {
    if let node = encoder as? NodeEncoder { return try node.put(.leaf(Leaf(self))) }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(dtype.name, forKey: .dtype)
    try container.encode(shape, forKey: .shape)
    try container.encode(bytes.withBytes(Hexadecimal.text), forKey: .bytes)
  }

  public init(from decoder: any Decoder) throws {
    if let node = decoder as? NodeDecoder {
      self = try node.session.whole(
        Tensor.self, from: node.session.plain(node.taken(), at: node.place), at: node.place)
      return
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let name = try container.decode(String.self, forKey: .dtype)
    let shape = try container.decode([Int].self, forKey: .shape)
    guard let dtype = DType(name: name), let count = dtype.byteCount(of: shape),
      let bytes = Hexadecimal.bytes(of: try container.decode(String.self, forKey: .bytes)),
      bytes.count == count
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .bytes, in: container, debugDescription: "not the bytes of a tensor of \(name) \(shape)")
    }
    let memory = MemoryBytes(count: count) { $0.copyBytes(from: bytes) }
    guard memory.withBytes(dtype.firstOtherByte(in:)) == nil else {
      throw DecodingError.dataCorruptedError(
        forKey: .bytes, in: container, debugDescription: "not the bytes of elements of \(name)")
    }
    self.init(dtype: dtype, shape: shape, bytes: memory)
  }
}

private enum Hexadecimal {
  static func text(of bytes: UnsafeRawBufferPointer) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func bytes(of text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in text.utf8 {
      guard let value = Character(Unicode.Scalar(digit)).hexDigitValue.map({ UInt8($0) }) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return high == nil ? bytes : nil
  }
}

/// With another encoder: the value as a Float.
extension BFloat16: Codable {
  public func encode(to encoder: any Encoder) throws { try encodeWhole(float, to: encoder) }
  public init(from decoder: any Decoder) throws {
    self = try decodeWhole(from: decoder, as: Float.self) { BFloat16($0) }
  }
}

/// With another encoder: the value as a Float.
extension Float8E4M3FN: Codable {
  public func encode(to encoder: any Encoder) throws { try encodeWhole(float, to: encoder) }
  public init(from decoder: any Decoder) throws {
    self = try decodeWhole(from: decoder, as: Float.self) { Float8E4M3FN($0) }
  }
}

/// With another encoder: the value as a Float.
extension Float8E5M2: Codable {
  public func encode(to encoder: any Encoder) throws { try encodeWhole(float, to: encoder) }
  public init(from decoder: any Decoder) throws {
    self = try decodeWhole(from: decoder, as: Float.self) { Float8E5M2($0) }
  }
}

/// With another encoder: the value as an Int8.
extension Int4: Codable {
  public func encode(to encoder: any Encoder) throws { try encodeWhole(value, to: encoder) }
  public init(from decoder: any Decoder) throws {
    self = try decodeWhole(from: decoder, as: Int8.self) { Int4(exactly: $0) }
  }
}

/// With another encoder: the value as a UInt8.
extension UInt4: Codable {
  public func encode(to encoder: any Encoder) throws { try encodeWhole(value, to: encoder) }
  public init(from decoder: any Decoder) throws {
    self = try decodeWhole(from: decoder, as: UInt8.self) { UInt4(exactly: $0) }
  }
}

/// With another encoder: the real and the imaginary part in a row.
extension Complex: Codable where Part: ComplexPart & Codable {
  public func encode(to encoder: any Encoder) throws {
    if let node = encoder as? NodeEncoder { return try node.put(.leaf(Leaf(self))) }
    var container = encoder.unkeyedContainer()
    try container.encode(real)
    try container.encode(imaginary)
  }

  public init(from decoder: any Decoder) throws {
    if let node = decoder as? NodeDecoder {
      self = try node.session.number(Self.self, from: node.taken(), at: node.place)
      return
    }
    var container = try decoder.unkeyedContainer()
    self.init(try container.decode(Part.self), try container.decode(Part.self))
  }
}

extension TensorElement {
  fileprivate func encodeWhole(_ value: some Encodable, to encoder: any Encoder) throws {
    if let node = encoder as? NodeEncoder { return try node.put(.leaf(Leaf(self))) }
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

private func decodeWhole<E: TensorElement & TensorRepresentable & Decodable, Plain: Decodable>(
  from decoder: any Decoder, as type: Plain.Type, _ make: (Plain) -> E?
) throws -> E {
  if let node = decoder as? NodeDecoder {
    return try node.session.number(E.self, from: node.taken(), at: node.place)
  }
  let container = try decoder.singleValueContainer()
  guard let value = make(try container.decode(Plain.self)) else {
    throw DecodingError.dataCorruptedError(in: container, debugDescription: "no number of \(E.dtype)")
  }
  return value
}
