import Refx
import Testing

/// Twins of what the original's suite asserts of Refs.
@Suite struct RefTests {
  /// The original's classes have slots: no attribute can be added, and a Ref is no larger than it needs to
  /// be. Here the layout says so: a header, the collection, the level, the mark of a walk, the value.
  @Test func aRefHoldsNothingElse() {
    let ref = Ref(1)
    #expect(Mirror(reflecting: ref).children.map(\.label) == ["stored"])
    let base = Mirror(reflecting: ref).superclassMirror
    #expect(base?.children.map(\.label) == ["collection", "level", "walk", "number"])
  }

  @Test func whatStandsForARefIsADeref() throws {
    let ref = Ref(1, collection: "params")
    let value: any Deref = try ref.toValue(3)
    let index: any Deref = ref.toIndex(3)
    #expect(value.index == 3 && index.index == 3)
    #expect(value.collection == "params" && index.collection == "params")
    #expect((ref as Any) is any Referential)
    #expect(!((ref as Any) is any Deref))
    #expect(try ref.toValue(3).toRef().value == 1)
    #expect(try ref.toValue(3).toRef() !== ref)
  }

  @Test func aMapKeepsTheRefs() {
    let r1 = Ref(1)
    let tree: RefTree = [.ref(r1), .ref(r1)]
    let mapped = tree.map { $0 }
    r1.value = 2
    #expect(mapped[0]?.ref === r1)
    #expect(mapped[1]?.ref(as: Int.self)?.value == 2)
  }

  @Test func anotherLevelCannotWrite() throws {
    let ref = Ref(1)
    try withTraceLevel {
      #expect(throws: RefxError.self) { try ref.set(2) }
      #expect(throws: RefxError.self) { try ref.withValue { $0 = 2 } }
      #expect(throws: RefxError.self) { try ref.get() }
      let inside = Ref(1)
      try inside.set(2)
      #expect(inside.value == 2)
    }
    #expect(ref.value == 1)
  }

  /// The original differentiates a function that writes to a Ref from outside.
  @Test func aDifferentiatedFunctionCannotWriteOutside() throws {
    let ref = Ref(1.0)
    let tree: RefTree = ["w": .leaf(3.0)]
    let after = try crossingBoundary(tree) { inside in
      let error = #expect(throws: RefxError.self) { try ref.set(2) }
      #expect(error?.code == .traceLevel)
      return inside
    }
    #expect(try after["w"]?.value() == 3.0)
    #expect(ref.value == 1)
  }

  @Test func derefThroughABoundary() throws {
    let r1 = Ref(1)
    let r2 = Ref(2)
    let tree: RefTree = ["a": [.ref(r1), .ref(r2)], "b": .ref(r1)]

    let after = try crossingBoundary(tree) { inside in
      #expect(inside["a", 0]?.ref === inside["b"]?.ref)
      #expect(inside["a", 1]?.ref !== inside["b"]?.ref)
      #expect(inside["a", 0]?.ref !== r1)
      return inside
    }
    #expect(after["a", 0]?.ref === after["b"]?.ref)
    #expect(after["a", 1]?.ref !== after["b"]?.ref)
    #expect(after["b"]?.ref !== r1)
    #expect(try after["a", 1]?.value() == 2)
  }

  /// A Ref that leaks out of its boundary can be used neither outside nor behind another boundary.
  @Test func aLeakedRefIsOfNoUse() throws {
    let leaked = withTraceLevel { Ref(Tensor([1.0, 2.0])) }
    #expect(throws: RefxError.self) { try leaked.get() }
    try withTraceLevel {
      #expect(throws: RefxError.self) { try leaked.get() }
      #expect(throws: RefxError.self) { try leaked.set(Tensor([3.0])) }
      #expect(throws: RefxError.self) { try deref([.ref(leaked)] as RefTree) }
      _ = try Ref(1).get()
    }
    try withTraceLevel(leaked.level) {
      let value = try leaked.get()
      #expect(value == Tensor([1.0, 2.0]))
    }
  }

