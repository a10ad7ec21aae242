import Refx
import RefxStore

/// What the three trees have at one place; nil where one has nothing there.
struct Trio {
  var base: Tree<Leaf>?
  var a: Tree<Leaf>?
  var b: Tree<Leaf>?

  var hasReference: Bool {
    (base?.isReference ?? false) || (a?.isReference ?? false) || (b?.isReference ?? false)
  }
}

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
  private var numbers: [Cells: Int] = [:]
  private var waiting: [(number: Int, trio: Trio)] = []
  private var plainCount = 0
  private var stepsLeft: Int

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

extension TreeMerge {
  private mutating func merge(_ trio: Trio, at path: Path) throws -> Tree<Leaf>? {
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    guard stepsLeft > 0 else { throw RefxError.tiesTooUnlike(path: path) }
    stepsLeft -= 1
    if let base = trio.base, trio.a == nil || trio.b == nil {
      if let other = trio.a ?? trio.b {
        removals.append(Removal(base: base, other: other, isOfA: trio.a != nil, path: path))
      }
      return nil
    }
    guard trio.hasReference else { return try mergeContents(trio, at: path) }
    let cells = Cells(base: cell(trio.base), a: cell(trio.a), b: cell(trio.b))
    if let number = numbers[cells] { return .index(Index(number)) }
    let number = values.count
    numbers[cells] = number
    values.append(MergedCell(cells: cells, path: path))
    if cells.base == nil {
      waiting.append((number, trio))
    } else {
      try fill(number, trio)
    }
    return .index(Index(number))
  }

  private mutating func cell(_ tree: Tree<Leaf>?) -> Int? {
    guard let tree else { return nil }
    if let index = tree.referenceIndex { return index }
    plainCount += 1
    return -plainCount
  }

  /// Decides what a Ref holds.
  private mutating func fill(_ number: Int, _ trio: Trio) throws {
    let path = values[number].path
    values[number].standing = standing(trio, at: path)
    let inside = Trio(
      base: trio.base.map { base.inside($0) }, a: trio.a.map { a.inside($0) }, b: trio.b.map { b.inside($0) })
    let isChain = inside.hasReference
    let insidePath = isChain ? path.appending("0") : path
    guard isChain, let kept = mostlyReplaced(trio, inside, at: insidePath) else {
      values[number].content = try merge(inside, at: insidePath)
      return
    }
    values[number].content = try merge(kept, at: insidePath)
  }

  /// Where Refs stand directly inside Refs in one tree and no Ref at all in another: what is taken whole; nil where
  /// all have a Ref.
  private mutating func mostlyReplaced(_ trio: Trio, _ inside: Trio, at path: Path) -> Trio? {
    guard let before = trio.base, let mine = trio.a, let theirs = trio.b, let base = inside.base,
      let a = inside.a, let b = inside.b
    else { return nil }
    switch (mine.isReference == before.isReference, theirs.isReference == before.isReference) {
    case (true, true): return nil
    case (true, false):
      removals.append(Removal(base: base, other: a, isOfA: true, path: path))
      return Trio(base: nil, a: nil, b: b)
    case (false, true):
      removals.append(Removal(base: base, other: b, isOfA: false, path: path))
      return Trio(base: nil, a: a, b: nil)
    case (false, false): return Trio(base: nil, a: a, b: b)
    }
  }

  /// Fills the Refs that the base has not, now that all others are known. Another site of a Ref that stands in the
  /// base or in both edits follows that one, whatever becomes of its value.
  private mutating func addSites() throws {
    let inBase = Set(values.lazy.map(\.cells).filter { $0.base != nil }.map { Cells(a: $0.a, b: $0.b) })
    // What both added holds what both or one of them added, what one added only that.
    try fillWaiting(of: { $0.a != nil && $0.b != nil }, unless: { inBase.contains($0) })
    let known = values.lazy.map(\.cells).filter { $0.base != nil || ($0.a != nil && $0.b != nil) }
    let inA = Set(known.compactMap(\.a))
    let inB = Set(known.compactMap(\.b))
    try fillWaiting(
      of: { _ in true },
      unless: { ($0.a.map { inA.contains($0) } ?? false) || ($0.b.map { inB.contains($0) } ?? false) })
  }

