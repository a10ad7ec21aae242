/// One walk over a model: what was met so far, by identity.
final class EncodingSession {
  /// Whether the contents of Refs are encoded, or Refs are leaves.
  let looksIntoRefs: Bool
  private var objects: [ObjectIdentifier: ObjectPiece] = [:]
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
    case .whole: return try wholePiece(of: value, at: place)
    case .reference:
      guard let reference = value as? any RefEncodable else {
        throw RefxError.refNotEncodable(T.self, path: place.path)
      }
      return try reference.piece(in: self, at: place)
    case .object(let isWhole):
      return try piece(of: value as AnyObject, isRef: false, collection: nil, at: place) {
        isWhole ? try wholePiece(of: value, at: place) : try ownPiece(of: value, at: place)
      }
    case .container:
      guard let container = value as? any EncodableContainer else {
        return try ownPiece(of: value, at: place)
      }
      return try container.piece(in: self, at: place)
    }
  }

  /// Whether values of this type are single numbers, which may stand in a row.
  func isNumber(_ type: Any.Type) -> Bool {
    if case .whole(isNumber: true) = kinds.kind(of: type) { true } else { false }
  }

  /// Encodes an object at one of its sites: its contents at the first, by `content`.
  func piece(
    of object: AnyObject, isRef: Bool, collection: CollectionTag?, at place: Place,
    content: () throws -> Piece
  ) throws -> Piece {
    let identity = ObjectIdentifier(object)
    if let known = objects[identity] {
      if known.isOpen, !isRef, known.openRefs == openRefs {
        throw RefxError.cycleWithoutRef(type(of: object), path: place.path)
      }
      known.sites += 1
      return .object(known)
    }
    let piece = ObjectPiece(object, isRef: isRef, collection: collection, openRefs: openRefs)
    piece.sites = 1
    objects[identity] = piece
    if !isRef || looksIntoRefs {
      openRefs += isRef ? 1 : 0
      defer { openRefs -= isRef ? 1 : 0 }
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

  private func wholePiece<T: Encodable>(of value: T, at place: Place) throws -> Piece {
    guard let whole = value as? any TensorRepresentable else { return try ownPiece(of: value, at: place) }
    do {
      return .leaf(try whole.snapshot())
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
