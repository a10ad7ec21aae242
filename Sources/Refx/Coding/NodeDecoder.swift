/// The `Decoder` that one value of a model reads itself from.
final class NodeDecoder: Decoder {
  let session: DecodingSession
  let node: DecodingNode
  let place: Place
  /// Which members of a dictionary or list were asked for; nil where nothing was.
  private var asked: AskedMembers?
  /// Whether the value took all that stands here itself.
  private var isTaken = false
  /// What stands here once a Ref was looked through.
  private var plainNode: DecodingNode?
  /// Nested containers and superclasses.
  private var children: [NodeDecoder] = []

  init(session: DecodingSession, node: DecodingNode, place: Place) {
    self.session = session
    self.node = node
    self.place = place
  }

  var codingPath: [any CodingKey] { place.codingPath }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<K: CodingKey>(keyedBy type: K.Type) throws -> KeyedDecodingContainer<K> {
    KeyedDecodingContainer(KeyedNodeDecoder<K>(owner: self, contents: try contents(isKeyed: true)))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    ListNodeDecoder(owner: self, contents: try contents(isKeyed: false))
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  /// The node, of which nothing is left to ask for.
  func taken() -> DecodingNode {
    isTaken = true
    return node
  }

  /// The members that stand here.
  enum Contents {
    case branches(Branches<Leaf>)
    case members([Tree<Leaf>])
    /// Numbers that lie in one leaf.
    case row(NumberRowReader)
    /// There are none, and each that is asked for is this.
    case absent(DecodingNode)
  }

  private func plain() throws -> DecodingNode {
    if let plainNode { return plainNode }
    let found = try session.plain(node, at: place)
    plainNode = found
    return found
  }

  private func contents(isKeyed: Bool) throws -> Contents {
    switch try plain() {
    case .missing:
      if !isKeyed { try session.report(.missing, at: place, expected: "a list") }
      return .absent(.missing)
    case .known: return .absent(.known)
    case .tree(.dictionary(let branches)) where isKeyed:
      if asked == nil { asked = AskedMembers(of: branches.count) }
      return .branches(branches)
    case .tree(.list(let members)) where !isKeyed, .tree(.tuple(let members)) where !isKeyed:
      if asked == nil { asked = AskedMembers(of: members.count) }
      return .members(members)
    case .tree(let other):
      if !isKeyed, case .leaf(let leaf) = other, let row = try self.row(leaf) { return .row(row) }
      isTaken = true
      try session.report(
        .structure, at: place, expected: isKeyed ? "a dictionary" : "a list",
        found: DecodingNode.tree(other).summary)
      return .absent(.known)
    }
  }

  private func row(_ leaf: Leaf) throws -> NumberRowReader? {
    do {
      guard let row = try NumberRowReader(leaf) else { return nil }
      if asked == nil { asked = AskedMembers(of: row.count) }
      return row
    } catch let error as RefxError {
      throw error.atPath(place.path)
    }
  }

  /// Records that a row is not what was asked for, once for all of its numbers.
  func refuse(_ row: NumberRowReader, _ kind: Difference.Kind, expected: String) throws {
    isTaken = true
    let found = kind == .dtype ? "\(row.dtype)" : "\(row.dtype) [\(row.count)]"
    try session.report(kind, at: place, expected: expected, found: found)
  }

  func ask(_ position: Int) { asked?.insert(position) }

  func child(_ node: DecodingNode, _ place: Place) -> NodeDecoder {
    let child = NodeDecoder(session: session, node: node, place: place)
    children.append(child)
    return child
  }

  /// Notes each member that nobody asked for.
  func reportUnexpected() throws {
    for child in children { try child.reportUnexpected() }
    if isTaken || session.allowing.allowEverywhere(.unexpected) { return }
    if let asked, asked.areAll { return }
    guard case .tree(let tree) = try plain() else { return }
    switch tree {
    case .dictionary(let branches):
      for position in branches.keys.indices where asked?.contains(position) != true {
        noteUnexpected(branches.members[position], branches.keys[position])
      }
    case .list(let members), .tuple(let members):
      for position in members.indices where asked?.contains(position) != true {
        noteUnexpected(members[position], Key(position))
      }
    case .leaf(let leaf):
      guard let asked else { break }
      let expected = "\(leaf.dtype) [\(asked.count)]"
      session.note(Difference(.shape, place.path, expected: expected, found: leaf.summary))
    default: break
    }
  }

  private func noteUnexpected(_ tree: Tree<Leaf>, _ key: Key) {
    for (part, place) in session.allowing.refused(tree, at: place.appending(key)) {
      session.note(Difference(.unexpected, place.path, found: DecodingNode.tree(part).summary))
    }
  }
}

extension NodeDecoder: SingleValueDecodingContainer {
  func decodeNil() -> Bool {
    guard case .tree(.none) = node else { return false }
    isTaken = true
    return true
  }

  private func number<E: TensorElement & TensorRepresentable & Decodable>(_ type: E.Type) throws -> E {
    try session.number(type, from: taken(), at: place)
  }

  func decode(_ type: Bool.Type) throws -> Bool { try number(type) }
  func decode(_ type: String.Type) throws -> String { try session.text(from: taken(), at: place) }
  func decode(_ type: Double.Type) throws -> Double { try number(type) }
  func decode(_ type: Float.Type) throws -> Float { try number(type) }
  func decode(_ type: Int.Type) throws -> Int { try number(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try number(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try number(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try number(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try number(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try number(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try number(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try number(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try number(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try number(type) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try session.value(type, from: taken(), at: place) }
}
