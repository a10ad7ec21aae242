/// Writes the values of `source` to the Refs of `target`, leaf by leaf in order. From refx: `update_refs`.
///
/// Target and source are trees or partitions, with as many leaves; the source is live or dereffed. Plain
/// leaves and Nothings of the target are left alone. Where a Ref's value is a subtree with Refs in it, those
/// that stand at the same path are kept and take their values too.
///
/// Everything is checked first, then everything is written: a refused update changes nothing. Payload is not
/// copied. Linear in the number of leaves.
///
/// - Throws: ``RefxError`` where the leaves do not align, sharing differs, a Ref cannot be written here (its
///   trace level, its collection) or a value is of another kind, dtype or shape than the Ref's type takes.
public func updateRefs<Target: LeafAligned, Source: LeafAligned>(_ target: Target, _ source: Source) throws
where Target.Element == RefLeaf, Source.Element: UpdateSource {
  let targets = target.alignedLeaves
  let sources = source.alignedLeaves
  guard targets.count == sources.count else {
    let position = min(targets.count, sources.count)
    let path =
      targets.count > sources.count ? target.alignedPath(of: position) : source.alignedPath(of: position)
    throw RefxError.updateLengths(target: targets.count, source: sources.count, path: path)
  }
  var walk = UpdateWalk()
  for position in targets.indices {
    do {
      try Source.Element.align(targets[position], sources[position], &walk)
    } catch let error as RefxError {
      throw error.under(target.alignedPath(of: position))
    }
  }
  walk.write()
}

/// Something with leaves in a fixed order: a ``Tree`` or a ``Partition``.
public protocol LeafAligned<Element> {
  associatedtype Element
  /// The leaves in order: plain leaves, Refs, Values, Indexes, Nothings, holes.
  var alignedLeaves: [Tree<Element>] { get }
  /// The path of one leaf, for messages.
  func alignedPath(of position: Int) -> Path
}

extension Tree: LeafAligned {
  public var alignedLeaves: [Tree] {
    var leaves: [Tree] = []
    collectAligned(into: &leaves)
    return leaves
  }

  public func alignedPath(of position: Int) -> Path {
    let rules = Flattening<Element>(derefsAreLeaves: true, nothingsAreLeaves: true)
    return Flattener.flatten(self, rules).structure.path(of: position)
  }

  private func collectAligned(into leaves: inout [Tree]) {
    switch self {
    case .leaf, .value, .index, .nothing, .hole: leaves.append(self)
    case .dictionary(let branches): for member in branches.members { member.collectAligned(into: &leaves) }
    case .list(let members), .tuple(let members):
      for member in members { member.collectAligned(into: &leaves) }
    case .none, .static: break
    }
  }
}

extension Partition: LeafAligned {
  public var alignedLeaves: [Tree<Element>] { leaves }
  public func alignedPath(of position: Int) -> Path { layout.path(of: position) }
}

/// A leaf that an update can take values from: live or dereffed.
public protocol UpdateSource {
  /// Checks a leaf of a target against the source's, and keeps what is to be written.
  static func align(_ target: RefTree, _ source: Tree<Self>, _ walk: inout UpdateWalk) throws
}

extension RefLeaf: UpdateSource {
  public static func align(_ target: RefTree, _ source: RefTree, _ walk: inout UpdateWalk) throws {
    try walk.align(target, source)
  }
}

extension Leaf: UpdateSource {
  public static func align(_ target: RefTree, _ source: Tree<Leaf>, _ walk: inout UpdateWalk) throws {
    // By far the most of what comes here: the value of a Ref, a single leaf.
    if case .leaf(.ref(let live)) = target, case .value(let value) = source,
      case .leaf(let leaf) = value.value
    {
      try walk.pair(live, with: leaf, index: value.index)
    } else {
      try walk.align(target, source.map { .leaf($0) })
    }
  }
}

/// One update: pairs the Refs of the target with what the source has for them, and keeps what is to be written.
public struct UpdateWalk: ~Copyable {
  /// What a source has in the place of a Ref: one Ref, or the number of one.
  private enum Origin: Equatable {
    case ref(AnyRef)
    case index(Int)
  }

  private var targets = RefNumbers()
  /// For each target Ref, by its number, what it was paired with first.
  private var origins: [Origin] = []
  /// The Refs of the target, or new ones, that a source's numbers stand for.
  private var refs = TableByIndex<RefLeaf>()
  private var sourceHasRefs = false
  private var sourceHasDerefs = false
  private var writes = StagedWrites()

  init() {}

  /// Checks two leaves that stand at one place, and keeps what is to be written.
  fileprivate mutating func align(_ target: RefTree, _ source: RefTree) throws {
    try notice(source)
    switch target {
    case .leaf(.ref(let live)): try pair(live, with: source, depth: 0)
    case .value, .index: throw RefxError.targetHoldsDeref(target.kindName)
    default: break
    }
  }

  fileprivate consuming func write() { writes.write() }

  /// Pairs a target's Ref with a Value that is a single leaf.
  fileprivate mutating func pair(_ target: LiveRef, with leaf: Leaf, index: Int) throws {
    sourceHasDerefs = true
    let (number, isNew) = targets.number(of: target.ref)
    guard isNew else { throw secondValue(number, index: index) }
    origins.append(.index(index))
    refs.insert(.ref(target), at: index)
    if let refusal = target.ref.refusalToWrite() { throw refusal }
    try target.access.stage(leaf, to: target.ref, in: &writes)
  }

  private mutating func notice(_ source: RefTree) throws {
    switch source {
    case .leaf(.ref): sourceHasRefs = true
    case .value, .index: sourceHasDerefs = true
    default: return
    }
    if sourceHasRefs && sourceHasDerefs { throw RefxError.mixedSource() }
  }

