import Refx
import Synchronization
import Testing

@testable import RefxStore

/// Whatever is asked for, in whatever order and by whatever means, the bytes are the leaf's own.
@Suite struct ReadAheadTests {
  /// Bytes that follow from their place, and a count of how often each leaf was read.
  private final class CountingSource: LeafSource {
    let byteCount: Int
    let seed: Int
    let fails: Bool
    let reads = Mutex(0)

    init(_ byteCount: Int, seed: Int, fails: Bool = false) {
      self.byteCount = byteCount
      self.seed = seed
      self.fails = fails
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      reads.withLock { $0 += 1 }
      if fails { throw RefxError(.damaged, "leaf \(seed)") }
      for place in buffer.indices { buffer[place] = UInt8(truncatingIfNeeded: (place + offset) &* seed) }
    }
  }

  private func sources(_ count: Int) -> [CountingSource] {
    (0..<count).map { number in
      CountingSource(
        number % 40 == 3 ? 5 << 20 : number % 7 == 0 ? 700_000 : number % 50, seed: number + 1,
        fails: number == 60)
    }
  }

  private func tree(_ sources: [CountingSource]) -> Tree<Leaf> {
    .list(sources.map { .leaf(Leaf(dtype: .uint8, shape: [$0.byteCount], source: $0)) })
  }

  private func isRight(_ bytes: [UInt8], _ source: CountingSource) -> Bool {
    bytes.count == source.byteCount
      && bytes.indices.allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: $0 &* source.seed) }
  }

  @Test(arguments: [1, 2, 6], [0, 1, 2])
  func everyLeafIsItself(threads: Int, order: Int) throws {
    let sources = sources(120)
    try ReadAhead.run(tree(sources), threads: threads) { tree in
      guard case .list(let members) = tree else { return }
      var places = Array(members.indices)
      if order == 1 { places.reverse() }
      if order == 2 { places.sort { ($0 * 37) % 120 < ($1 * 37) % 120 } }
      for place in places where place % 11 != 10 {
        guard case .leaf(let leaf) = members[place] else { continue }
        if place == 60 {
          let error = #expect(throws: RefxError.self) { try leaf.tensor() }
          #expect(error?.message == "leaf 61")
        } else if place % 2 == 0 {
          let tensor = try leaf.tensor()
          #expect(isRight(tensor.elements(of: UInt8.self), sources[place]))
        } else {
          let values = try [UInt8](leaf: leaf)
          #expect(isRight(values, sources[place]))
        }
      }
    }
    // Read once, whoever read it.
    for (number, source) in sources.enumerated()
    where number != 60 && number % 11 != 10 && source.byteCount > 0 {
      #expect(source.reads.withLock { $0 } == 1, "leaf \(number)")
    }
  }

  @Test func leavesThatAreKeptAreReadLater() throws {
    let sources = sources(50)
    let kept = try ReadAhead.run(tree(sources), threads: 3) { $0 }
    guard case .list(let members) = kept else { return }
    for (member, source) in zip(members, sources) {
      guard case .leaf(let leaf) = member else { continue }
      for _ in 0..<2 { try #expect(isRight([UInt8](leaf: leaf), source)) }
      if source.byteCount > 10 {
        var part = [UInt8](repeating: 0, count: 5)
        try part.withUnsafeMutableBytes { try leaf.source.read(at: 3, into: $0) }
        #expect(part == (3..<8).map { UInt8(truncatingIfNeeded: $0 &* source.seed) })
      }
    }
  }

  @Test func nobodyWaitsForWhatIsNotWanted() throws {
    // More than may lie about untaken: the last ones are asked for first.
    let sources = (0..<100).map { CountingSource(1_000_000, seed: $0) }
    try ReadAhead.run(tree(sources), threads: 4) { tree in
      guard case .list(let members) = tree, case .leaf(let last) = members[99] else { return }
      try #expect(isRight([UInt8](leaf: last), sources[99]))
    }
    #expect(sources.reduce(0) { $0 + $1.reads.withLock { $0 } } < 100)
  }
}
