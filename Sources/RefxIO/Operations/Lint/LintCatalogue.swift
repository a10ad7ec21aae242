import Refx
import RefxStore

/// The arrays of a tree, each once, with what the tree says of them. An index may lack its value here.
struct LintCatalogue {
  struct Array {
    let leaf: Leaf
    /// In order; more than one where a Ref holds the array.
    var sites: [Path]
    let collection: CollectionTag?
    let isReference: Bool
  }

  private(set) var arrays: [Array] = []
  private(set) var dangling: [(path: Path, index: Int)] = []
  /// The first sites of the Refs without a collection.
  private(set) var untagged: [Path] = []
  private(set) var taggedCount = 0
  /// By the path of each site, the array.
  private(set) var places: [Path: Int] = [:]

  /// Of each Ref seen, the array that it holds.
  private var refs: [Int: Int?] = [:]

  /// Reads no payload.
  init(_ tree: Tree<Leaf>) { visit(tree, .root) }

  private mutating func visit(_ tree: Tree<Leaf>, _ path: Path) {
    switch tree {
    case .leaf(let leaf): add(leaf, path, nil, isReference: false)
    case .value(let value):
      if value.collection == nil { untagged.append(path) } else { taggedCount += 1 }
      if case .leaf(let leaf) = value.value {
        refs[value.index] = .some(arrays.count)
        return add(leaf, path, value.collection, isReference: true)
      }
      refs[value.index] = .some(nil)
      visit(value.value, value.value.isReference ? path.appending("0") : path)
    case .index(let index):
      guard let array = refs[index.index] else { return dangling.append((path, index.index)) }
      if let array {
        arrays[array].sites.append(path)
        places[path] = array
      }
    case .dictionary, .list, .tuple: tree.forEachMember(at: path) { visit($0, $1) }
    case .none, .nothing, .hole, .static: break
    }
  }

  private mutating func add(_ leaf: Leaf, _ path: Path, _ tag: CollectionTag?, isReference: Bool) {
    places[path] = arrays.count
    arrays.append(Array(leaf: leaf, sites: [path], collection: tag, isReference: isReference))
  }
}

extension LintCatalogue {
  /// The names that metadata of the kind of `save_model`'s calls the same as another, both of which are there.
  func aliases(_ metadata: JSONObject) -> [(alias: Int, kept: Int, paths: [Path])] {
    metadata.members.compactMap { member in
      guard case .string(let text) = member.value else { return nil }
      let paths: [Path] = [[member.name], [Key(text)]]
      guard let alias = places[paths[0]], let kept = places[paths[1]], alias != kept else { return nil }
      return (alias, kept, paths)
    }
  }
}