  /// Fills those that `isMeant` chooses, also such as come up by that, and leaves the others waiting.
  private mutating func fillWaiting(of isMeant: (Cells) -> Bool, unless follows: (Cells) -> Bool) throws {
    var left: [(number: Int, trio: Trio)] = []
    var next = 0
    while next < waiting.count {
      let (number, trio) = waiting[next]
      next += 1
      let cells = values[number].cells
      if !isMeant(cells) {
        left.append((number, trio))
      } else if follows(cells) {
        values[number].follows = true
      } else {
        try fill(number, trio)
      }
    }
    waiting = left
  }

  private mutating func standing(_ trio: Trio, at path: Path) -> Standing {
    let before = trio.base.map { base.standing(of: $0) }
    guard let tree = trio.a else { return trio.b.map { b.standing(of: $0) } ?? .plain }
    let mine = a.standing(of: tree)
    guard let other = trio.b else { return mine }
    let theirs = b.standing(of: other)
    if let before, mine != before { taken.a += 1 }
    if let before, theirs != before { taken.b += 1 }
    if mine == theirs || theirs == before { return mine }
    if mine == before { return theirs }
    conflict(.collection, at: path, "\(names.a) has it \(mine.inWords), \(names.b) \(theirs.inWords)")
    return mine
  }
}

// MARK: Nodes

extension TreeMerge {
  /// Merges what no Ref stands around.
  private mutating func mergeContents(_ trio: Trio, at path: Path) throws -> Tree<Leaf>? {
    guard let mine = trio.a, let theirs = trio.b else {
      guard let only = trio.a ?? trio.b else { return nil }
      return try mergeMembers(trio, of: only, at: path)
    }
    if let base = trio.base {
      switch (mine.isOfKind(base), theirs.isOfKind(base)) {
      case (true, true): return try mergeKind(trio, mine, theirs, at: path)
      case (true, false):
        taken.b += 1
        removals.append(Removal(base: base, other: mine, isOfA: true, path: path))
        return try mergeContents(Trio(base: nil, a: nil, b: theirs), at: path)
      case (false, true):
        taken.a += 1
        removals.append(Removal(base: base, other: theirs, isOfA: false, path: path))
        return try mergeContents(Trio(base: nil, a: mine, b: nil), at: path)
      case (false, false):
        taken.a += 1
        taken.b += 1
      }
    }
    guard mine.isOfKind(theirs) else {
      conflict(.structure, at: path, "\(names.a) has \(mine.inWords), \(names.b) \(theirs.inWords)")
      return nil
    }
    return try mergeKind(Trio(base: nil, a: mine, b: theirs), mine, theirs, at: path)
  }

  /// Merges nodes of one kind.
  private mutating func mergeKind(
    _ trio: Trio, _ mine: Tree<Leaf>, _ theirs: Tree<Leaf>, at path: Path
  ) throws -> Tree<Leaf>? {
    switch (mine, theirs) {
    case (.leaf(let mine), .leaf(let theirs)):
      guard case .leaf(let base)? = trio.base else { return try mergeLeaf(nil, mine, theirs, at: path) }
      return try mergeLeaf(base, mine, theirs, at: path)
    case (.static(let mine), .static(let theirs)):
      var before: StaticValue?
      if case .static(let value)? = trio.base { before = value }
      if let before, mine != before { taken.a += 1 }
      if let before, theirs != before { taken.b += 1 }
      if mine == theirs || theirs == before { return trio.a }
      if mine == before { return trio.b }
      conflict(.structure, at: path, "\(names.a) has the static value \(mine), \(names.b) \(theirs)")
      return nil
    case (.list(let mine), .list(let theirs)), (.tuple(let mine), .tuple(let theirs)):
      let before = trio.base?.members
      guard mine.count == theirs.count || mine.count == before?.count || theirs.count == before?.count else {
        conflict(
          .structure, at: path,
          "\(names.a) has \(mine.count) members, \(names.b) \(theirs.count)"
            + (before.map { ", the base \($0.count)" } ?? ""))
        return nil
      }
      return try mergeMembers(trio, of: trio.a ?? .nothing, at: path)
    default: return try mergeMembers(trio, of: mine, at: path)
    }
  }

