import Refx

/// The Refs of the three trees that stand at one site: the tree's index of each, a negative number of its own for
/// a value that is no Ref, nil for nothing.
struct Cells: Hashable {
  var base: Int?
  var a: Int?
  var b: Int?
}

/// A Ref of the merged tree, before it is known with which others it is one.
struct MergedCell {
  let cells: Cells
  /// Where it was first seen.
  let path: Path
  /// Merged, with the numbers of cells for indexes; nil for one that follows.
  var content: Tree<Leaf>?
  var standing = Standing.plain
  /// Whether it adds a site to another's value.
  var follows = false
}

/// Whether a value is a Ref, and of which collection.
enum Standing: Hashable {
  case plain
  case ref(CollectionTag?)

  var inWords: String {
    switch self {
    case .plain: "a plain value"
    case .ref(nil): "a Ref without a collection"
    case .ref(.name(let name)): "a Ref of collection \(name)"
    case .ref(.number(let number)): "a Ref of collection \(number)"
    }
  }
}
