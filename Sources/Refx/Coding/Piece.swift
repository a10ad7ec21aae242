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

/// Members without names. While all of them are numbers of one type they are a row, which is one leaf; any
/// other member turns it into a list.
final class ListPiece {
  private enum Content {
    case members([Piece])
    case row(NumberRow)
  }

  private var content = Content.members([])

  init(_ members: [Piece] = []) {
    content = .members(members)
  }

  var count: Int {
    switch content {
    case .members(let members): members.count
    case .row(let row): row.count
    }
  }

  /// The one leaf that all members are; nil where they are a list.
  var row: Leaf? {
    if case .row(let row) = content { row.leaf } else { nil }
  }

  /// The members one by one.
  var members: [Piece] {
    switch content {
    case .members(let members): members
    case .row(let row): row.leaves.map { .leaf($0) }
    }
  }

  func append(_ piece: Piece) {
    var members = members
    content = .members([])
    members.append(piece)
    content = .members(members)
  }

  func append<E: TensorElement>(_ number: E) {
    guard var row = takeRow(of: E.self) else { return append(.leaf(Leaf(number))) }
    row.append(number)
    content = .row(row)
  }

  /// Appends numbers; none at all make an empty list a row without elements.
  func append<S: Sequence>(contentsOf numbers: S) where S.Element: TensorElement {
    guard var row = takeRow(of: S.Element.self) else {
      for number in numbers { append(.leaf(Leaf(number))) }
      return
    }
    row.append(contentsOf: numbers)
    content = .row(row)
  }

  /// The row that numbers of this type may join, taken out so that it grows in place; nil where there is none.
  private func takeRow<E: TensorElement>(of type: E.Type) -> NumberRow? {
    switch content {
    case .members(let members) where members.isEmpty: return NumberRow(of: type)
    case .row(let row) where row.dtype == E.dtype:
      content = .members([])
      return row
    default: return nil
    }
  }
}

final class SlotPiece {
  /// Nil until something is encoded; what stays nil is an empty dictionary, as an empty struct is.
  var piece: Piece?
}

/// A Ref or a class instance that was met, and what it holds.
final class ObjectPiece {
  /// Kept, so that no other object takes the address while the model is encoded.
  let object: AnyObject
  /// The object where it is a Ref.
  let ref: AnyRef?
  /// The number that it got in the finished tree, once it was met there. A session's pieces are finished once.
  var number: Int?
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

  init(_ object: AnyObject, ref: AnyRef?, openRefs: Int) {
    self.object = object
    self.ref = ref
    self.openRefs = openRefs
  }

  /// Whether the object stands in a tree as a shared value: a Ref always, a class instance from its second
  /// site on.
  var isShared: Bool { ref != nil || sites > 1 }
  var collection: CollectionTag? { ref?.collection }
}
