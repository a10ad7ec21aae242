/// Where an array, or whatever else has members without names, writes them: a list of the tree.
struct ListNodeEncoder: UnkeyedEncodingContainer {
  let session: EncodingSession
  let list: ListPiece
  let place: Place

  var codingPath: [any CodingKey] { place.codingPath }
  var count: Int { list.members.count }

  private func put(_ piece: Piece) { list.members.append(piece) }
  private var nextPlace: Place { place.appending(Key(count)) }

  func encodeNil() { put(.none) }
  func encode(_ value: Bool) { put(.leaf(Leaf(value))) }
  func encode(_ value: String) { put(.static(.string(value))) }
  func encode(_ value: Double) { put(.leaf(Leaf(value))) }
  func encode(_ value: Float) { put(.leaf(Leaf(value))) }
  func encode(_ value: Int) { put(.leaf(Leaf(value))) }
  func encode(_ value: Int8) { put(.leaf(Leaf(value))) }
  func encode(_ value: Int16) { put(.leaf(Leaf(value))) }
  func encode(_ value: Int32) { put(.leaf(Leaf(value))) }
  func encode(_ value: Int64) { put(.leaf(Leaf(value))) }
  func encode(_ value: UInt) { put(.leaf(Leaf(value))) }
  func encode(_ value: UInt8) { put(.leaf(Leaf(value))) }
  func encode(_ value: UInt16) { put(.leaf(Leaf(value))) }
  func encode(_ value: UInt32) { put(.leaf(Leaf(value))) }
  func encode(_ value: UInt64) { put(.leaf(Leaf(value))) }
  func encode<T: Encodable>(_ value: T) throws { put(try session.piece(of: value, at: nextPlace)) }

  func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
    let nested = KeyedPiece()
    let nestedPlace = nextPlace
    put(.keyed(nested))
    return KeyedEncodingContainer(
      KeyedNodeEncoder<Nested>(session: session, members: nested, place: nestedPlace))
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    let nested = ListPiece()
    let nestedPlace = nextPlace
    put(.list(nested))
    return ListNodeEncoder(session: session, list: nested, place: nestedPlace)
  }

  func superEncoder() -> any Encoder {
    let slot = SlotPiece()
    let slotPlace = nextPlace
    put(.slot(slot))
    return NodeEncoder(session: session, slot: slot, place: slotPlace)
  }
}