  private mutating func pair(_ target: LiveRef, with source: RefTree, depth: Int) throws {
    let (number, isNew) = targets.number(of: target.ref)
    guard isNew else { return try checkAgain(number, source) }
    switch source {
    case .leaf(.ref(let live)):
      origins.append(.ref(live.ref))
      try stage(live, to: target, depth: depth)
    case .value(let value):
      origins.append(.index(value.index))
      refs.insert(.ref(target), at: value.index)
      try stage(value.value, to: target, depth: depth)
    case .index(let index): throw RefxError.unseenTarget(index: index.index)
    default: throw RefxError.unexpectedSource(source.kindName)
    }
  }

  /// A target Ref that was seen before must be paired with the same again.
  private func checkAgain(_ number: Int, _ source: RefTree) throws {
    let origin = origins[number]
    switch (source, origin) {
    case (.leaf(.ref(let live)), .ref(let before)) where live.ref === before: return
    case (.index(let index), .index(let before)) where index.index == before: return
    case (.value(let value), _): throw secondValue(number, index: value.index)
    case (.index(let index), _):
      throw RefxError.sharedTarget(expected: describe(origin), found: "Index \(index.index)")
    case (.leaf(.ref), _): throw RefxError.sharedTarget(expected: describe(origin), found: "another Ref")
    default: throw RefxError.sharedTarget(expected: describe(origin), found: source.kindName)
    }
  }

  private func secondValue(_ number: Int, index: Int) -> RefxError {
    RefxError.sharedTarget(expected: describe(origins[number]), found: "a second Value, under index \(index)")
  }

  private func describe(_ origin: Origin) -> String {
    switch origin {
    case .ref: "the same Ref as before"
    case .index(let index): "Index \(index), as before"
    }
  }

  private mutating func stage(_ source: LiveRef, to target: LiveRef, depth: Int) throws {
    // A value of the same type without Refs in it goes over as it is.
    if target.access == source.access, target.access != TreeAccess.self,
      type(of: source.ref) == type(of: target.ref)
    {
      if let refusal = target.ref.refusalToWrite() { throw refusal }
      writes.others.append(try target.access.stage(copyOf: source.ref, to: target.ref))
    } else {
      try stage(try source.read(), to: target, depth: depth)
    }
  }

  private mutating func stage(_ value: RefTree, to target: LiveRef, depth: Int) throws {
    if let refusal = target.ref.refusalToWrite() { throw refusal }
    if case .leaf(.leaf(let leaf)) = value {
      try target.access.stage(leaf, to: target.ref, in: &writes)
    } else {
      let kept = try keepingRefs(of: try target.read(), in: value, depth: depth + 1)
      writes.others.append(try target.access.stage(kept, to: target.ref))
    }
  }

  /// The tree `new` with the Refs of `old` where it has Refs or Derefs at the same paths, and new Refs for
  /// its other values.
  private mutating func keepingRefs(of old: RefTree?, in new: RefTree, depth: Int) throws -> RefTree {
    if depth > maximumTreeDepth { throw RefxError.tooDeep() }
    try notice(new)
    switch new {
    case .dictionary(let branches):
      var members: [RefTree] = []
      for (key, member) in zip(branches.keys, branches.members) {
        var before: RefTree?
        if case .dictionary(let all)? = old { before = all[key] }
        members.append(try keepingRefs(of: before, in: member, under: key, depth: depth))
      }
      return .dictionary(Branches(ascending: branches.keys, members: members))
    case .list(let members): return .list(try keepingRefs(of: old, in: members, depth: depth))
    case .tuple(let members): return .tuple(try keepingRefs(of: old, in: members, depth: depth))
    case .leaf(.ref), .value, .index:
      if let old, case .leaf(.ref(let live)) = old {
        try pair(live, with: new, depth: depth)
        return old
      }
      return try newReference(new, depth: depth)
    default: return new
    }
  }

  private mutating func keepingRefs(of old: RefTree?, in members: [RefTree], depth: Int) throws -> [RefTree] {
    var before: [RefTree] = []
    switch old {
    case .list(let all)?, .tuple(let all)?: before = all
    default: break
    }
    var kept: [RefTree] = []
    for (position, member) in members.enumerated() {
      let counterpart = position < before.count ? before[position] : nil
      kept.append(try keepingRefs(of: counterpart, in: member, under: Key(position), depth: depth))
    }
    return kept
  }

  private mutating func keepingRefs(
    of old: RefTree?, in new: RefTree, under key: Key, depth: Int
  ) throws -> RefTree {
    do {
      return try keepingRefs(of: old, in: new, depth: depth + 1)
    } catch let error as RefxError {
      throw error.under(key)
    }
  }

  /// What the source has where the target has no Ref yet: a live Ref joins the target, a Value becomes a Ref.
  private mutating func newReference(_ new: RefTree, depth: Int) throws -> RefTree {
    switch new {
    case .value(let value):
      if refs[value.index] != nil { throw RefxError.valueAlreadyExists(index: value.index, path: .root) }
      if case .leaf(.leaf(let leaf)) = value.value {
        let made = RefLeaf.ref(Ref(leaf, collection: value.collection))
        refs.insert(made, at: value.index)
        return .leaf(made)
      }
      let ref = Ref<RefTree>(.none, collection: value.collection)
      refs.insert(.ref(ref), at: value.index)
      ref.stored = try keepingRefs(of: nil, in: value.value, depth: depth + 1)
      return .ref(ref)
    case .index(let index):
      guard let ref = refs[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: .root)
      }
      return .leaf(ref)
    default: return new
    }
  }
}
