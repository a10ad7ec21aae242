import Refx
import RefxStore

extension CheckpointContents {
  /// The contents as the policies want them, and which arrays have another dtype than they had.
  ///
  /// - Parameter releasing: whether large arrays let go of their bytes as soon as they are written.
  /// - Throws: ``RefxError`` where policies by path disagree about a shared value.
  func applying(
    _ policies: [SavePolicy], releasing: Bool = false
  ) throws -> (contents: CheckpointContents, casts: [StepCast]) {
    let table = PolicyTable(policies)
    var result = self
    if policies.contains(where: { !$0.treatment.isSaved }) { result = try result.leavingOut(table) }
    guard policies.contains(where: { $0.treatment.dtype != nil || $0.treatment.compression != nil }) else {
      if releasing { result.tree = result.tree.map { $0.isInMemory ? $0.lettingGo() : $0 } }
      return (result, [])
    }
    let sites = try RefSites(in: result.tree, table)
    var casts = CastTable()
    result.tree = try result.tree.mappingPlacedLeaves { leaf, place in
      let treatment = try sites.treatment(of: leaf, at: place, table)
      let isInMemory = leaf.isInMemory
      var leaf = leaf
      if let dtype = treatment.dtype, leaf.dtype.isWiderFloat(than: dtype) {
        casts.add(place, from: leaf.dtype, to: dtype)
        leaf = try leaf.cast(to: dtype, at: place.path)
      } else {
        casts.keep(place, leaf.dtype)
      }
      if releasing, isInMemory { leaf = leaf.lettingGo() }
      return treatment.compression.map { leaf.wishing($0) } ?? leaf
    }
    return (result, casts.casts)
  }

  private func leavingOut(_ table: PolicyTable) throws -> CheckpointContents {
    var first: [Int: (path: Path, number: Int?)] = [:]
    var left: Set<Int> = []
    var plain: Set<Path> = []
    try forEachPartSite { site in
      let own = site.index == nil ? nil : table.last(of: site.collection)
      let number = table.last(at: site.path, atLeast: own)
      let isSaved = table.treatment(number).isSaved
      guard let index = site.index else {
        if !isSaved { plain.insert(site.path) }
        return
      }
      if let other = first[index] {
        guard isSaved == left.contains(index) else { return }
        throw table.disagreement(other, (site.path, number))
      }
      first[index] = (site.path, number)
      if !isSaved { left.insert(index) }
    }
    return try keeping { site in
      site.index.map { !left.contains($0) } ?? !plain.contains(site.path)
    }
  }

  /// How messages call the policies that concern nothing here.
  func idle(_ policies: [SavePolicy]) throws -> [String] {
    var waiting = Array(policies.enumerated())
    func look(_ path: Path, _ collection: CollectionTag??) {
      waiting.removeAll { _, policy in
        switch policy.scope {
        case .collection(let tag): collection.map { $0 == tag } ?? false
        case .paths(let pattern): (try? pattern.matches(path)) ?? false
        }
      }
    }
    func visit(_ tree: Tree<Leaf>, _ path: Path) {
      if waiting.isEmpty { return }
      switch tree {
      case .leaf: look(path, nil)
      case .index: look(path, nil)
      case .value(let value):
        look(path, .some(value.collection))
        visit(value.value, value.value.isReference ? path.appending("0") : path)
      default: tree.forEachMember(at: path, visit)
      }
    }
    visit(tree, .root)
    return waiting.map(\.element.name)
  }
}

extension DType {
  /// Whether both are real floats and this one takes more room.
  func isWiderFloat(than other: DType) -> Bool {
    guard isRealFloat, other.isRealFloat, let size = itemSize, let otherSize = other.itemSize else {
      return false
    }
    return size > otherSize
  }
}
