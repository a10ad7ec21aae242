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
  /// The Refs of the target, or new ones, that a source's numbers stand for. The target's are held by the target
  /// and by `opened`, which holds new ones as well.
  private var refs = TableByIndex<BorrowedRef>()
  /// The values of target Refs that were looked into, and new Refs.
  private var opened: [RefTree] = []
  private var sourceHasRefs = false
  private var sourceHasDerefs = false
  private var writes = StagedWrites()

  init() {}

  /// Checks two leaves that stand at one place, and keeps what is to be written.
  mutating func align(_ target: RefTree, _ source: RefTree) throws {
    try notice(source)
    switch target {
    case .leaf(.ref(let live)): try pair(live, with: source, depth: 0)
    case .value, .index: throw RefxError.targetHoldsDeref(target.kindName)
    default: break
    }
  }

  consuming func write() {
    let opened = opened
    writes.write()
    withExtendedLifetime(opened) {}
  }

  /// Pairs a target's Ref with a Value that is a single leaf.
  mutating func pair(_ target: BorrowedRef, with leaf: Leaf, index: Int) throws {
    sourceHasDerefs = true
    try target.withRef { ref in
      let (number, isNew) = targets.number(of: ref)
      guard isNew else { throw secondValue(number, index: index) }
      origins.append(.index(index))
      refs.insert(target, at: index)
      if let refusal = ref.refusalToWrite() { throw refusal }
      try target.access.stage(leaf, to: ref, in: &writes)
    }
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
      refs.insert(BorrowedRef(target), at: value.index)
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
      let old = try target.read()
      opened.append(old)
      let kept = try keepingRefs(of: old, in: value, depth: depth + 1)
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
        hold(made, as: value.index)
        return .leaf(made)
      }
      let ref = Ref<RefTree>(.none, collection: value.collection)
      hold(.ref(ref), as: value.index)
      ref.stored = try keepingRefs(of: nil, in: value.value, depth: depth + 1)
      return .ref(ref)
    case .index(let index):
      guard let ref = refs[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: .root)
      }
      return .leaf(.ref(ref.live))
    default: return new
    }
  }

  private mutating func hold(_ made: RefLeaf, as index: Int) {
    guard case .ref(let live) = made else { return }
    opened.append(.leaf(made))
    refs.insert(BorrowedRef(live), at: index)
  }
}