  @Test func aRefCrossesAsACopy() throws {
    let r1 = Ref(1)
    let r3 = try crossingBoundary(.ref(r1)) { inside in
      let r2 = try #require(inside.ref(as: Leaf.self))
      #expect(r2 !== r1)
      r2.value = Leaf(2)
      return inside
    }
    #expect(r3.ref !== r1)
    #expect(try r3.value() == 2)
    #expect(r1.value == 1)
  }

  /// What JAX does with a tree definition: work is done again only where the structure is another.
  @Test func equalStructuresAreOneKey() throws {
    var traced: [Structure: Int] = [:]
    func call(_ tree: RefTree) throws {
      let (_, structure) = try derefFlatten(tree)
      let sharing = try deref(tree).structure
      traced[structure, default: 0] += 1
      traced[sharing, default: 0] += 1
    }
    let r1 = Ref(1)
    let r2 = Ref(2)
    try call(["a": .ref(r1), "b": .ref(r2)])
    r1.value = 5
    try call(["a": .ref(r1), "b": .ref(r2)])
    #expect(traced.count == 2)
    #expect(traced.values.allSatisfy { $0 == 2 })
    // Another sharing is another structure; with Derefs as leaves it is the same.
    try call(["a": .ref(r1), "b": .ref(r1)])
    #expect(traced.count == 3)
    #expect(try deref(["a": .ref(Ref(1, collection: "x"))]).structure != deref(["a": .ref(Ref(1))]).structure)
  }

  @Test func aSharedValueIsOneLeaf() throws {
    let r1 = Ref(1)
    let r2 = Ref(2)
    let dereffed = try deref(["a": [.ref(r1), .ref(r2)], "b": .ref(r1)])
    #expect(dereffed.leafCount == 2)
    #expect(dereffed.leaves().count == 2)
  }

  @Test func inPlaceAccessCopiesNothing() throws {
    let ref = Ref([Int](repeating: 0, count: 1000))
    let address = ref.value.withUnsafeBufferPointer { $0.baseAddress }
    ref.value[3] = 1
    try ref.withValue { $0[4] = 2 }
    #expect(ref.value.withUnsafeBufferPointer { $0.baseAddress } == address)
    #expect(ref.value[3...4] == [1, 2])
  }

  @Test func identityNotEquality() {
    let one = Ref(1)
    #expect(one == one)
    #expect(one != Ref(1))
    #expect(Set<AnyRef>([one, one, Ref(1)]).count == 2)
  }
}

/// A number of a tracing library, which says where it belongs.
struct TracedNumber: Traced {
  var value: Double
  var traceLevels: Set<TraceLevel>
}

@Suite struct TraceLevels {
  @Test func aValueOfAnotherLevelIsRefused() throws {
    let own = TracedNumber(value: 1, traceLevels: [])
    let ref = Ref(own)
    let foreign = withTraceLevel { TracedNumber(value: 2, traceLevels: [.current]) }
    let error = #expect(throws: RefxError.self) { try ref.set(foreign) }
    #expect(error?.code == .traceLevel)
    #expect(throws: RefxError.self) { try ref.withValue { $0 = foreign } }
    #expect(ref.value.value == 1)
    let arrays = Ref([own])
    #expect(throws: RefxError.self) { try arrays.set([own, foreign]) }
    let optional = Ref<TracedNumber?>(nil)
    #expect(throws: RefxError.self) { try optional.set(foreign) }
    let dictionary = Ref(["a": own])
    #expect(throws: RefxError.self) { try dictionary.set(["a": foreign]) }
    // A tree with a Ref of another level belongs there too.
    let tree = Ref<RefTree>(.none)
    let leaked = withTraceLevel { Ref(1) }
    #expect(throws: RefxError.self) { try tree.set([.ref(leaked)]) }
    try tree.set([.ref(Ref(1))])
    try withTraceLevel {
      let inside = Ref(own)
      try inside.set(TracedNumber(value: 3, traceLevels: [.current]))
      #expect(inside.value.value == 3)
    }
  }

