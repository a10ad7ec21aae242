/// Where an array, or whatever else has members without names, writes them: a list of the tree, or a row
/// where all of them are numbers of one type.
struct ListNodeEncoder: UnkeyedEncodingContainer {
  let session: EncodingSession
  let list: ListPiece
  let place: Place

  var codingPath: [any CodingKey] { place.codingPath }
  var count: Int { list.count }

  private func put(_ piece: Piece) { list.append(piece) }
  private var nextPlace: Place { place.appending(position: count) }

  func encodeNil() { put(.none) }
  func encode(_ value: Bool) { list.append(value) }
  func encode(_ value: String) { put(.static(.string(value))) }
  func encode(_ value: Double) { list.append(value) }
  func encode(_ value: Float) { list.append(value) }
  func encode(_ value: Int) { list.append(value) }
  func encode(_ value: Int8) { list.append(value) }
  func encode(_ value: Int16) { list.append(value) }
  func encode(_ value: Int32) { list.append(value) }
  func encode(_ value: Int64) { list.append(value) }
  func encode(_ value: UInt) { list.append(value) }
  func encode(_ value: UInt8) { list.append(value) }
  func encode(_ value: UInt16) { list.append(value) }
  func encode(_ value: UInt32) { list.append(value) }
  func encode(_ value: UInt64) { list.append(value) }

  func encode<T: Encodable>(_ value: T) throws {
    if session.isNumber(T.self), let number = value as? any TensorElement { return list.append(number) }
    put(try session.piece(of: value, at: nextPlace))
  }

  // Whole runs, as `Foundation.Data` writes them.
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Bool { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Double { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Float { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Int { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Int8 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Int16 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Int32 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == Int64 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == UInt { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == UInt8 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == UInt16 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == UInt32 { list.append(contentsOf: values) }
  func encode<S: Sequence>(contentsOf values: S) where S.Element == UInt64 { list.append(contentsOf: values) }

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
