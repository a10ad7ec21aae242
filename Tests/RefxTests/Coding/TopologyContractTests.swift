import RefxTestSupport
import Testing

@testable import Refx

/// A checkpoint that ties other sites than the model: refused, or accepted by name, and never halfway.
@Suite struct TopologyContractTests {
  private static let contracts: [TopologyContract] = [
    .exact, .acceptTies, .acceptUnties, [.acceptTies, .acceptUnties],
  ]

  /// All ways in which sites can be tied: the number of the value at each.
  private static func partitions(_ count: Int) -> [[Int]] {
    var all: [[Int]] = [[]]
    for _ in 0..<count {
      all = all.flatMap { prefix in (0...((prefix.max() ?? -1) + 1)).map { prefix + [$0] } }
    }
    return all
  }

  /// What should come of it, found out the plain way.
  private struct Expectation {
    /// The sites of each group that is refused.
    var refused: [[Int]] = []

    init(
      mine: [Int], theirs: [Int], values: [Int], chosen: Set<Int>, contract: TopologyContract
    ) {
      let sites = mine.indices
      // Sites hang together through a common value on either side.
      var group = Array(sites)
      for _ in sites {
        for a in sites {
          for b in sites where mine[a] == mine[b] || theirs[a] == theirs[b] {
            let smaller = min(group[a], group[b])
            group[a] = smaller
            group[b] = smaller
          }
        }
      }
      for root in Set(group).sorted() {
        let members = sites.filter { group[$0] == root }
        let isRefused = members.contains { a in
          members.contains { b in
            if mine[a] == mine[b], theirs[a] != theirs[b], chosen.contains(mine[a]) {
              return !contract.contains(.acceptUnties) || values[theirs[a]] != values[theirs[b]]
            }
            let matters = chosen.contains(mine[a]) || chosen.contains(mine[b])
            return mine[a] != mine[b] && theirs[a] == theirs[b] && matters && !contract.contains(.acceptTies)
          }
        }
        if isRefused { refused.append(members) }
      }
    }

    static func words(_ members: [Int], _ values: [Int], _ names: [String]) -> String {
      var order: [Int] = []
      for member in members where !order.contains(values[member]) { order.append(values[member]) }
      let shown = order.prefix(4).map { value in
        let own = members.filter { values[$0] == value }.map { names[$0] }
        return own.prefix(4).joined(separator: ", ") + (own.count > 4 ? " and \(own.count - 4) more" : "")
      }
      if shown.count == 1 { return "one value at \(shown[0])" }
      let more = order.count > 4 ? " and \(order.count - 4) more" : ""
      return "\(order.count) values: \(shown.joined(separator: " | "))\(more)"
    }
  }

