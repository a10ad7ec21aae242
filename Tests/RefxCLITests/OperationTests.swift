import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite struct OperationTests {
  @Test(arguments: [
    ("a/b", "a/b", true), ("a/*", "a/b", true), ("*", "a/b", false), ("**", "a/b", true), ("**", "", true),
    ("**/b", "b", true), ("**/b", "a/c/b", true), ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true),
    ("a/**/b", "a/x/y", false), ("layer*/w", "layer12/w", true), ("l*r*/w", "layer12/w", true),
    ("\\*", "*", true),
    ("\\*", "a", false), ("a~1b", "a~1b", true), ("~2", "~2", true), ("", "", true), ("", "a", false),
    ("**/x/**/y", "x/x/y/x/y", true), ("é", "e\u{301}", false), ("a", "a/b", false),
  ])
  func globs(pattern: String, path: String, matches: Bool) throws {
    let path = try #require(Path(text: path))
    #expect(try PathPattern(glob: pattern).matches(path) == matches)
  }

  @Test func regularExpressionsMatchTheWholePath() throws {
    let pattern = try PathPattern(regex: #"layers/\d+/w"#)
    #expect(try pattern.matches(["layers", "12", "w"]))
    #expect(try !pattern.matches(["layers", "12", "wx"]))
    #expect(throws: RefxError.self) { try PathPattern(regex: "(") }
    #expect(throws: RefxError.self) { try PathPattern(glob: "a~x") }
  }

  @Test func manyStarsAreLinear() throws {
    let pattern = try PathPattern(glob: String(repeating: "**/a/", count: 20) + "b")
    #expect(try !pattern.matches(Path(Array(repeating: "a", count: 2000))))
  }

  private let matrix = Leaf(Tensor((0..<60).map { Int32($0) }, shape: [3, 4, 5]))

  @Test(arguments: [
    ("1", [20, 21, 22, 23]), (":,3", [15, 16, 17, 18]), ("0:2,1:3,2", [7, 12, 27, 32]), ("-1,-1,-1", [59]),
    ("2,0:4:3,:", [40, 41, 42, 43]), ("::2,0,0", [0, 40]), ("0:0", []), ("1:2,2,1:4", [31, 32, 33]),
  ])
  func slices(text: String, start: [Int32]) throws {
    let part = try matrix.sliced(try Slice(text: text))
    let values: [Int32] = try part.tensor().elements()
    #expect(Array(values.prefix(4)) == start.prefix(4).map { $0 })
    #expect(values.count == part.count)
  }

  /// Beside an axis of 0 the others may be larger than any memory.
  @Test(arguments: ["0:0", ":,0:1", ":,:,0:0", ":,5", ":,::9223372036854775807", ":,:,4611686018427387903"])
  func emptyArraysOfAnyExtentAreSliced(text: String) throws {
    let huge = 1 << 62
    for shape in [[0, huge, huge], [huge, huge, 0], [0, Int.max, 2]] {
      let leaf = Leaf(dtype: .float32, shape: shape, source: MemoryBytes(count: 0) { _ in })
      guard let part = try? leaf.sliced(try Slice(text: text)) else { continue }
      #expect(part.count == 0)
      #expect((try part.tensor().elements() as [Float]).isEmpty)
    }
    let step = try matrix.sliced(try Slice(text: "1::9223372036854775807,0,0"))
    #expect(try step.tensor().elements() as [Int32] == [20])
  }

  @Test(arguments: ["3", "0:4", "0,0,0,0", ":,9", "a", "1:2:0", "", "-4"])
  func slicesOutOfRangeAreRefused(text: String) {
    #expect(throws: RefxError.self) { try matrix.sliced(try Slice(text: text)) }
  }

  @Test(arguments: 0..<100) func slicesAgreeWithIndexing(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let axes = (0..<3).map { axis in
      let start = random.below(matrix.shape[axis])
      return (start, start + random.below(matrix.shape[axis] - start + 1), 1 + random.below(3))
    }
    let text = axes.map { "\($0.0):\($0.1):\($0.2)" }.joined(separator: ",")
    var expected: [Int32] = []
    for i in stride(from: axes[0].0, to: axes[0].1, by: axes[0].2) {
      for j in stride(from: axes[1].0, to: axes[1].1, by: axes[1].2) {
        for k in stride(from: axes[2].0, to: axes[2].1, by: axes[2].2) {
          expected.append(Int32(i * 20 + j * 5 + k))
        }
      }
    }
    #expect(try matrix.sliced(try Slice(text: text)).tensor().elements() == expected)
  }

  private func cast<A: TensorElement, B: TensorElement>(_ value: A, _ dtype: DType, _: B.Type) throws -> B {
    try Leaf(Tensor(value)).cast(to: dtype, at: .root).tensor().elements(of: B.self)[0]
  }

  @Test func castsRoundOnce() throws {
    // Just above the middle of two bfloat16 numbers: rounding to Float first would hit the middle.
    let wide = 1.00390625 + 0x1p-40
    #expect(try cast(wide, .bfloat16, BFloat16.self).float == 1.0078125)
    #expect(try cast(1.00390625, .bfloat16, BFloat16.self).float == 1)
    #expect(try cast(Int64(1) << 53 + 1, .float64, Double.self) == 0x1p53)
    #expect(try cast(Int64.max, .float32, Float.self) == 0x1p63)
    #expect(try cast(UInt64.max, .float64, Double.self) == 0x1p64)
    // Above a middle of Float by less than a Double can say.
    #expect(try cast((Int64(1) << 60) + (1 << 36) + 1, .float32, Float.self) == 0x1p60 + 0x1p37)
    #expect(try cast(Float.nan, .float16, Float16.self).isNaN)
    #expect(try cast(-0.0 as Float, .float64, Double.self).sign == .minus)
    #expect(try cast(true, .int8, Int8.self) == 1)
    #expect(try cast(Float(3), .complex64, Complex<Float>.self) == Complex(3, 0))
  }

  @Test func castsNeverLoseAnInteger() throws {
    #expect(try cast(Float(-128), .int8, Int8.self) == -128)
    #expect(throws: RefxError.self) { try cast(Float(128), .int8, Int8.self) }
    #expect(throws: RefxError.self) { try cast(Float(0.5), .int8, Int8.self) }
    #expect(throws: RefxError.self) { try cast(Int16(-1), .uint8, UInt8.self) }
    #expect(throws: RefxError.self) { try cast(Int8(2), .bool, Bool.self) }
    #expect(throws: RefxError.self) { try Casts([.complex64: .float32]) }
  }

  /// float8_e4m3fn has no infinity, so it becomes NaN there.
  @Test func infinitiesThatAreLostAreTold() throws {
    let tree: Tree<Leaf> = ["a": numbers([-.infinity] as [Float]), "b": numbers([.nan, 1] as [Float])]
    for (dtype, expected) in [(DType.float8E4M3FN, [["a"] as Path]), (.float16, []), (.float8E5M2, [])] {
      let (cast, overflowed) = try tree.applying(Casts([.float32: dtype]))
      _ = try cast.digest()
      #expect(overflowed() == expected, "\(dtype)")
    }
  }

  @Test func overflowIsTold() throws {
    let tree: Tree<Leaf> = ["a": numbers([1e30] as [Float]), "b": numbers([1] as [Float])]
    let (cast, overflowed) = try tree.applying(Casts([.float32: .float16]))
    _ = try cast.digest()
    #expect(overflowed() == [["a"]])
  }

  @Test func nestingAndFlatteningAreInverse() throws {
    let leaf = numbers([1] as [Float])
    // The later key's value comes first once the names are nested.
    let flat: Tree<Leaf> = ["a-x": first(leaf, 0, "p"), "a.b.c": again(0, "p"), "a.d": leaf]
    let nested = try flat.nested(by: ".")
    #expect(nested[["a", "b", "c"]]?.referenceIndex == 0)
    #expect(nested[["a-x"]]?.inWords == "a ref")
    #expect(try firstDifference(nested.flattened(by: "."), flat) == nil)
    #expect(throws: RefxError.self) {
      try Tree<Leaf>.dictionary([("a", leaf), ("a.b", leaf)]).nested(by: ".")
    }
    #expect(throws: RefxError.self) {
      try Tree<Leaf>.dictionary([("a", ["b": leaf]), ("a.b", leaf)]).flattened(by: ".")
    }
    let deep = String(repeating: ".", count: 5000)
    #expect(throws: RefxError.self) { try Tree<Leaf>.dictionary([(Key(deep), leaf)]).nested(by: ".") }
  }

  @Test func taggingMakesRefs() throws {
    let leaf = numbers([1] as [Float])
    let tree: Tree<Leaf> = ["a": leaf, "b": first(leaf, 0), "c": again(0), "d": .none]
    let tagged = try tree.tagging([(try PathPattern(glob: "a"), "x"), (try PathPattern(glob: "c"), 3)])
    let expected: Tree<Leaf> = [
      "a": first(leaf, 0, "x"), "b": first(leaf, 1, 3), "c": again(1, 3), "d": .none,
    ]
    #expect(try firstDifference(tagged, expected) == nil)
  }

  @Test func whatTagsAndCastsNothingIsFound() throws {
    let leaf = numbers([1] as [Float])
    let tree: Tree<Leaf> = [
      "a": leaf, "b": first(leaf, 0), "c": again(0), "d": .static("x"), "e": first(["f": leaf], 1),
      "g": again(1),
    ]
    func unused(_ patterns: String...) throws -> [Int] {
      try tree.unusedTags(among: patterns.map { (try PathPattern(glob: $0), "x") })
    }
    #expect(try unused("a", "b", "e/f", "zzz", "d") == [3, 4])
    // The first site that any rule matches decides for the Ref.
    #expect(try unused("c", "b") == [0])
    #expect(try unused("b", "c") == [1])
    #expect(try unused("**", "a") == [1])
    #expect(try unused("g") == [])
    let casts = try Casts([.float32: .float16, .int8: .int16, .bool: .int8])
    #expect(try casts.unused(in: tree) == [.bool, .int8])
  }

  @Test func statisticsAreOverFiniteValues() throws {
    let found = try #require(
      try Leaf(Tensor([1, .nan, 3, .infinity, 0, -.infinity] as [Float])).statistics())
    #expect(found.min == .real(0) && found.max == .real(3))
    #expect(found.zeros == 1 && found.nan == 1 && found.infinite == 2)
    #expect(abs(found.mean - 4.0 / 3) < 1e-12)
    #expect(abs(found.deviation - (14.0 / 9).squareRoot()) < 1e-12)
    let wide = try #require(try Leaf(Tensor([UInt64.max, 1] as [UInt64])).statistics())
    #expect(wide.min == .integer(1) && wide.max == .unsigned(.max))
    let huge = try #require(
      try Leaf(Tensor([Double.greatestFiniteMagnitude, .greatestFiniteMagnitude])).statistics())
    #expect(huge.deviation == 0)
    #expect(huge.mean == .greatestFiniteMagnitude)
    #expect(try Leaf(Tensor([] as [Float])).statistics()?.mean.isNaN == true)
  }

  @Test func listingCountsEachValueOnce() throws {
    let inner: Tree<Leaf> = ["w": numbers([1, 2] as [Float]), "r": first(numbers([1] as [Double]), 1)]
    let tree: Tree<Leaf> = ["a": first(inner, 0, "params"), "b": again(0, "params"), "c": again(1)]
    let listing = try Listing(of: tree)
    #expect(listing.rows.map(\.path.text) == ["a", "a/r", "a/w", "b", "c"])
    #expect(listing.rows.map(\.dtype) == ["tree", "float64", "float32", "tree", "float64"])
    #expect(listing.refs == 2 && listing.shared == 2)
    #expect(listing.logicalBytes == 40 && listing.uniqueBytes == 16)
    #expect(listing.rows.map(listing.siteBytes) == [16, 8, 8, 16, 8])
    #expect(listing.collections.map(\.collection) == ["params", nil])
    #expect(listing.collections.map(\.bytes) == [8, 8])
  }

  @Test func digestsByCollectionSeeTheirRefsAlone() throws {
    let rows = try smallModel().digestsByCollection()
    #expect(rows.map(\.collection) == ["batch_stats", "params"])
    let untied = try smallModel(tied: false).digestsByCollection()
    #expect(rows[0].digest == untied[0].digest)
    #expect(rows[1].digest.values == untied[1].digest.values)
    #expect(rows[1].digest.topology != untied[1].digest.topology)
  }
}
