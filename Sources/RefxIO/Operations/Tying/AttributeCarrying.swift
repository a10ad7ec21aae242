import Refx
import RefxStore

extension ValueTable {
  /// What stands at `path`, a site as the site that it is, and where a listing names it: of what lies inside a shared
  /// value the way by the value's first site. nil where nothing stands there.
  func place(_ path: Path, in tree: Tree<Element>) -> (path: Path, node: Tree<Element>)? {
    var node = tree
    var listed = Path.root
    for key in path.keys {
      if let index = node.referenceIndex {
        guard let entry = self[index] else { return nil }
        listed = entry.firstSite
        if entry.value.isReference {
          guard key == "0" else { return nil }
          node = entry.value
          listed = listed.appending(key)
          continue
        }
        node = entry.value
      }
      guard let next = node.member(key) else { return nil }
      node = next
      listed = listed.appending(key)
    }
    return (listed, node)
  }
}

/// Brings attributes from a tree to one whose nodes stand at the same paths and are shared in another way. Those of a
/// value stand at its first site, which may be another one then.
struct AttributeCarrying {
  private let tree: Tree<Leaf>
  private let values: ValueTable<Leaf>
  private let attributes: NodeAttributes

  init(from tree: Tree<Leaf>, _ values: ValueTable<Leaf>, _ attributes: NodeAttributes) {
    self.tree = tree
    self.values = values
    self.attributes = attributes
  }

  /// - Parameter tied: the paths, in the old tree, of the values that are one now: the first one's attributes come
  ///   first, and of two of one name it is the first that stays.
  /// - Returns: the attributes, and the old paths of those that have no place.
  func carried(to new: Tree<Leaf>, tied: [Path]) throws -> (attributes: NodeAttributes, lost: [Path]) {
    let after = try ValueTable(of: new)
    let home = tied.first.flatMap { after.place($0, in: new)?.node.referenceIndex }
      .flatMap { after[$0]?.firstSite }
    var carried = NodeAttributes()
    var used: Set<Path> = []
    func add(_ old: Path, to path: Path) {
      guard let place = values.place(old, in: tree) else { return }
      // The attributes of a Ref's value are those of its first site.
      let source = place.node.referenceIndex.flatMap { values[$0]?.firstSite } ?? place.path
      for origin in source == place.path ? [source] : [source, place.path] {
        var names = Set(carried[path].map(\.name))
        let mine = attributes[origin]
        carried[path] += mine.filter { names.insert($0.name).inserted }
        if mine.allSatisfy({ carried[path].contains($0) }) { used.insert(origin) }
      }
    }
    try new.forEachSite { site in
      guard site.reference?.isFirst ?? true else { return }
      if let home, home.contains(site.path) {
        let rest = site.path.keys.dropFirst(home.keys.count)
        for path in tied { add(Path(path.keys + rest), to: site.path) }
      } else {
        add(site.path, to: site.path)
      }
    }
    return (carried, attributes.paths.filter { !used.contains($0) })
  }
}
