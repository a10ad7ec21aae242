/// A part of a model while it is encoded: a tree whose shared objects are still objects and whose members are
/// still in the order in which they came.
enum Piece {
  case leaf(Leaf)
  case `static`(StaticValue)
  case none
  case keyed(KeyedPiece)
  case list(ListPiece)
  /// `.some(nil)` of an Optional of an Optional: what nil alone would hide.
  indirect case some(Piece)
  /// A place that an encoder of its own fills, now or later (`superEncoder`).
  case slot(SlotPiece)
  /// A Ref or a class instance.
  case object(ObjectPiece)
}

final class KeyedPiece {
  var keys: [Key] = []
  var members: [Piece] = []

  func append(_ key: Key, _ piece: Piece) {
    keys.append(key)
    members.append(piece)
  }

  /// The positions of the members by ascending key.
  func order(at place: Place) throws -> [Int] {
    let order = keys.indices.sorted { keys[$0] < keys[$1] }
    for (one, next) in zip(order, order.dropFirst()) where keys[one] == keys[next] {
      throw RefxError.keyWrittenTwice(path: place.appending(keys[one]).path)
    }
    return order
  }
}

final class ListPiece {
  var members: [Piece] = []
}

final class SlotPiece {
  /// Nil until something is encoded; what stays nil is an empty dictionary, as an empty struct is.
  var piece: Piece?
}

/// A Ref or a class instance that was met, and what it holds.
final class ObjectPiece {
  /// Kept, so that no other object takes the address while the model is encoded.
  let object: AnyObject
  let isRef: Bool
  let collection: CollectionTag?
  /// Nil while it is being encoded, and where the walk does not look inside.
  var content: Piece?
  /// A Ref with its access, where the walk does not look inside Refs.
  var live: LiveRef?
  /// At how many sites it was met.
  var sites = 0
  var isOpen = true
  /// How many Refs were open when this object was met first: a cycle that comes back with no more of them
  /// passes through none.
  let openRefs: Int

  init(_ object: AnyObject, isRef: Bool, collection: CollectionTag?, openRefs: Int) {
    self.object = object
    self.isRef = isRef
    self.collection = collection
    self.openRefs = openRefs
  }

  /// Whether the object stands in a tree as a shared value: a Ref always, a class instance from its second
  /// site on.
  var isShared: Bool { isRef || sites > 1 }
}
