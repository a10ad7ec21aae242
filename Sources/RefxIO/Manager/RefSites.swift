import Refx

/// Where the Refs of a tree stand, those inside others among them, and the policy by path that each place has.
struct RefSites {
  private struct Site {
    let path: Path
    let number: Int?
  }

  private var sites: [Int: [Site]] = [:]

  init(in tree: Tree<Leaf>, _ table: PolicyTable) throws {
    /// The Refs that hold others, whose policies are found by way of one of their places alone.
    var holders: Set<Int> = []
    var found: [Int: [Site]] = [:]
    func visit(_ tree: Tree<Leaf>, _ path: Path, _ outer: (index: Int, number: Int?)?) {
      switch tree {
      case .value, .index:
        guard let index = tree.referenceIndex else { return }
        let number = table.last(at: path, atLeast: outer?.number)
        if let outer { holders.insert(outer.index) }
        found[index, default: []].append(Site(path: path, number: number))
        guard case .value(let value) = tree else { return }
        visit(value.value, value.value.isReference ? path.appending("0") : path, (index, number))
      default: tree.forEachMember(at: path) { visit($0, $1, outer) }
      }
    }
    visit(tree, .root, nil)
    for index in holders.sorted() {
      guard let all = found[index], let first = all.first else { continue }
      for site in all.dropFirst()
      where table.treatment(site.number).inFile != table.treatment(first.number).inFile {
        throw table.disagreement((first.path, first.number), (site.path, site.number))
      }
    }
    sites = found
  }

  /// What is done with a leaf: the same, by whichever of its paths one comes to it.
  func treatment(of leaf: Leaf, at place: LeafPlace, _ table: PolicyTable) throws -> SavePolicy.Treatment {
    guard let owner = place.owner, let all = sites[owner.index] else {
      return table.treatment(table.last(at: place.path, atLeast: nil)).concerning(leaf)
    }
    let inside = place.path.keys.dropFirst(owner.path.keys.count)
    var decision: (path: Path, number: Int?, treatment: SavePolicy.Treatment)?
    for site in all {
      var number = site.number
      if let own = table.last(of: owner.collection) { number = max(own, number ?? own) }
      let path = inside.isEmpty ? site.path : Path(site.path.keys + inside)
      if !inside.isEmpty { number = table.last(at: path, atLeast: number) }
      let treatment = table.treatment(number).concerning(leaf)
      guard let other = decision else {
        decision = (path, number, treatment)
        continue
      }
      if other.treatment != treatment {
        throw table.disagreement((other.path, other.number), (path, number))
      }
    }
    return decision?.treatment ?? SavePolicy.Treatment()
  }
}

extension SavePolicy.Treatment {
  /// What it says of how something stands in the file.
  fileprivate var inFile: SavePolicy.Treatment {
    SavePolicy.Treatment(dtype: dtype, compression: compression)
  }

  /// What of it matters to a leaf.
  fileprivate func concerning(_ leaf: Leaf) -> SavePolicy.Treatment {
    var own = inFile
    if let dtype, !leaf.dtype.isWiderFloat(than: dtype) { own.dtype = nil }
    return own
  }
}
