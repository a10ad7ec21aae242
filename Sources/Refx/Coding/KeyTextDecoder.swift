/// Decodes a dictionary's key from its name in a tree, which is a string or a number in text.
struct KeyTextDecoder: Decoder, SingleValueDecodingContainer {
  let text: String

  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  private func refused<T>(_ type: Any.Type) throws -> T {
    throw DecodingError.typeMismatch(
      type, DecodingError.Context(codingPath: [], debugDescription: "\"\(text)\" is no key of this type"))
  }

  func container<K: CodingKey>(keyedBy type: K.Type) throws -> KeyedDecodingContainer<K> { try refused(type) }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try refused([String].self) }
  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  private func integer<N: FixedWidthInteger>(_ type: N.Type) throws -> N {
    guard let number = N(text), String(number) == text else { return try refused(type) }
    return number
  }

  private func real<N: LosslessStringConvertible>(_ type: N.Type) throws -> N {
    try N(text) ?? refused(type)
  }

  func decodeNil() -> Bool { false }
  func decode(_ type: Bool.Type) throws -> Bool { try real(type) }
  func decode(_ type: String.Type) -> String { text }
  func decode(_ type: Double.Type) throws -> Double { try real(type) }
  func decode(_ type: Float.Type) throws -> Float { Float(try real(Double.self)) }
  func decode(_ type: Int.Type) throws -> Int { try integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: self) }
}
