import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Promise: a damaged file is never read as if it were sound.
@Suite struct RefxDamageTests {
  /// A file of about four KiB with all that the format has: raw and compressed leaves, padding, sharing,
  /// collections, static values, text, metadata.
  static func smallFile() throws -> [UInt8] {
    var random = RandomTree(seed: 4, contents: [])
    let tree: Tree<Leaf> = [
      "a": .value(Value(.leaf(random.leaf(.float32, shape: [5, 7])), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")),
      "c": [
        .none, .nothing, .hole, .static("relu"), .static(3), .static(0.5), .static(true), .static(false),
      ],
      "d": .tuple([
        .leaf(Leaf(Int64(4))), .leaf(random.leaf(.uint8, shape: [100])),
        .leaf(.text(["x", "yz"], shape: [2])),
      ]),
      "e": .leaf(StoreContract.halfNoise(.float32, count: 1100)),
      "f": .value(
        Value(
          ["x": .index(Index(1, collection: 3)), "y": .leaf(Leaf(Tensor([Float]())))], index: 1, collection: 3
        )),
    ]
    return try file(tree, .fast, metadata: ["note": "small", "step": 3])
  }

  static func file(
    _ tree: Tree<Leaf>, _ compression: Compression, metadata: JSONObject = [:]
  ) throws -> [UInt8] {
    let target = MemoryTarget()
    try RefxFormat.write(
      CheckpointContents(tree: tree, metadata: metadata), to: target,
      options: WriteOptions(compression: compression))
    return target.bytes
  }

  @Test func everyFlippedBitIsFound() throws {
    var file = try RefxDamageTests.smallFile()
    #expect((2500..<6000).contains(file.count), "the file has \(file.count) bytes")
    #expect(try Outcome(file) == .sound)
    var missed: [Int] = []
    for bit in 0..<(file.count * 8) {
      file[bit / 8] ^= 1 << UInt8(bit % 8)
      if try Outcome(file) == .sound { missed.append(bit) }
      file[bit / 8] ^= 1 << UInt8(bit % 8)
    }
    #expect(
      missed.isEmpty,
      "\(missed.count) of \(file.count * 8) flips go unseen, the first at bit \(missed.first ?? 0)")
  }

  @Test func randomFlipsOfALargerFileAreFound() throws {
    let tree: Tree<Leaf> = [
      "raw": .leaf(StoreContract.halfNoise(.int16, count: 1900)),
      "packed": .leaf(StoreContract.halfNoise(.float32, count: 3000)),
      "page": .leaf(StoreContract.halfNoise(.bool, count: 3000)),
    ]
    var file = try RefxDamageTests.file(tree, .fast)
    var random = SeededRandom(seed: 8)
    for round in 0..<20_000 {
      let bits = Set((0..<(1 + random.below(8))).map { _ in random.below(file.count * 8) })
      for bit in bits { file[bit / 8] ^= 1 << UInt8(bit % 8) }
      if try Outcome(file) == .sound {
        Issue.record("round \(round): flipped bits \(bits.sorted()) go unseen")
      }
      for bit in bits { file[bit / 8] ^= 1 << UInt8(bit % 8) }
    }
    #expect(try Outcome(file) == .sound)
  }

  @Test func paddingUpToThePageIsChecked() throws {
    var file = try RefxDamageTests.file(["x": .leaf(StoreContract.halfNoise(.float32, count: 20_000))], .none)
    #expect(try Outcome(file) == .sound)
    for place in [64, 65, 2000, 4095, 4096] {
      file[place] ^= 0x10
      #expect(try Outcome(file) == .problems, "byte \(place)")
      file[place] ^= 0x10
    }
  }

  @Test func everyCutIsRefused() throws {
    let file = try RefxDamageTests.smallFile()
    for length in 0..<file.count {
      #expect(try Outcome(Array(file[..<length])) == .refused, "cut to \(length) of \(file.count) bytes")
    }
  }

  @Test(arguments: [1, 7, 512]) func appendedBytesAreRefused(count: Int) throws {
    let file = try RefxDamageTests.smallFile()
    #expect(try Outcome(file + [UInt8](repeating: 0, count: count)) == .refused)
    #expect(try Outcome(file + file.suffix(count)) == .refused)
  }

  @Test func twoFilesInARowAreRefused() throws {
    let file = try RefxDamageTests.smallFile()
    #expect(try Outcome(file + file) == .refused)
  }

  @Test func damageToThePayloadIsNoticedWhereItIsReadAndNotBefore() throws {
    var file = try RefxDamageTests.file(
      ["a": .leaf(Leaf(Tensor([Float(1), 2]))), "b": ["c": .leaf(Leaf(Tensor([Float(3)])))]], .none)
    file[128] ^= 1
    let bytes = MemoryBytes(count: file.count) { buffer in
      file.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    let opened = try RefxFormat.open(InputFile(bytes, name: "m.refx"), options: OpenOptions())
    guard case .leaf(let sound)? = opened.contents.tree[["a"]],
      case .leaf(let broken)? = opened.contents.tree[["b", "c"]]
    else {
      Issue.record("the leaves are gone")
      return
    }
    #expect(try sound.tensor() == Tensor([Float(1), 2]))
    let error = #expect(throws: RefxError.self) { try broken.tensor() }
    #expect(error?.code == .damaged)
    #expect(error?.file == "m.refx")
    #expect(error?.path == ["b", "c"])
    #expect(error?.place == .byte(128))
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.map(\.path) == [["b", "c"]])
  }
}

extension StoreContract {
  /// Elements of which half the bytes are noise.
  static func halfNoise(_ dtype: DType, count: Int) -> Leaf {
    var random = SeededRandom(seed: 31)
    var bytes = random.bytes(dtype.byteCount(of: [count]) ?? 0)
    for place in bytes.indices where place % 4 < 2 || dtype == .bool { bytes[place] &= 1 }
    return Leaf(dtype: dtype, shape: [count], bytes: bytes)
  }
}
