import Refx
import Testing

/// What a walk leaves in the Refs must not reach another walk: one inside it, one beside it, or the next.
@Suite struct WalkTests {
  /// Its snapshot derefs a tree of its own: a walk inside a walk.
  private final class Nested: TensorRepresentable {
    let inner: RefTree?
    private(set) var seen: [Tree<Leaf>] = []

    init(_ inner: RefTree?) { self.inner = inner }

    func snapshot() throws -> Leaf {
      if let inner { seen.append(try deref(inner)) }
      return Leaf(Int32(seen.count))
    }

    init(leaf: Leaf) throws { inner = nil }
  }

  private func numbers(_ tree: Tree<Leaf>) throws -> [Int?] {
    try tree.sites().filter { !$0.content.isInterior }.map { $0.reference?.index }
  }

  @Test func aWalkInsideAWalkLeavesItsNumbersAlone() throws {
    let shared = Ref(Tensor([1, 2] as [Float]))
    let own = Ref(Tensor([3] as [Float]))
    let nested = Nested([.ref(own), .ref(shared), .ref(own), .ref(shared)])
    let around: RefTree = [.ref(shared), .ref(Ref(nested)), .ref(shared), .ref(own), .ref(own)]
    for _ in 0..<2 {
      let dereffed = try deref(around)
      #expect(try numbers(dereffed) == [0, 1, 0, 2, 2])
      #expect(try numbers(#require(nested.seen.last)) == [0, 1, 0, 1])
    }
  }

  @Test func moreWalksInsideEachOtherThanThereAreMarks() throws {
    let shared = Ref(Tensor([1] as [Float]))
    var all: [Nested] = []
    var tree: RefTree = [.ref(shared), .ref(shared)]
    for _ in 0..<300 {
      all.append(Nested(tree))
      tree = [.ref(shared), .ref(Ref(all.last!)), .ref(shared)]
    }
    #expect(try numbers(deref(tree)) == [0, 1, 0])
    for nested in all.dropFirst() {
      let seen = try nested.seen.map { try numbers($0) }
      #expect(seen == [[0, 1, 0]])
    }
    #expect(try numbers(#require(all.first?.seen.first)) == [0, 0])
  }

  @Test func aWalkThatFailsLeavesNothing() throws {
    let one = Ref(Tensor([1] as [Float]))
    let two = Ref(Tensor([2] as [Float]))
    let other = withTraceLevel { Ref(Tensor([3] as [Float])) }
    #expect(throws: RefxError.self) { try deref([.ref(two), .ref(one), .ref(other)] as RefTree) }
    #expect(try numbers(deref([.ref(one), .ref(two), .ref(one)] as RefTree)) == [0, 1, 0])
    #expect(throws: RefxError.self) {
      try updateRefs([.ref(one), .ref(two)] as RefTree, [.ref(two), .leaf(1)] as RefTree)
    }
    try updateRefs([.ref(one), .ref(two)] as RefTree, [.ref(two), .ref(one)] as RefTree)
    #expect(one.value == Tensor([2] as [Float]) && two.value == Tensor([1] as [Float]))
  }

  @Test func walksBesideEachOther() async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for task in 0..<8 {
        group.addTask {
          let refs = (0..<2_000).map { Ref(Tensor([Float(task), Float($0)])) }
          let tree = RefTree.list((refs + refs.reversed()).map { .ref($0) })
          let wanted = Array(0..<2_000) + (0..<2_000).reversed()
          for _ in 0..<10 {
            let dereffed = try deref(tree)
            guard try dereffed.sites().compactMap({ $0.reference?.index }) == wanted else { return false }
            try updateRefs(tree, dereffed)
          }
          return true
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }

  @Test func numbersWithGaps() throws {
    let indexes = [5, 3, 40, 1_000_000, -7, 6, 41, 0, 4]
    let tree = Tree<Leaf>.list(
      indexes.map { .value(Value(.leaf(Float($0)), index: $0)) } + indexes.map { .index(Index($0)) })
    let live = try reref(tree)
    guard case .list(let members) = live else {
      Issue.record("a list became something else")
      return
    }
    for (position, index) in indexes.enumerated() {
      #expect(members[position].ref === members[position + indexes.count].ref)
      #expect(try members[position].value(as: Float.self) == Float(index))
    }
    for index in [1, 39, 42, -1, 999_999] {
      #expect(throws: RefxError.self) { try reref(Tree<Leaf>.list([tree, .index(Index(index))])) }
    }
    for index in indexes {
      let again = Tree<Leaf>.list([tree, .value(Value(.leaf(1), index: index))])
      #expect(throws: RefxError.self) { try reref(again) }
      #expect(throws: RefxError.self) { try again.sites() }
    }
  }

  @Test func valuesOfEveryKind() throws {
    var value = Value<Tree<Leaf>>(.leaf(Float(1)), index: 3, collection: "params")
    #expect(value.value.leaves().count == 1)
    value.value = ["a": .leaf(1), "b": .leaf(2)]
    #expect(value.value.leaves().count == 2 && value.index == 3 && value.collection == "params")
    value.value = .index(Index(2))
    #expect(value.value.referenceIndex == 2)
    let numbers = Value(7, index: 1)
    #expect(numbers.value == 7 && numbers == Value(7, index: 1) && numbers != Value(8, index: 1))
    #expect(Set([numbers, Value(7, index: 1)]).count == 1)
  }
}
