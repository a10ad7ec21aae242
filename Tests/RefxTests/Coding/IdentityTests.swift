import Foundation
import Testing

@testable import Refx

/// Sharing is identity, there and back.
@Suite struct IdentityTests {
  @Test func tiedModelWithOptimizer() throws {
    let training = Training.make()
    let (first, second, back) = try roundTrip(training)
    #expect(first == second)
    #expect(back.model.$embedding === back.model.head.weight)
    #expect(back.optimizer.moments[0].parameter === back.model.$embedding)
    #expect(back.optimizer.moments[1].parameter === back.model.layers[0].$weight)
    #expect(back.model.$embedding !== training.model.$embedding)
    #expect(back.model.$embedding.collection == "params")
    #expect(back.model.layers[1].$mean.collection == "batch_stats")
    #expect(back.optimizer.step == 100)
    #expect(
      try TreeEncoder().encode(training.model).text == """
        {bias: none, embedding: #0@params=f32[3, 2][1.0, 2.0, 3.0, 4.0, 5.0, 6.0], head: {weight: #0}, \
        layers: [{dropout: f64[][0.1], mean: #1@batch_stats=f32[2][0.5, 0.0], weight: #2@params=f32[2][0.0, 2.0]}, \
        {dropout: f64[][0.1], mean: #3@batch_stats=f32[2][0.5, 1.0], weight: #4@params=f32[2][1.0, 2.0]}], name: "tiny"}
        """)
  }

  @Test func numbersFollowTheOrderOfTheTree() throws {
    // Declared the other way round than the tree is ordered.
    struct Backwards: Codable {
      var z: Ref<Int>
      var m: [Ref<Int>]
      var a: Ref<Int>
    }
    let one = Ref(1), two = Ref(2)
    let model = Backwards(z: one, m: [two, one], a: two)
    let (first, second, back) = try roundTrip(model)
    #expect(first == "{a: #0=i64[][2], m: [#0, #1=i64[][1]], z: #1}")
    #expect(second == first)
    #expect(back.a === back.m[0] && back.z === back.m[1] && back.a !== back.z)
  }

  @Test func everyShapeOfSites() throws {
    struct Shapes: Codable {
      var plain: Ref<Int>
      var optional: Ref<Int>?
      var list: [Ref<Int>?]
      var names: [String: Ref<Int>]
      var numbers: [Int: [Ref<Int>]]
      var nested: Ref<Ref<Int>>
      var inside: Ref<Inner>
      @RefField var field: Int
      struct Inner: Codable { var ref: Ref<Int> }
    }
    let r = Ref(7, collection: 3)
    var model = Shapes(
      plain: r, optional: r, list: [r, nil], names: ["k": r], numbers: [1: [r, r]], nested: Ref(r),
      inside: Ref(.init(ref: r)), field: 0)
    model.$field = r
    let (first, second, back) = try roundTrip(model)
    #expect(first == second)
    #expect(
      first == """
        {field: #0@3=i64[][7], inside: #1={ref: #0}, list: [#0, none], names: {k: #0}, nested: #2=#0, \
        numbers: {1: [#0, #0]}, optional: #0, plain: #0}
        """)
    let refs = [
      back.plain, back.optional, back.list[0], back.names["k"], back.numbers[1]?[1], back.nested.value,
      back.inside.value.ref, back.$field,
    ]
    #expect(refs.allSatisfy { $0 === back.plain })
  }

  @Test func classInstancesAreShared() throws {
    struct Pair: Codable {
      var a: Dog
      var b: Dog
      var c: Dog
    }
    let one = Dog(), two = Dog()
    let (first, second, back) = try roundTrip(Pair(a: one, b: two, c: one))
    #expect(first == second)
    #expect(
      first == """
        {a: #0={super: {legs: i64[][4]}, weight: #1@params=f32[][0.0]}, \
        b: {super: {legs: i64[][4]}, weight: #2@params=f32[][0.0]}, c: #0}
        """)
    #expect(back.a === back.c && back.a !== back.b)
  }

  @Test func addressesAreNotReused() throws {
    // Each Ref is made when it is encoded; without the encoder's hold the next would take its address.
    struct Fresh: Encodable {
      func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        for n in 0..<1000 { try list.encode(Ref(n)) }
      }
    }
    var values = 0
    try TreeEncoder().encode(Fresh()).forEachSite { if $0.reference?.isFirst == true { values += 1 } }
    #expect(values == 1000)
  }

  @Test func cyclesThroughRefsClose() throws {
    let a = RingNode("a"), b = RingNode("b")
    a.next.value = b
    b.next.value = a
    let (first, second, back) = try roundTrip(a)
    #expect(first == second)
    #expect(
      first == #"#0={name: "a", next: #1={name: "b", next: #2=#0, other: none}, other: none}"#)
    let next = try #require(back.next.value)
    #expect(next.name == "b" && next.next.value === back)
    for node in [a, b, back, next] { node.next.value = nil }
  }

  @Test func aRefToItself() throws {
    struct Box: Codable { var me: Ref<Box?> }
    let me = Ref<Box?>(nil)
    me.value = Box(me: me)
    let (first, second, back) = try roundTrip(me)
    #expect(first == "#0={me: #0}")
    #expect(second == first)
    #expect(back.value?.me === back)
    me.value = nil
    back.value = nil
  }

  @Test func aRingOfClassesWithoutRefIsRefused() {
    let a = RingNode("a"), b = RingNode("b", other: a)
    a.other = b
    let error = refusal { try TreeEncoder().encode(["root": a]) }
    #expect(
      error?.description == """
        root/other/other: an instance of RingNode comes back to itself without a Ref on the way; \
        hold one of the references of the cycle in a Ref
        """)
    a.other = nil
  }

  @Test func aHostileRingOfClassesIsRefused() {
    let tree: Tree<Leaf> = .value(
      Value(
        ["name": .static("a"), "next": .value(Value(.none, index: 1)), "other": .index(Index(0))], index: 0))
    let error = refusal { try TreeDecoder().decode(RingNode.self, from: tree) }
    #expect(error?.code == .model)
    #expect(error?.description.contains("comes back to itself without a Ref") == true)
  }

  @Test func twoTypesForOneValueAreRefused() throws {
    struct Same: Codable {
      var a: Ref<Float>
      var b: Ref<Float>
    }
    struct Different: Codable {
      var a: Ref<Float>
      var b: Ref<Float?>
    }
    let r = Ref<Float>(1)
    let tree = try TreeEncoder().encode(Same(a: r, b: r))
    let error = refusal { try TreeDecoder().decode(Different.self, from: tree) }
    #expect(
      error?.details == ["b: type: expected Ref<Optional<Float>>, found the same value as Ref<Float> at a"])
  }

  @Test func otherEncodersSeeValues() throws {
    let training = Training.make()
    let data = try JSONEncoder().encode(training)
    let back = try JSONDecoder().decode(Training.self, from: data)
    #expect(back.model.embedding == training.model.embedding)
    #expect(back.model.$embedding !== back.model.head.weight)
    struct Narrow: Codable, Equatable {
      var a = BFloat16(1.5), b = Float8E4M3FN(2), c = Float8E5M2(4), d = Complex<Double>(1, 2),
        e = StaticValue.float(0.5)
      var f = Static("s")
    }
    #expect(try JSONDecoder().decode(Narrow.self, from: JSONEncoder().encode(Narrow())) == Narrow())
  }

  @Test func manyRefsInADeepChainOfIndexes() throws {
    // Asked for from the end, each Ref is inside the next: a walk that went all the way down would not return.
    struct Link: Codable { var next: Ref<Link>? }
    struct Chain: Codable {
      var z: Ref<Link>
      var a: [Ref<Link>]
    }
    var links = [Ref(Link(next: nil))]
    for n in 1..<20_000 { links.append(Ref(Link(next: links[n - 1]))) }
    // The walk of the encoder meets each link after the one it holds; so does the tree.
    let members: [Tree<Leaf>] = (0..<20_000).map { n in
      .value(Value(["next": n == 0 ? .none : .index(Index(n - 1))], index: n))
    }
    let tree: Tree<Leaf> = ["a": .list(members), "z": .index(Index(19_999))]
    let back = try TreeDecoder().decode(Chain.self, from: tree)
    #expect(back.z === back.a[19_999])
    #expect(back.a[19_999].value.next === back.a[19_998])
    // Taken apart from the end, so that no chain of deinits goes down either.
    for ref in back.a.reversed() { ref.value.next = nil }
    for ref in links.reversed() { ref.value.next = nil }
  }
}
