import Refx

/// What the three trees have at one place; nil where one has nothing there.
struct Trio {
  var base: Tree<Leaf>?
  var a: Tree<Leaf>?
  var b: Tree<Leaf>?

  var hasReference: Bool {
    (base?.isReference ?? false) || (a?.isReference ?? false) || (b?.isReference ?? false)
  }
}

/// Something of the base that one of the two left out or put something else in the place of.
struct Removal {
  let base: Tree<Leaf>
  /// What the other one has there.
  let other: Tree<Leaf>
  let isOfA: Bool
  let path: Path
}

/// Merges three trees place by place. Refs are looked through; every trio of them once.
struct TreeMerge {
  let base: ValueTable<Leaf>
  let a: ValueTable<Leaf>
  let b: ValueTable<Leaf>
  let names: ThreeWayMerge.Names
  var conflicts: [ThreeWayMerge.Conflict] = []
  var taken = ThreeWayMerge.Taken()
  var values: [MergedCell] = []
  var removals: [Removal] = []
  var numbers: [Cells: Int] = [:]
  var waiting: [(number: Int, trio: Trio)] = []
  var plainCount = 0
  var stepsLeft: Int

  init(
    _ base: Tree<Leaf>, _ a: Tree<Leaf>, _ b: Tree<Leaf>, names: ThreeWayMerge.Names = ThreeWayMerge.Names()
  ) throws {
    self.names = names
    self.base = try ValueTable(of: base)
    self.a = try ValueTable(of: a)
    self.b = try ValueTable(of: b)
    // Trees that are versions of one another need a step for each place. Refs in rings of different lengths
    // could pair in any number of ways.
    var places = 0
    for tree in [base, a, b] { try tree.forEachSite { _ in places += 1 } }
    stepsLeft = 8 * places + 1000
  }

  /// The merged tree; nil where there are conflicts.
  mutating func merged(_ trio: Trio) throws -> Tree<Leaf>? {
    let root = try merge(trio, at: .root)
    try addSites()
    try checkRemovals()
    let classes = try TieClasses(&self)
    guard conflicts.isEmpty, let root else { return nil }
    var placing = Placing(values: values, classes: classes)
    return try placing.place(root, at: .root)
  }

  mutating func conflict(_ kind: TreeDiff.Kind, at path: Path, _ what: String) {
    conflicts.append(ThreeWayMerge.Conflict(kind: kind, path: path, what: what))
  }
}

// MARK: Refs
