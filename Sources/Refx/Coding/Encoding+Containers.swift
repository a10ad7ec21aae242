extension Optional: BridgedContainer {}

/// Nil is a `none` of the tree. `.some(nil)`, which Codable cannot tell from it, is a tuple around a `none`.
extension Optional: EncodableContainer where Wrapped: Encodable {
  func piece(in session: EncodingSession, at place: Place) throws -> Piece {
    guard let self else { return .none }
    let inner = try session.piece(of: self, at: place)
    switch inner {
    case .none, .some: return Wrapped.self is any OptionalValue.Type ? .some(inner) : inner
    default: return inner
    }
  }
}

/// Any Optional, whatever it wraps.
protocol OptionalValue {}
extension Optional: OptionalValue {}

extension Dictionary: BridgedContainer {}

/// A dictionary of the tree. Keys are what they would be as values: a string as it is, a number in decimal.
/// Codable itself would write most of them as an alternating array, in a new order each time.
extension Dictionary: EncodableContainer where Key: Encodable, Value: Encodable {
  func piece(in session: EncodingSession, at place: Place) throws -> Piece {
    let members = KeyedPiece()
    members.keys.reserveCapacity(count)
    members.members.reserveCapacity(count)
    for (key, value) in self {
      guard let name = try memberName(of: key, in: session, at: place) else {
        throw RefxError.unorderedKeys(Key.self, path: place.path)
      }
      members.append(name, try session.piece(of: value, at: place.appending(name)))
    }
    return .keyed(members)
  }
}

/// The name that a dictionary's key has in a tree; nil where it is neither a string nor a number.
private func memberName<K: Encodable>(of key: K, in session: EncodingSession, at place: Place) throws -> Key?
{
  if let text = key as? String { return Key(text) }
  if let number = key as? Int { return Key(number) }
  if let representable = key as? any CodingKeyRepresentable {
    return Key(representable.codingKey.stringValue)
  }
  switch try session.piece(of: key, at: place) {
  case .static(.string(let text)): return Key(text)
  case .leaf(let leaf): return leaf.numberInDecimal.map { Key($0) }
  default: return nil
  }
}

extension Set: BridgedContainer {}

/// A list of the tree, in the order of the strings' bytes or of the numbers.
extension Set: EncodableContainer where Element: Encodable {
  func piece(in session: EncodingSession, at place: Place) throws -> Piece {
    let ranked = try map { element -> (rank: SortRank, piece: Piece) in
      let piece = try session.piece(of: element, at: place)
      guard let rank = SortRank(piece) else { throw RefxError.unorderedSet(Element.self, path: place.path) }
      return (rank, piece)
    }
    return .list(ListPiece(ranked.sorted { $0.rank < $1.rank }.map(\.piece)))
  }
}

/// What orders the members of a set.
private enum SortRank: Comparable {
  case negative(Int64)
  case natural(UInt64)
  case real(Double)
  case text(Key)

  init?(_ piece: Piece) {
    switch piece {
    case .static(.string(let text)): self = .text(Key(text))
    case .leaf(let leaf):
      switch leaf.number {
      case .integer(let number): self = number < 0 ? .negative(number) : .natural(UInt64(number))
      case .natural(let number): self = .natural(number)
      case .real(let number): self = .real(number)
      case nil: return nil
      }
    default: return nil
    }
  }
}