  private func check(
    mine: [Int], theirs: [Int], values: [Int], chosenSites: Set<Int>? = nil, contract: TopologyContract
  ) throws {
    let comment: Comment =
      "\(mine) \(theirs) \(values) \(String(describing: chosenSites)) \(contract.rawValue)"
    let refs = mine.indices.map { Ref(-1 - $0) }
    let saved = theirs.indices.map { Ref(values[$0]) }
    var model = mine.map { refs[$0] }
    let tree = try TreeEncoder().encode(theirs.map { saved[$0] })
    let chosen = Set(chosenSites.map { $0.map { mine[$0] } } ?? mine)
    let expected = Expectation(
      mine: mine, theirs: theirs, values: values, chosen: chosen, contract: contract)
    let selection: RestoreSelection =
      chosenSites.map { sites in .paths { sites.map { Path([Key($0)]) }.contains($0) } } ?? .all
    let error = refusal {
      try TreeDecoder().restore(&model, from: tree, select: selection, topology: contract)
    }
    #expect((error == nil) == expected.refused.isEmpty, comment)
    #expect(zip(model, mine).allSatisfy { $0 === refs[$1] }, comment)
    if let error {
      #expect(refs.indices.allSatisfy { refs[$0].value == -1 - $0 }, comment)
      #expect(error.details.count == expected.refused.count, "\(comment): \(error.details)")
      let names = mine.indices.map { "\($0)" }
      for members in expected.refused {
        let words =
          "topology: expected \(Expectation.words(members, mine, names))"
          + ", found \(Expectation.words(members, theirs, names))"
        let line = error.details.first { $0.contains(words + ";") }
        #expect(
          line.map { members.contains(Int($0.prefix { $0 != ":" }) ?? -1) } == true, "\(comment): \(words)")
      }
    } else {
      for site in mine.indices {
        let wanted = chosen.contains(mine[site]) ? values[theirs[site]] : -1 - mine[site]
        #expect(model[site].value == wanted, comment)
      }
    }
  }

  /// Every tie of up to four sites on both sides, with values that are equal and values that are not.
  @Test func everyTieOfFourSites() throws {
    var count = 0
    for sites in 1...4 {
      for mine in TopologyContractTests.partitions(sites) {
        for theirs in TopologyContractTests.partitions(sites) {
          for values in [[5, 5, 5, 5], [5, 6, 7, 8], [5, 6, 5, 6]] {
            for contract in TopologyContractTests.contracts {
              try check(mine: mine, theirs: theirs, values: values, contract: contract)
              count += 1
            }
          }
        }
      }
    }
    #expect(count == (1 + 4 + 25 + 225) * 12)
  }

  /// Larger ones at random, with selections.
  @Test(arguments: 0..<4) func randomTies(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed) &* 77 &+ 5)
    for _ in 0..<500 {
      let sites = 1 + random.below(10)
      func ties(_ random: inout SeededRandom) -> [Int] {
        let kinds = 1 + random.below(sites)
        let raw = (0..<sites).map { _ in random.below(kinds) }
        var numbers: [Int: Int] = [:]
        return raw.map { value in
          if numbers[value] == nil { numbers[value] = numbers.count }
          return numbers[value] ?? 0
        }
      }
      let mine = ties(&random)
      let theirs = random.oneIn(3) ? mine : ties(&random)
      let kinds = random.oneIn(3) ? 1 : 1 + random.below(3)
      let values = (0..<sites).map { _ in random.below(kinds) }
      let isPartial = random.oneIn(2)
      let some = Set((0..<sites).filter { _ in random.oneIn(2) })
      try check(
        mine: mine, theirs: theirs, values: values, chosenSites: isPartial && !some.isEmpty ? some : nil,
        contract: TopologyContractTests.contracts[random.below(4)])
    }
  }

  // MARK: Refs in Refs

  struct Inner: Codable {
    var scale: Float
    var weight: Ref<Float>
  }

  struct Outer: Codable {
    var a: Ref<Inner>
    var b: Ref<Inner>
    var d: Ref<Float>

    static func make(tied: Bool, _ numbers: (Float, Float) = (1, 1)) -> Outer {
      let a = Ref(Inner(scale: 1, weight: Ref(numbers.0)))
      return Outer(a: a, b: tied ? a : Ref(Inner(scale: 1, weight: Ref(numbers.1))), d: Ref(9))
    }
  }

  @Test func valuesWithRefsInsideAreComparedAsAWhole() throws {
    let apart = try TreeEncoder().encode(Outer.make(tied: false, (3, 3)))
    var model = Outer.make(tied: true)
    let weight = model.a.value.weight
    try TreeDecoder().restore(&model, from: apart, topology: .acceptUnties)
    #expect(model.a === model.b && model.a.value.weight === weight && weight.value == 3)

    let different = try TreeEncoder().encode(Outer.make(tied: false, (3, 4)))
    let error = refusal { try TreeDecoder().restore(&model, from: different, topology: .acceptUnties) }
    #expect(
      error?.details == [
        "b: topology: expected one value at a, b, found 2 values: a | b; the checkpoint's values differ"
      ])
    #expect(weight.value == 3)
  }

  /// The checkpoint ties d to a value of which the model has no site of its own.
  @Test func aTieBehindAnUntie() throws {
    let saved = Outer.make(tied: false, (3, 3))
    let tree = try TreeEncoder().encode(Outer(a: saved.a, b: saved.b, d: saved.b.value.weight))
    var model = Outer.make(tied: true)
    let error = refusal { try TreeDecoder().restore(&model, from: tree, topology: .acceptUnties) }
    #expect(error?.details.count == 1)
    #expect(
      error?.details[0].hasPrefix(
        "d: topology: expected 2 values: a/weight | d, found 2 values: a/weight | d") == true)
    try TreeDecoder().restore(&model, from: tree, topology: [.acceptTies, .acceptUnties])
    #expect(model.d.value == 3 && model.a === model.b && model.d !== model.a.value.weight)
  }

  @Test func tiesWithRefsInside() throws {
    let tree = try TreeEncoder().encode(Outer.make(tied: true, (3, 3)))
    var model = Outer.make(tied: false, (1, 2))
    let (a, b) = (model.a, model.b)
    let error = refusal { try TreeDecoder().restore(&model, from: tree) }
    #expect(
      error?.details == [
        "b: topology: expected 2 values: a | b, found one value at a, b; the model's values differ",
        "b/weight: topology: expected 2 values: a/weight | b/weight, found one value at a/weight, b/weight; the model's values differ",
      ])
    try TreeDecoder().restore(&model, from: tree, topology: .acceptTies)
    #expect(model.a === a && model.b === b && a !== b)
    #expect(a.value.weight.value == 3 && b.value.weight.value == 3 && a.value.weight !== b.value.weight)
  }

  /// Rings of other lengths end, and are told apart.
  @Test func ringsOfOtherLengths() throws {
    func ring(_ count: Int) -> RingNode {
      let nodes = (0..<count).map { _ in RingNode("n") }
      for position in nodes.indices { nodes[position].next.value = nodes[(position + 1) % nodes.count] }
      return nodes[0]
    }
    let tree = try TreeEncoder().encode(ring(5))
    var model = ring(3)
    let error = refusal { try TreeDecoder().restore(&model, from: tree) }
    #expect(error?.details.first?.contains("topology") == true)
    // All nodes of the longer ring are equal, and only its root is shared: the others are plain.
    #expect(
      error?.details == [
        "next/next/next/0: topology: expected the value of the root, found a value that is not shared"
      ])
    try TreeDecoder(allowing: .plainForRef).restore(&model, from: tree)
    #expect(model.next.value?.next.value?.next.value === model)
    model.next.value = nil
  }

  /// Refs that hold Refs, as many as there are sites that look through them: each chain is followed once.
  @Test(.timeLimit(.minutes(1))) func longChainsOfRefs() throws {
    let count = 30_000
    var members: [Tree<Leaf>] = [.value(Value(.leaf(Leaf(7)), index: 0))]
    for index in 1..<count { members.append(.value(Value(.index(Index(index - 1)), index: index))) }
    members += (0..<count).map { _ in .index(Index(count - 1)) }
    struct Numbers: Codable {
      // Not a row of numbers, which would be one leaf.
      var members: [Int?]
    }
    var model = Numbers(members: Array(repeating: 1, count: 2 * count))
    try TreeDecoder(allowing: .refForPlain).restore(&model, from: ["members": .list(members)])
    #expect(model.members.allSatisfy { $0 == 7 })
    let loaded = try TreeDecoder(allowing: .refForPlain).decode(
      Numbers.self, from: ["members": .list(members)])
    #expect(loaded.members.allSatisfy { $0 == 7 })
  }

  /// A report of very many groups, each with its distance.
  @Test(.timeLimit(.minutes(1))) func veryManyTies() throws {
    let count = 10_000
    var model = (0..<2 * count).map { Ref($0) }
    let halves = (0..<count).map { Ref($0) }
    let tree = try TreeEncoder().encode(halves + halves)
    let error = refusal { try TreeDecoder().restore(&model, from: tree) }
    #expect(error?.details.count == count)
    #expect(
      error?.details.first
        == "10000: topology: expected 2 values: 0 | 10000, found one value at 0, 10000; the model's values differ"
    )
    try TreeDecoder().restore(&model, from: tree, topology: .acceptTies)
    #expect(model[count + 3].value == 3)
  }

  @Test func otherShapesAreNotEqual() throws {
    let shared = Ref([1, 2] as [Float])
    var model = [shared, shared]
    let tree = try TreeEncoder().encode([Ref([1, 2] as [Float]), Ref([1, 2, 3] as [Float])])
    let error = refusal { try TreeDecoder().restore(&model, from: tree, topology: .acceptUnties) }
    #expect(
      error?.details == [
        "1: topology: expected one value at 0, 1, found 2 values: 0 | 1; the checkpoint's values are not even alike"
      ])
  }

  /// A plain value and a Ref in the file, one Ref in the model: `plainForRef` takes them where they agree.
  @Test func plainValuesBesideRefs() throws {
    for plainFirst in [true, false] {
      for number in [7, 8] {
        let shared = Ref(1)
        var model = [shared, shared]
        let value: Tree<Leaf> = .value(Value(.leaf(Leaf(7)), index: 0))
        let plain: Tree<Leaf> = .leaf(Leaf(number))
        let tree: Tree<Leaf> = plainFirst ? [plain, value] : [value, plain]
        let error = refusal { try TreeDecoder(allowing: .plainForRef).restore(&model, from: tree) }
        #expect((error == nil) == (number == 7))
        #expect(shared.value == (number == 7 ? 7 : 1))
        if let error {
          #expect(error.details.first?.hasPrefix("1: topology: expected the value of 0") == true)
        }
      }
    }
  }
}
