/// Where an array, or whatever else has members without names, finds them: a list or tuple of the tree, or the
/// row of numbers that they were written as.
struct ListNodeDecoder: UnkeyedDecodingContainer {
  let owner: NodeDecoder
  private var contents: NodeDecoder.Contents
  private(set) var currentIndex = 0

  init(owner: NodeDecoder, contents: NodeDecoder.Contents) {
    self.owner = owner
    self.contents = contents
  }

  private var session: DecodingSession { owner.session }
  private var place: Place { owner.place.appending(position: currentIndex) }
  var codingPath: [any CodingKey] { owner.place.codingPath }
  var count: Int? { memberCount }
  var isAtEnd: Bool { currentIndex >= memberCount }

  private var memberCount: Int {
    switch contents {
    case .members(let members): members.count
    case .row(let row): row.count
    case .branches, .absent: 0
    }
  }

  /// What stands at hand, for whoever can take any kind of node: a row of numbers is none.
  private mutating func current() throws -> DecodingNode {
    switch contents {
    case .members(let members):
      guard members.indices.contains(currentIndex) else { return .missing }
      owner.ask(currentIndex)
      return .tree(members[currentIndex])
    case .row(let row):
      try owner.refuse(row, .structure, expected: "a list")
      contents = .absent(.known)
      return .known
    case .absent(let node): return node
    case .branches: return .missing
    }
  }

  /// The member at hand; the next one is the next.
  private mutating func next<T>(_ decode: (DecodingNode, Place) throws -> T) throws -> T {
    let value = try decode(current(), place)
    currentIndex += 1
    return value
  }

  private mutating func number<E: TensorElement & TensorRepresentable & Decodable>(_ type: E.Type) throws -> E
  {
    if let number = try inRow(type) { return number }
    let session = session
    return try next { try session.number(type, from: $0, at: $1) }
  }

  /// The number at hand where it lies in a row; nil elsewhere, and at the row's end.
  private mutating func inRow<E: TensorElement>(_ type: E.Type) throws -> E? {
    guard case .row(let row) = contents else { return nil }
    guard row.dtype == E.dtype else {
      try owner.refuse(row, .dtype, expected: "\(E.dtype)")
      contents = .absent(.known)
      return nil
    }
    guard currentIndex < row.count else {
      contents = .absent(.missing)
      return nil
    }
    owner.ask(currentIndex)
    defer { currentIndex += 1 }
    return row.number(at: currentIndex, as: type)
  }

  private mutating func optional<T: Decodable>(_ type: T.Type) throws -> T? {
    let session = session
    return try next { try T?.decoded(in: session, from: $0, at: $1) }
  }

  /// Moves on where nil stands here, as Codable wants it.
  mutating func decodeNil() throws -> Bool {
    guard case .members = contents, case .tree(.none) = try current() else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode(_ type: Bool.Type) throws -> Bool { try number(type) }
  mutating func decode(_ type: String.Type) throws -> String {
    let session = session
    return try next { try session.text(from: $0, at: $1) }
  }
  mutating func decode(_ type: Double.Type) throws -> Double { try number(type) }
  mutating func decode(_ type: Float.Type) throws -> Float { try number(type) }
  mutating func decode(_ type: Int.Type) throws -> Int { try number(type) }
  mutating func decode(_ type: Int8.Type) throws -> Int8 { try number(type) }
  mutating func decode(_ type: Int16.Type) throws -> Int16 { try number(type) }
  mutating func decode(_ type: Int32.Type) throws -> Int32 { try number(type) }
  mutating func decode(_ type: Int64.Type) throws -> Int64 { try number(type) }
  mutating func decode(_ type: UInt.Type) throws -> UInt { try number(type) }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try number(type) }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try number(type) }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try number(type) }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try number(type) }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if case .row = contents, let number = type as? any TensorElement.Type, let value = try inRow(number) {
      return try session.cast(value, at: place)
    }
    let session = session
    return try next { try session.value(type, from: $0, at: $1) }
  }

  mutating func decodeIfPresent(_ type: Bool.Type) throws -> Bool? { try optional(type) }
  mutating func decodeIfPresent(_ type: String.Type) throws -> String? { try optional(type) }
  mutating func decodeIfPresent(_ type: Double.Type) throws -> Double? { try optional(type) }
  mutating func decodeIfPresent(_ type: Float.Type) throws -> Float? { try optional(type) }
  mutating func decodeIfPresent(_ type: Int.Type) throws -> Int? { try optional(type) }
  mutating func decodeIfPresent(_ type: Int8.Type) throws -> Int8? { try optional(type) }
  mutating func decodeIfPresent(_ type: Int16.Type) throws -> Int16? { try optional(type) }
  mutating func decodeIfPresent(_ type: Int32.Type) throws -> Int32? { try optional(type) }
  mutating func decodeIfPresent(_ type: Int64.Type) throws -> Int64? { try optional(type) }
  mutating func decodeIfPresent(_ type: UInt.Type) throws -> UInt? { try optional(type) }
  mutating func decodeIfPresent(_ type: UInt8.Type) throws -> UInt8? { try optional(type) }
  mutating func decodeIfPresent(_ type: UInt16.Type) throws -> UInt16? { try optional(type) }
  mutating func decodeIfPresent(_ type: UInt32.Type) throws -> UInt32? { try optional(type) }
  mutating func decodeIfPresent(_ type: UInt64.Type) throws -> UInt64? { try optional(type) }
  mutating func decodeIfPresent<T: Decodable>(_ type: T.Type) throws -> T? { try optional(type) }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try child().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try child().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { try child() }

  private mutating func child() throws -> NodeDecoder {
    let child = owner.child(try current(), place)
    currentIndex += 1
    return child
  }
}
