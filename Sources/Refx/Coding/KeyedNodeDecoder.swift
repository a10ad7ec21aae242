/// Where a struct, a class or an enum with payloads finds its members: a dictionary of the tree.
struct KeyedNodeDecoder<K: CodingKey>: KeyedDecodingContainerProtocol {
  let owner: NodeDecoder
  let contents: NodeDecoder.Contents

  private var session: DecodingSession { owner.session }
  var codingPath: [any CodingKey] { owner.place.codingPath }

  var allKeys: [K] {
    guard case .branches(let branches) = contents else { return [] }
    return branches.keys.compactMap { K(stringValue: $0.string) }
  }

  func contains(_ key: K) -> Bool { member(named: TreeKey(key.stringValue)).isThere }

  /// What stands under `key`; asking for it is what makes it expected.
  private func member(named key: TreeKey) -> DecodingNode {
    switch contents {
    case .branches(let branches):
      guard let position = branches.position(of: key) else { return .missing }
      owner.ask(position)
      return .tree(branches.members[position])
    case .absent(let node): return node
    case .members, .row: return .missing
    }
  }

  private func number<E: TensorElement & TensorRepresentable & Decodable>(_ type: E.Type, _ key: K) throws
    -> E
  {
    let name = TreeKey(key.stringValue)
    return try session.number(type, from: member(named: name), at: owner.place.appending(name))
  }

  private func optional<T: Decodable>(_ type: T.Type, _ key: K) throws -> T? {
    let name = TreeKey(key.stringValue)
    return try T?.decoded(in: session, from: member(named: name), at: owner.place.appending(name))
  }

  func decodeNil(forKey key: K) throws -> Bool {
    let name = TreeKey(key.stringValue)
    switch member(named: name) {
    case .tree(.none): return true
    case .tree: return false
    case .missing:
      let place = owner.place.appending(name)
      if session.mayLackOptional(at: place) { return true }
      try session.report(.missing, at: place, expected: "none or a value")
      return true
    case .known: return true
    }
  }

  func decode(_ type: Bool.Type, forKey key: K) throws -> Bool { try number(type, key) }
  func decode(_ type: String.Type, forKey key: K) throws -> String {
    let name = TreeKey(key.stringValue)
    return try session.text(from: member(named: name), at: owner.place.appending(name))
  }
  func decode(_ type: Double.Type, forKey key: K) throws -> Double { try number(type, key) }
  func decode(_ type: Float.Type, forKey key: K) throws -> Float { try number(type, key) }
  func decode(_ type: Int.Type, forKey key: K) throws -> Int { try number(type, key) }
  func decode(_ type: Int8.Type, forKey key: K) throws -> Int8 { try number(type, key) }
  func decode(_ type: Int16.Type, forKey key: K) throws -> Int16 { try number(type, key) }
  func decode(_ type: Int32.Type, forKey key: K) throws -> Int32 { try number(type, key) }
  func decode(_ type: Int64.Type, forKey key: K) throws -> Int64 { try number(type, key) }
  func decode(_ type: UInt.Type, forKey key: K) throws -> UInt { try number(type, key) }
  func decode(_ type: UInt8.Type, forKey key: K) throws -> UInt8 { try number(type, key) }
  func decode(_ type: UInt16.Type, forKey key: K) throws -> UInt16 { try number(type, key) }
  func decode(_ type: UInt32.Type, forKey key: K) throws -> UInt32 { try number(type, key) }
  func decode(_ type: UInt64.Type, forKey key: K) throws -> UInt64 { try number(type, key) }

  func decode<T: Decodable>(_ type: T.Type, forKey key: K) throws -> T {
    let name = TreeKey(key.stringValue)
    return try session.value(type, from: member(named: name), at: owner.place.appending(name))
  }

  // A missing member is a difference in every overload: the standard library's own would take it for nil.
  func decodeIfPresent(_ type: Bool.Type, forKey key: K) throws -> Bool? { try optional(type, key) }
  func decodeIfPresent(_ type: String.Type, forKey key: K) throws -> String? { try optional(type, key) }
  func decodeIfPresent(_ type: Double.Type, forKey key: K) throws -> Double? { try optional(type, key) }
  func decodeIfPresent(_ type: Float.Type, forKey key: K) throws -> Float? { try optional(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: K) throws -> Int? { try optional(type, key) }
  func decodeIfPresent(_ type: Int8.Type, forKey key: K) throws -> Int8? { try optional(type, key) }
  func decodeIfPresent(_ type: Int16.Type, forKey key: K) throws -> Int16? { try optional(type, key) }
  func decodeIfPresent(_ type: Int32.Type, forKey key: K) throws -> Int32? { try optional(type, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: K) throws -> Int64? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt.Type, forKey key: K) throws -> UInt? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt8.Type, forKey key: K) throws -> UInt8? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt16.Type, forKey key: K) throws -> UInt16? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt32.Type, forKey key: K) throws -> UInt32? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt64.Type, forKey key: K) throws -> UInt64? { try optional(type, key) }
  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: K) throws -> T? { try optional(type, key) }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: K
  ) throws -> KeyedDecodingContainer<Nested> {
    try child(TreeKey(key.stringValue)).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: K) throws -> any UnkeyedDecodingContainer {
    try child(TreeKey(key.stringValue)).unkeyedContainer()
  }

  func superDecoder() -> any Decoder { child("super") }
  func superDecoder(forKey key: K) -> any Decoder { child(TreeKey(key.stringValue)) }

  private func child(_ name: TreeKey) -> NodeDecoder {
    owner.child(member(named: name), owner.place.appending(name))
  }
}