  @Test func levelsNestAndEnd() {
    #expect(TraceLevel.current == .base)
    withTraceLevel {
      let outer = TraceLevel.current
      #expect(outer != .base)
      withTraceLevel { #expect(TraceLevel.current != outer && TraceLevel.current != .base) }
      withTraceLevel(outer) { #expect(TraceLevel.current == outer) }
      mutable({ _ in false }) { #expect(TraceLevel.current == outer) }
      #expect(TraceLevel.current == outer)
    }
    #expect(TraceLevel.current == .base)
    #expect(TraceLevel.fresh() != TraceLevel.fresh())
  }

  @Test func levelsFollowTheTask() async throws {
    #expect(TraceLevel.current == .base)
    await withTraceLevel {
      let level = TraceLevel.current
      async let child = TraceLevel.current
      #expect(await child == level)
      let inherited = await Task { TraceLevel.current }.value
      #expect(inherited == level)
      let detached = await Task.detached { TraceLevel.current }.value
      #expect(detached == .base)
      await Task.yield()
      #expect(TraceLevel.current == level)
      await withTaskGroup(of: TraceLevel.self) { group in
        for _ in 0..<8 { group.addTask { TraceLevel.current } }
        for await found in group { #expect(found == level) }
      }
    }
    #expect(TraceLevel.current == .base)
  }

  /// A task that outlives the scope it was started in stays at its level, whether others are traced or not.
  @Test func aTaskThatOutlivesItsScope() async {
    let (gate, opener) = AsyncStream.makeStream(of: Void.self)
    let (task, level) = withTraceLevel {
      let task = Task {
        for await _ in gate { break }
        return TraceLevel.current
      }
      return (task, TraceLevel.current)
    }
    #expect(TraceLevel.current == .base)
    opener.finish()
    #expect(await task.value == level)
  }

  @Test func errorsLeaveTheLevel() {
    struct Failure: Error {}
    #expect(throws: Failure.self) { try withTraceLevel { throw Failure() } }
    #expect(TraceLevel.current == .base)
  }
}

@Suite struct Mutability {
  @Test func onlyMatchingCollections() throws {
    let params = Ref(1, collection: "params")
    let stats = Ref(1, collection: "batch_stats")
    let untagged = Ref(1)
    try mutable({ $0 == "params" }) {
      try params.set(2)
      #expect(throws: RefxError.self) { try stats.set(2) }
      #expect(throws: RefxError.self) { try untagged.set(2) }
      #expect(throws: RefxError.self) { try untagged.withValue { $0 += 1 } }
      #expect(stats.value == 1)
      #expect(isMutable("params") && !isMutable("batch_stats") && !isMutable(nil))
    }
    #expect(params.value == 2)
    #expect(isMutable("batch_stats") && isMutable(nil))
    try stats.set(3)
  }

  @Test func theInnermostAloneDecides() throws {
    let stats = Ref(1, collection: "batch_stats")
    try mutable({ _ in false }) {
      #expect(!mutablePredicate()("batch_stats"))
      try mutable({ $0 == "batch_stats" }) {
        try stats.set(2)
        withTraceLevel { #expect(isMutable("batch_stats") && !isMutable("params")) }
      }
      #expect(!isMutable("batch_stats"))
    }
    #expect(mutablePredicate()("anything") && mutablePredicate()(nil))
    #expect(stats.value == 2)
  }

  @Test func itFollowsTheTask() async {
    await mutable({ $0 == 3 }) {
      #expect(await Task { isMutable("params") }.value == false)
      #expect(await Task { isMutable(3) }.value)
      #expect(await Task.detached { isMutable("params") }.value)
    }
    #expect(isMutable("params"))
  }
}
