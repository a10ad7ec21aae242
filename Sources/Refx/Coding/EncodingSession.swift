/// One walk over a model: what was met so far, by identity.
final class EncodingSession {
  /// Whether the contents of Refs are encoded, or Refs are leaves.
  let looksIntoRefs: Bool
  /// The class instances that were met, and the Refs by their number.
  private var instances: [ObjectIdentifier: ObjectPiece] = [:]
  private var refs: [ObjectPiece] = []
  private var numbers = RefNumbers()
  private var kinds = TypeKinds()
  private var openRefs = 0
  private var nesting = 0
  /// What a container could not throw at once.
  var failure: RefxError?

  init(looksIntoRefs: Bool = true) {
    self.looksIntoRefs = looksIntoRefs
  }

  /// How deep values may lie in each other before encoding stops, well before the stack ends. Wrappers that
  /// add no key count too, so it is above ``maximumTreeDepth``.
  static let maximumNesting = maximumTreeDepth + maximumTreeDepth / 2

  /// Encodes `value`, which stands at `place`.
  func piece<T: Encodable>(of value: T, at place: Place) throws -> Piece {
    switch kinds.kind(of: T.self) {
    case .plain: return try ownPiece(of: value, at: place)
    case .text:
      guard let text = value as? String else { return try ownPiece(of: value, at: place) }
      return .static(.string(text))
    case .whole(let type, _): return try wholePiece(of: value, as: type, at: place)
    case .reference(let type, _):
      guard let type else { throw RefxError.refNotEncodable(T.self, path: place.path) }
      return try referencePiece(of: value, as: type, at: place)
    case .object(let whole):
      return try piece(ofInstance: value as AnyObject, at: place) {
        if let whole { return try wholePiece(of: value, as: whole, at: place) }
        return try ownPiece(of: value, at: place)
      }
    case .container(let type, _):
      guard let type else { return try ownPiece(of: value, at: place) }
      return try containerPiece(of: value, as: type, at: place)
    }
  }

  private func referencePiece<T, R: RefEncodable>(of value: T, as type: R.Type, at place: Place) throws
    -> Piece
  {
    try same(value, as: type).piece(in: self, at: place)
  }

  private func containerPiece<T, C: EncodableContainer>(
    of value: T, as type: C.Type, at place: Place
  ) throws -> Piece {
    try same(value, as: type).piece(in: self, at: place)
  }

  /// Whether values of this type are single numbers, which may stand in a row.
  func isNumber(_ type: Any.Type) -> Bool {
    if case .whole(_, isNumber: true) = kinds.kind(of: type) { true } else { false }
  }

  /// Encodes a class instance at one of its sites: its contents at the first, by `content`.
  private func piece(ofInstance object: AnyObject, at place: Place, content: () throws -> Piece) throws
    -> Piece
  {
    if let known = instances[ObjectIdentifier(object)] {
      if known.isOpen, known.openRefs == openRefs {
        throw RefxError.cycleWithoutRef(type(of: object), path: place.path)
      }
      known.sites += 1
      return .object(known)
    }
    let piece = ObjectPiece(object, ref: nil, openRefs: openRefs)
    piece.sites = 1
    instances[ObjectIdentifier(object)] = piece
    piece.content = try content()
    piece.isOpen = false
    return .object(piece)
  }

  /// Encodes a Ref at one of its sites: its contents at the first, by `content`.
  func piece(ofRef ref: AnyRef, at place: Place, content: () throws -> Piece) throws -> Piece {
    let (number, isNew) = numbers.number(of: ref)
    guard isNew else {
      refs[number].sites += 1
      return .object(refs[number])
    }
    let piece = ObjectPiece(ref, ref: ref, openRefs: openRefs)
    piece.sites = 1
    refs.append(piece)
    if looksIntoRefs {
      openRefs += 1
      defer { openRefs -= 1 }
      piece.content = try content()
    }
    piece.isOpen = false
    return .object(piece)
  }

  /// Lets `value` encode itself.
  private func ownPiece<T: Encodable>(of value: T, at place: Place) throws -> Piece {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= EncodingSession.maximumNesting else { throw RefxError.modelTooDeep(path: place.path) }
    let slot = SlotPiece()
    do {
      try value.encode(to: NodeEncoder(session: self, slot: slot, place: place))
    } catch let error as EncodingError {
      throw RefxError.cannotEncode(error, at: place.path)
    }
    if let failure { throw failure }
    return slot.piece ?? .keyed(KeyedPiece())
  }

  private func wholePiece<T, Whole: TensorRepresentable>(
    of value: T, as type: Whole.Type, at place: Place
  ) throws -> Piece {
    do {
      return .leaf(try same(value, as: type).snapshot())
    } catch let error as RefxError {
      throw error.atPath(place.path)
    }
  }
}

/// A Ref whose value can be encoded.
protocol RefEncodable: AnyRef {
  func piece(in session: EncodingSession, at place: Place) throws -> Piece
}

/// An Optional, dictionary or set of what can be encoded.
protocol EncodableContainer: BridgedContainer {
  func piece(in session: EncodingSession, at place: Place) throws -> Piece
}
