import Refx
import RefxStore

extension RulesRun {
  /// Where each node of the origin is now that is still there.
  func places(_ builder: RuleTreeBuilder) -> [Path: Path] {
    var places: [Path: Path] = [:]
    for (container, path) in builder.places.sorted(by: { $0.key < $1.key }) {
      places[table.containers[container].origin] = path
    }
    for item in table.items.indices where !table.items[item].isGone {
      let origin = table.items[item].origin
      if places[origin] == nil { places[origin] = table.path(of: item) }
    }
    if places[.root] == nil { places[.root] = .root }
    return places
  }

  /// The attributes of `origin` in the tree that the rules made of it: each at its node's new place, those of a
  /// value at the value's first site, and those of an untied value at each of its copies.
  func attributes(
    of origin: CheckpointContents, _ places: [Path: Path], in tree: Tree<Leaf>
  ) throws -> NodeAttributes {
    let before = try ValueTable(of: origin.tree)
    let after = try ValueTable(of: tree)
    func home(_ path: Path) -> Path {
      after.place(path, in: tree)?.node.referenceIndex.flatMap { after[$0]?.firstSite } ?? path
    }
    var attributes = origin.attributes.moved { places[$0].map(home) }
    // What has lost the site that they stood at, and what has become several, is found by its other sites.
    for item in table.items.indices where !table.items[item].isGone {
      let old = table.items[item].origin
      let source =
        before.place(old, in: origin.tree)?.node.referenceIndex.flatMap { before[$0]?.firstSite } ?? old
      let mine = origin.attributes[source]
      if mine.isEmpty { continue }
      let path = home(table.path(of: item))
      var names = Set(attributes[path].map(\.name))
      attributes[path] += mine.filter { names.insert($0.name).inserted }
    }
    return attributes
  }
}
