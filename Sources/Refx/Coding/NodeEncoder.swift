/// The `Encoder` that one value of a model writes itself to.
final class NodeEncoder: Encoder {
  let session: EncodingSession
  let place: Place
  private let slot: SlotPiece

  init(session: EncodingSession, slot: SlotPiece, place: Place) {
    self.session = session
    self.slot = slot
    self.place = place
  }

  var codingPath: [any CodingKey] { place.codingPath }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// The members of a subclass join those of its superclass where both ask for a keyed container.
  func container<K: CodingKey>(keyedBy type: K.Type) -> KeyedEncodingContainer<K> {
    KeyedEncodingContainer(KeyedNodeEncoder<K>(session: session, members: keyedPiece(), place: place))
  }

  private func keyedPiece() -> KeyedPiece {
    switch slot.piece {
    case .keyed(let known)?: return known
    case nil: break
    default: session.failure = session.failure ?? .encodedTwice(path: place.path)
    }
    let members = KeyedPiece()
    slot.piece = .keyed(members)
    return members
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .list(let known)? = slot.piece {
      return ListNodeEncoder(session: session, list: known, place: place)
    }
    if slot.piece != nil { session.failure = session.failure ?? .encodedTwice(path: place.path) }
    let list = ListPiece()
    slot.piece = .list(list)
    return ListNodeEncoder(session: session, list: list, place: place)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  /// Puts the one piece that this encoder makes in its slot.
  func put(_ piece: Piece) throws {
    if slot.piece != nil { throw RefxError.encodedTwice(path: place.path) }
    slot.piece = piece
  }
}

extension NodeEncoder: SingleValueEncodingContainer {
  func encodeNil() throws { try put(.none) }
  func encode(_ value: Bool) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: String) throws { try put(.static(.string(value))) }
  func encode(_ value: Double) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: Float) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: Int) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: Int8) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: Int16) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: Int32) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: Int64) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: UInt) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: UInt8) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: UInt16) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: UInt32) throws { try put(.leaf(Leaf(value))) }
  func encode(_ value: UInt64) throws { try put(.leaf(Leaf(value))) }
  func encode<T: Encodable>(_ value: T) throws { try put(try session.piece(of: value, at: place)) }
}
