import RefxDistributed
import RefxIO
import RefxTestSupport
import Testing

/// Plans that are wrong end on all ranks with one sentence, and with nothing written.
struct RankedPlanTests {
  private func leaf(_ shape: [Int], _ dtype: DType = .float32) -> Leaf {
    var maker = RandomTree(seed: 1)
    return maker.leaf(dtype, shape: shape)
  }

  private func refusal(ranks: Int, _ tree: @escaping @Sendable (Int) -> Tree<PiecedLeaf>) throws -> String {
    let folder = ScratchFolder()
    let results = ThreadCommunicator.run(ranks: ranks) { communicator in
      try DistributedCheckpoint.save(tree(communicator.rank), to: folder.file("m.refx"), over: communicator)
    }
    var sentences: [String] = []
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      sentences.append(error?.summary ?? "")
    }
    #expect(Set(sentences).count == 1, "\(sentences)")
    #expect(folder.contents() == [])
    return sentences[0].replacing(folder.path + "/", with: "")
  }

  private func rows(_ from: Int, _ count: Int, of length: Int, _ dtype: DType = .float32) -> Tree<PiecedLeaf>
  {
    .dictionary([("w", .leaf(PiecedLeaf(leaf([count, 2], dtype), from: from, of: length)))])
  }

  @Test func aGap() throws {
    let sentence = try refusal(ranks: 2) { rows($0 == 0 ? 0 : 5, $0 == 0 ? 4 : 3, of: 8) }
    #expect(
      sentence.hasPrefix(
        "m.refx: w: no rank has a piece with element [4, 0] of [8, 2]; 2 elements are missing"))
  }

  @Test func anOverlap() throws {
    let sentence = try refusal(ranks: 3) { rows([0, 3, 6][$0], [4, 3, 2][$0], of: 8) }
    #expect(sentence.hasPrefix("m.refx: w: pieces of rank 0 and rank 1 overlap at element [3, 0]"))
  }

  @Test func anotherDtype() throws {
    let sentence = try refusal(ranks: 2) { rows(4 * $0, 4, of: 8, $0 == 0 ? .float32 : .float16) }
    #expect(
      sentence.contains(
        "w: on rank 1: the rank's tree differs from that of rank 0: expected float32 [8, 2], found float16 [8, 2]"
      ))
  }

  @Test func anotherWholeShape() throws {
    let sentence = try refusal(ranks: 2) { rows(4 * $0, 4, of: 8 + $0) }
    #expect(
      sentence.contains("w: on rank 1: ")
        && sentence.contains("expected float32 [8, 2], found float32 [9, 2]"))
  }

  @Test func anotherCollection() throws {
    let whole = leaf([2])
    let sentence = try refusal(ranks: 4) { rank in
      .dictionary([
        (
          "w",
          .value(Value(.leaf(PiecedLeaf(whole: whole)), index: 0, collection: .name(rank == 2 ? "b" : "a")))
        )
      ])
    }
    #expect(
      sentence.contains("w: on rank 2: ") && sentence.contains("collection a, found a Ref of collection b"))
  }

  @Test func anotherTopology() throws {
    let whole = PiecedLeaf(whole: leaf([2]))
    let sentence = try refusal(ranks: 2) { rank in
      .dictionary([
        ("a", .value(Value(.leaf(whole), index: 0, collection: nil))),
        ("b", rank == 0 ? .index(Index(0)) : .value(Value(.leaf(whole), index: 1, collection: nil))),
      ])
    }
    #expect(
      sentence.contains("b: on rank 1: ")
        && sentence.contains("expected a Ref that is tied to another, found a Ref"))
  }

  @Test func aMemberTooManyAndOneTooFew() throws {
    let whole = PiecedLeaf(whole: leaf([2]))
    for keys in [["a", "b"], ["a", "c"], ["a", "b", "c"]] as [[Key]] {
      let sentence = try refusal(ranks: 2) { rank in
        .dictionary((rank == 0 ? ["a", "c"] : keys == ["a", "c"] ? ["a"] : keys).map { ($0, .leaf(whole)) })
      }
      #expect(sentence.contains(keys == ["a", "b", "c"] ? "b: on rank 1" : "c: on rank 1"))
    }
  }

  @Test func aPieceThatIsNone() throws {
    let two = leaf([2, 2])
    let cases: [(Block, Leaf, String)] = [
      (Block(offset: [3, 0], shape: [2, 2]), two, "a piece is not inside its array"),
      (Block(offset: [-1, 0], shape: [2, 2]), two, "a piece is not inside its array"),
      (Block(offset: [0, 0], shape: [4, 1]), two, "the elements of a piece do not fill it"),
      (Block(offset: [0, 0], shape: [2, 2]), leaf([2, 2], .int32), "a piece has another dtype"),
      (Block(offset: [0], shape: [2]), leaf([2]), "a piece is not inside its array"),
    ]
    for (block, leaf, words) in cases {
      let sentence = try refusal(ranks: 2) { rank in
        .dictionary([
          (
            "w",
            .leaf(
              PiecedLeaf(
                dtype: .float32, shape: [4, 2], pieces: rank == 0 ? [] : [.init(block: block, leaf: leaf)]))
          )
        ])
      }
      #expect(sentence.contains("m.refx: w: on rank 1: \(words)"), "\(sentence)")
    }
  }

  @Test func aFormatThatRanksCannotWrite() throws {
    let folder = ScratchFolder()
    let whole = PiecedLeaf(whole: leaf([2]))
    let results = ThreadCommunicator.run(ranks: 2) {
      try DistributedCheckpoint.save(.leaf(whole), to: folder.file("m.safetensors"), over: $0)
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("several ranks cannot write safetensors together") == true)
    }
  }
}
