/// Where a struct, a class or an enum with payloads writes its members: a dictionary of the tree.
struct KeyedNodeEncoder<K: CodingKey>: KeyedEncodingContainerProtocol {
  let session: EncodingSession
  let members: KeyedPiece
  let place: Place

  var codingPath: [any CodingKey] { place.codingPath }

  private func put(_ piece: Piece, _ key: K) { members.append(TreeKey(key.stringValue), piece) }
  private func put<E: TensorElement>(_ number: E, _ key: K) { put(.leaf(Leaf(number)), key) }

  private func put<E: TensorElement>(_ number: E?, _ key: K) {
    if let number { put(number, key) } else { put(Piece.none, key) }
  }

  func encodeNil(forKey key: K) { put(Piece.none, key) }
  func encode(_ value: Bool, forKey key: K) { put(value, key) }
  func encode(_ value: String, forKey key: K) { put(.static(.string(value)), key) }
  func encode(_ value: Double, forKey key: K) { put(value, key) }
  func encode(_ value: Float, forKey key: K) { put(value, key) }
  func encode(_ value: Int, forKey key: K) { put(value, key) }
  func encode(_ value: Int8, forKey key: K) { put(value, key) }
  func encode(_ value: Int16, forKey key: K) { put(value, key) }
  func encode(_ value: Int32, forKey key: K) { put(value, key) }
  func encode(_ value: Int64, forKey key: K) { put(value, key) }
  func encode(_ value: UInt, forKey key: K) { put(value, key) }
  func encode(_ value: UInt8, forKey key: K) { put(value, key) }
  func encode(_ value: UInt16, forKey key: K) { put(value, key) }
  func encode(_ value: UInt32, forKey key: K) { put(value, key) }
  func encode(_ value: UInt64, forKey key: K) { put(value, key) }

  func encode<T: Encodable>(_ value: T, forKey key: K) throws {
    let name = TreeKey(key.stringValue)
    members.append(name, try session.piece(of: value, at: place.appending(name)))
  }

  // Nil is written, in every overload: the standard library's own would leave it out.
  func encodeIfPresent(_ value: Bool?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: String?, forKey key: K) {
    put(value.map { .static(.string($0)) } ?? Piece.none, key)
  }
  func encodeIfPresent(_ value: Double?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: Float?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: Int?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: Int8?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: Int16?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: Int32?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: Int64?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: UInt?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: UInt8?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: UInt16?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: UInt32?, forKey key: K) { put(value, key) }
  func encodeIfPresent(_ value: UInt64?, forKey key: K) { put(value, key) }

  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: K) throws {
    let name = TreeKey(key.stringValue)
    members.append(name, try value.piece(in: session, at: place.appending(name)))
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy keyType: Nested.Type, forKey key: K
  ) -> KeyedEncodingContainer<Nested> {
    let name = TreeKey(key.stringValue)
    let nested = KeyedPiece()
    members.append(name, .keyed(nested))
    return KeyedEncodingContainer(
      KeyedNodeEncoder<Nested>(session: session, members: nested, place: place.appending(name)))
  }

  func nestedUnkeyedContainer(forKey key: K) -> any UnkeyedEncodingContainer {
    let name = TreeKey(key.stringValue)
    let list = ListPiece()
    members.append(name, .list(list))
    return ListNodeEncoder(session: session, list: list, place: place.appending(name))
  }

  func superEncoder() -> any Encoder { slotEncoder(named: "super") }
  func superEncoder(forKey key: K) -> any Encoder { slotEncoder(named: TreeKey(key.stringValue)) }

  private func slotEncoder(named name: TreeKey) -> NodeEncoder {
    let slot = SlotPiece()
    members.append(name, .slot(slot))
    return NodeEncoder(session: session, slot: slot, place: place.appending(name))
  }
}
