import Refx

extension TreeMerge {
  /// Merges what stands at one place; nil where nothing stays there.
  mutating func merge(_ trio: Trio, at path: Path) throws -> Tree<Leaf>? {
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
  mutating func addSites() throws {
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

  mutating func standing(_ trio: Trio, at path: Path) -> Standing {
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
