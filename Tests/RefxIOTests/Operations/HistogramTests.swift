import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

@Suite struct HistogramTests {
  private static func histogram(_ pieces: [[Double]], isInteger: Bool = false) -> Histogram {
    var sum = HistogramSum(isInteger: isInteger)
    for piece in pieces where !piece.isEmpty { sum.add(piece, from: piece.min()!, to: piece.max()!) }
    return sum.result
  }

  /// Counts each value by the edges alone.
  private static func check(_ histogram: Histogram, _ values: [Double]) {
    #expect(histogram.counts.reduce(0, +) == values.count)
    #expect(histogram.counts.count <= Histogram.mostBins)
    guard histogram.counts.count > 1 else { return }
    #expect(histogram.counts.first != 0 && histogram.counts.last != 0)
    for (position, count) in histogram.counts.enumerated() {
      let (low, high) = (histogram.edge(position), histogram.edge(position + 1))
      #expect(values.count { $0 >= low && $0 < high } == count, "bin \(position) of \(histogram)")
    }
  }

  @Test(arguments: 0..<200) func countsAreExactHoweverTheValuesCome(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let scale = Double(sign: .plus, exponent: random.below(40) - 20, significand: 1)
    let shift = random.oneIn(3) ? Double(random.below(2000) - 1000) : 0
    let values = (0..<(1 + random.below(600))).map { _ -> Double in
      let unit = Double(random.below(1 << 20)) / Double(1 << 19) - 1
      return random.oneIn(20) ? 0 : unit * unit * unit * scale + shift
    }
    let whole = HistogramTests.histogram([values])
    HistogramTests.check(whole, values)
    var pieces: [[Double]] = []
    var rest = values[...]
    while !rest.isEmpty {
      let count = 1 + random.below(rest.count)
      pieces.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    #expect(HistogramTests.histogram(pieces) == whole)
    #expect(HistogramTests.histogram(pieces.reversed()) == whole)
    if Set(values).count > 1 { #expect(whole.counts.count > Histogram.mostBins / 2) }
  }

  @Test func extremesAndConstantsHaveBins() {
    let greatest = Double.greatestFiniteMagnitude
    HistogramTests.check(HistogramTests.histogram([[-greatest, 0, greatest]]), [-greatest, 0, greatest])
    let least = Double.leastNonzeroMagnitude
    HistogramTests.check(HistogramTests.histogram([[-least], [0], [least]]), [-least, 0, least])
    HistogramTests.check(HistogramTests.histogram([[least, greatest]]), [least, greatest])
    #expect(HistogramTests.histogram([[1e300, 1e300]]).counts == [2])
    #expect(HistogramTests.histogram([[0], [0, 0]]).counts == [3])
    // A constant piece does not make the others' bins wide.
    let close = (0..<100).map { 1e9 + Double($0) / 64 }
    let pieces = [[1e9, 1e9]] + [close]
    #expect(HistogramTests.histogram(pieces) == HistogramTests.histogram([[1e9, 1e9] + close]))
    let near = [1, 1 + Double.ulpOfOne, 1 + 2 * Double.ulpOfOne]
    #expect(HistogramTests.histogram([near]).counts.count { $0 > 0 } == 3)
  }

  @Test func fewIntegersHaveABinEach() throws {
    func of<E: TensorElement>(_ elements: [E]) throws -> Histogram {
      let leaf = Leaf(Tensor(elements, shape: [elements.count]))
      return try #require(try LeafSurvey(of: .leaf(leaf))[leaf]?.histogram)
    }
    #expect(try of([3, 5, 5, 4] as [Int32]) == Histogram(exponent: 0, first: 3, counts: [1, 1, 2]))
    #expect(try of([true, false, true]) == Histogram(exponent: 0, first: 0, counts: [1, 2]))
    #expect(try of([-64, 63] as [Int8]).exponent == 1)
    let wide = try of([UInt64.max, 0, 5])
    #expect(wide.counts.reduce(0, +) == 3 && wide.counts.first == 2 && wide.counts.last == 1)
    #expect(try of([Int64.min, .max, 0]).counts.reduce(0, +) == 3)
    #expect(try of([] as [Float]).counts.isEmpty)
    #expect(try of([.nan, .infinity, 1] as [Double]).counts == [1])
  }

  @Test(arguments: 0..<60) func oneLookSaysWhatThreeSay(seed: UInt64) throws {
    var maker = RandomTree(seed: seed)
    let tree = maker.make(nodes: 60)
    try HistogramTests.compare(tree)
  }

  /// Several pieces, by several threads.
  @Test func largeArraysAreAsSmallOnes() throws {
    var random = SeededRandom(seed: 5)
    let values = (0..<3_000_000).map { _ in Float(random.below(1 << 20)) - 400_000 }
    let leaf = Leaf(Tensor(values, shape: [3, 1_000_000]))
    try HistogramTests.compare(["a": .leaf(leaf), "b": .leaf(Leaf(Float(1)))])
    let found = try #require(try LeafSurvey(of: .leaf(leaf))[leaf])
    var sum = HistogramSum(isInteger: false)
    sum.add(values.map(Double.init), from: Double(values.min()!), to: Double(values.max()!))
    #expect(found.histogram == sum.result)
  }

  private static func compare(_ tree: Tree<Leaf>) throws {
    let survey = try LeafSurvey(of: tree)
    let hashes = LeafHashes()
    for site in try tree.sites() {
      guard case .leaf(let leaf) = site.content else { continue }
      let found = try #require(survey[leaf])
      #expect(found.sha256 == (try hashes.sha256(of: leaf, at: site.path)))
      let statistics = try leaf.statistics()
      #expect("\(found.statistics as Any)" == "\(statistics as Any)")
      guard let histogram = found.histogram, let statistics else { continue }
      #expect(histogram.counts.reduce(0, +) == leaf.count - statistics.nan - statistics.infinite)
    }
    #expect(try tree.digest(hashes: survey.hashes) == tree.digest())
  }
}
