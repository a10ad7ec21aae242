import Refx
import RefxIO
import RefxTestSupport
import Testing

@Suite struct SlicedTextTests {
  private static func bytes(of leaf: Leaf) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: leaf.byteCount) { buffer, filled in
      try leaf.source.read(at: 0, into: UnsafeMutableRawBufferPointer(buffer))
      filled = leaf.byteCount
    }
  }

  /// Short ones and some that are longer than the window through which they are read.
  private static func strings(_ count: Int, _ random: inout SeededRandom) -> [String] {
    (0..<count).map { position in
      let length = random.oneIn(9) ? 70_000 + random.below(9000) : random.below(40)
      return "\(position)é" + String(repeating: "x", count: length)
    }
  }

  @Test(arguments: 0..<40) func textIsSlicedAsNumbersAre(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let shape = [1 + random.below(4), 1 + random.below(4), 1 + random.below(5)]
    let count = shape.reduce(1, *)
    let strings = SlicedTextTests.strings(count, &random)
    let text = Leaf.text(strings, shape: shape)
    let twin = Leaf(Tensor((0..<count).map { Int32($0) }, shape: shape))
    let words = shape.map { extent -> String in
      if random.oneIn(4) { return "\(random.below(extent) - (random.oneIn(2) ? extent : 0))" }
      let start = random.below(extent)
      return "\(start):\(start + random.below(extent - start + 1)):\(1 + random.below(3))"
    }
    let slice = try Slice(text: words.joined(separator: ","))
    let part = try text.sliced(slice)
    let wanted: [Int32] = try twin.sliced(slice).tensor().elements()
    #expect(part.shape == (try twin.sliced(slice).shape) && part.dtype == .string)
    let expected = try SlicedTextTests.bytes(
      of: Leaf.text(wanted.map { strings[Int($0)] }, shape: part.shape))
    #expect(part.byteCount == expected.count)
    #expect(try SlicedTextTests.bytes(of: part) == expected, "\(slice.text)")
    // Any part of it, from anywhere.
    for _ in 0..<20 where !expected.isEmpty {
      let start = random.below(expected.count)
      let range = start..<(start + 1 + random.below(expected.count - start))
      var found = [UInt8](repeating: 0, count: range.count)
      try found.withUnsafeMutableBytes { try part.source.read(at: range.lowerBound, into: $0) }
      #expect(found == Array(expected[range]))
    }
  }

  @Test func textThatDoesNotHoldItsStringsIsRefused() throws {
    var bytes = try SlicedTextTests.bytes(of: .text(["a", "b", "c"], shape: [3]))
    bytes[9] = 0xFF
    let broken = Leaf(dtype: .string, shape: [3], bytes: bytes)
    let error = #expect(throws: RefxError.self) { try broken.sliced(Slice(text: "2"), at: ["words"]) }
    #expect(error?.path == ["words"] && error?.code == .damaged)
    #expect(throws: RefxError.self) { try broken.sliced(Slice(text: "3")) }
  }
}
