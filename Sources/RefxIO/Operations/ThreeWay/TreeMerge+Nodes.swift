import Refx

extension TreeMerge {
  /// Merges what no Ref stands around.
  mutating func mergeContents(_ trio: Trio, at path: Path) throws -> Tree<Leaf>? {
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