  private mutating func mergeLeaf(
    _ base: Leaf?, _ mine: Leaf, _ theirs: Leaf, at path: Path
  ) throws -> Tree<Leaf>? {
    let mineIsNew = try base.map { try !mine.holdsSame(as: $0, at: path) } ?? true
    let theirsIsNew = try base.map { try !theirs.holdsSame(as: $0, at: path) } ?? true
    if base != nil && mineIsNew { taken.a += 1 }
    if base != nil && theirsIsNew { taken.b += 1 }
    if !theirsIsNew { return .leaf(mine) }
    if !mineIsNew { return .leaf(theirs) }
    if mine.dtype != theirs.dtype || mine.shape != theirs.shape {
      conflict(
        .type, at: path,
        "\(names.a) has \(mine.dtype.name) \(mine.shape), \(names.b) \(theirs.dtype.name) \(theirs.shape)"
          + (base.map { ", the base \($0.dtype.name) \($0.shape)" } ?? ""))
      return nil
    }
    if try mine.holdsSame(as: theirs, at: path) { return .leaf(mine) }
    conflict(
      .value, at: path,
      "\(names.both) " + (base == nil ? "added it with different values" : "gave it different values"))
    return nil
  }

  /// Merges the members of nodes of one kind, by key or position, into a node like `model`.
  private mutating func mergeMembers(
    _ trio: Trio, of model: Tree<Leaf>, at path: Path
  ) throws -> Tree<Leaf> {
    switch model {
    case .dictionary:
      let keys = Set([trio.base, trio.a, trio.b].flatMap { $0?.keys ?? [] }).sorted()
      var members: [(Key, Tree<Leaf>)] = []
      for key in keys {
        let member = Trio(base: trio.base?.named(key), a: trio.a?.named(key), b: trio.b?.named(key))
        if let merged = try mergeMember(member, of: trio, at: path.appending(key)) {
          members.append((key, merged))
        }
      }
      return .dictionary(members)
    case .list: return .list(try mergePositions(trio, at: path))
    case .tuple: return .tuple(try mergePositions(trio, at: path))
    default: return model
    }
  }

  private mutating func mergePositions(_ trio: Trio, at path: Path) throws -> [Tree<Leaf>] {
    let (base, a, b) = (trio.base?.members, trio.a?.members, trio.b?.members)
    let count = max(base?.count ?? 0, a?.count ?? 0, b?.count ?? 0)
    var members: [Tree<Leaf>] = []
    for position in 0..<count {
      func at(_ members: [Tree<Leaf>]?) -> Tree<Leaf>? {
        members.flatMap { position < $0.count ? $0[position] : nil }
      }
      let member = Trio(base: at(base), a: at(a), b: at(b))
      if let merged = try mergeMember(member, of: trio, at: path.appending(Key(position))) {
        members.append(merged)
      }
    }
    return members
  }

  private mutating func mergeMember(_ member: Trio, of trio: Trio, at path: Path) throws -> Tree<Leaf>? {
    if trio.base != nil {
      if (member.base == nil) != (member.a == nil) { taken.a += 1 }
      if (member.base == nil) != (member.b == nil) { taken.b += 1 }
    }
    return try merge(member, at: path)
  }
}
