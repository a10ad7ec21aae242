// Collections of which a model must take everything.

extension DecodingSession {
  /// The Refs of required collections in `tree` of which the model has taken nothing, and the collections of which
  /// the tree has none.
  func gaps(in tree: Tree<Leaf>, requiring: [CollectionTag]) -> [RequiredGap] {
    if requiring.isEmpty { return [] }
    var isThere: Set<CollectionTag> = []
    var untaken: Set<Int> = []
    for (position, entry) in shared.entries.enumerated() {
      guard let collection = entry.collection, requiring.contains(collection) else { continue }
      isThere.insert(collection)
      if entry.object == nil, !entry.isCopied { untaken.insert(position) }
    }
    var places: [Int: Place] = [:]
    if !untaken.isEmpty { find(untaken, in: tree, at: .root(), &places) }
    return requiring.flatMap { collection in
      if !isThere.contains(collection) {
        return [RequiredGap(collection: collection, path: nil, reason: "the checkpoint has no Ref of it")]
      }
      return untaken.sorted().filter { shared[$0].collection == collection }.map {
        RequiredGap(collection: collection, path: places[$0]?.path, reason: "the model does not take it")
      }
    }
  }

  /// The first sites of some entries.
  private func find(_ wanted: Set<Int>, in tree: Tree<Leaf>, at place: Place, _ places: inout [Int: Place]) {
    switch tree {
    case .dictionary(let branches):
      for position in branches.keys.indices {
        find(wanted, in: branches.members[position], at: place.appending(branches.keys[position]), &places)
      }
    case .list(let members), .tuple(let members):
      for position in members.indices {
        find(wanted, in: members[position], at: place.appending(position: position), &places)
      }
    case .value(let value):
      if let position = entry(of: tree), wanted.contains(position) { places[position] = place }
      find(wanted, in: value.value, at: value.value.isReference ? place.appending("0") : place, &places)
    default: break
    }
  }
}
