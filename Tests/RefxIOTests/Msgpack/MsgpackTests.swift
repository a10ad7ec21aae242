import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite struct MsgpackTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/foreign/msgpack").standardizedFileURL

  private func open(_ bytes: [UInt8], limits: Limits = Limits()) throws -> Tree<Leaf> {
    let file = InputFile(MemoryBytes(sharing: bytes), name: "a.msgpack")
    return try MsgpackStore.open(file, options: OpenOptions(limits: limits)).contents.tree
  }

  private func recognises(_ bytes: [UInt8]) -> Bool {
    MsgpackStore.recognises(InputFile(MemoryBytes(sharing: bytes), name: "a.msgpack"))
  }

  // MARK: What flax writes

  @Test(arguments: ["train-state", "every-kind", "in-pieces", "numbered", "four-bits"])
  func filesOfFlaxRead(_ name: String) throws {
    let path = Self.folder.appending(path: "\(name).msgpack").path
    let opened = try Checkpoint.open(path)
    let tree = opened.contents.tree
    #expect(opened.format == "msgpack" && opened.version == nil && opened.warnings.isEmpty)
    // A key that is a number tells nothing of the format, so there the suffix does.
    #expect(MsgpackStore.recognises(try InputFile(path: path)) == (name != "numbered"))
    let found = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: Self.folder.appending(path: "\(name).json"))) as? [String: [Any]])
    var expected = 0
    for entry in try #require(found["leaves"] as? [[String: Any]]) {
      let place = try keyPath(entry["path"])
      guard case .leaf(let leaf)? = tree[place] else {
        Issue.record("no leaf at \(place.text)")
        continue
      }
      #expect(leaf.dtype.name == entry["dtype"] as? String, "\(place.text)")
      #expect(leaf.shape == entry["shape"] as? [Int], "\(place.text)")
      let sum = hexadecimal(try LeafHashes().sha256(of: leaf, at: place))
      #expect(sum == entry["sha256"] as? String, "\(place.text)")
      expected += 1
    }
    for entry in try #require(found["statics"] as? [[String: Any]]) {
      let place = try keyPath(entry["path"])
      guard case .static(.string(let text))? = tree[place] else {
        Issue.record("no text at \(place.text)")
        continue
      }
      #expect(text == entry["value"] as? String)
      expected += 1
    }
    for entry in try #require(found["nones"]) {
      let place = try keyPath(entry)
      guard case .none?? = Optional(tree[place]) else {
        Issue.record("no none at \(place.text)")
        continue
      }
      expected += 1
    }
    var sites = 0
    try tree.forEachSite { site in
      switch site.content {
      case .leaf, .static, .none: sites += 1
      default: break
      }
    }
    #expect(sites == expected)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.isEmpty)
  }

  private func keyPath(_ keys: Any?) throws -> Path {
    Path(try #require(keys as? [String]).map { Key($0) })
  }

  /// Pieces of an array, read in pieces that cut them.
  @Test func anArrayInPiecesReadsAnywhere() throws {
    let tree = try Checkpoint.open(Self.folder.appending(path: "in-pieces.msgpack").path).contents.tree
    guard case .leaf(let leaf)? = tree["a"] else { throw NumPyFiles.Missing() }
    let whole = try NumPyFiles.values(tree["a"])
    #expect(whole == (0..<120).flatMap { Float($0).bytes })
    for start in 0...whole.count {
      for count in [0, 1, 39, 41, 200] where start + count <= whole.count {
        var part = [UInt8](repeating: 0, count: count)
        try part.withUnsafeMutableBytes { try leaf.source.read(at: start, into: $0) }
        #expect(part[...] == whole[start..<(start + count)], "\(start), \(count)")
      }
    }
  }

  // MARK: Single values

  @Test(
    arguments: [
      ([0x00], DType.int64, [0, 0, 0, 0, 0, 0, 0, 0]), ([0x7F], .int64, [127, 0, 0, 0, 0, 0, 0, 0]),
      ([0xE0], .int64, [0xE0, 255, 255, 255, 255, 255, 255, 255]),
      ([0xCC, 200], .int64, [200, 0, 0, 0, 0, 0, 0, 0]), ([0xCD, 1, 2], .int64, [2, 1, 0, 0, 0, 0, 0, 0]),
      ([0xCE, 255, 255, 255, 255], .int64, [255, 255, 255, 255, 0, 0, 0, 0]),
      ([0xCF, 0x80, 0, 0, 0, 0, 0, 0, 1], .uint64, [1, 0, 0, 0, 0, 0, 0, 0x80]),
      ([0xD0, 0xFF], .int64, [255, 255, 255, 255, 255, 255, 255, 255]),
      ([0xD1, 0xFF, 0], .int64, [0, 255, 255, 255, 255, 255, 255, 255]),
      ([0xD2, 0, 0, 0, 9], .int64, [9, 0, 0, 0, 0, 0, 0, 0]),
      ([0xD3, 0, 0, 0, 0, 0, 0, 0, 9], .int64, [9, 0, 0, 0, 0, 0, 0, 0]),
      ([0xCA, 0x3F, 0x80, 0, 0], .float32, [0, 0, 0x80, 0x3F]),
      ([0xCB, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0], .float64, [0, 0, 0, 0, 0, 0, 0xF0, 0x3F]),
      ([0xC2], .bool, [0]), ([0xC3], .bool, [1]),
    ] as [([UInt8], DType, [UInt8])])
  func numbersAreLeaves(bytes: [UInt8], dtype: DType, expected: [UInt8]) throws {
    let tree = try open(bytes)
    guard case .leaf(let leaf) = tree else { throw NumPyFiles.Missing() }
    #expect(leaf.dtype == dtype && leaf.shape.isEmpty)
    #expect(try NumPyFiles.values(tree) == expected)
  }

  @Test func everyWidthOfALengthReads() throws {
    let text = Array("abc".utf8)
    for bytes in [[0xA3], [0xD9, 3], [0xDA, 0, 3], [0xDB, 0, 0, 0, 3]] as [[UInt8]] {
      guard case .static(.string("abc")) = try open(bytes + text) else {
        Issue.record("\(bytes)")
        continue
      }
    }
    for bytes in [[0xC4, 3], [0xC5, 0, 3], [0xC6, 0, 0, 0, 3]] as [[UInt8]] {
      let tree = try open(bytes + text)
      guard case .leaf(let leaf) = tree, leaf.dtype == .uint8, leaf.shape == [3] else {
        Issue.record("\(bytes)")
        continue
      }
      #expect(try NumPyFiles.values(tree) == text)
    }
    for bytes in [[0x92], [0xDC, 0, 2], [0xDD, 0, 0, 0, 2]] as [[UInt8]] {
      #expect(try firstDifference(open(bytes + [0xC0, 0xC0]), .list([.none, .none])) == nil)
    }
    for bytes in [[0x81], [0xDE, 0, 1], [0xDF, 0, 0, 0, 1]] as [[UInt8]] {
      #expect(try firstDifference(open(bytes + [0xA1, 0x61, 0xC0]), ["a": .none]) == nil)
    }
    #expect(try firstDifference(open([0x80]), .dictionary([])) == nil)
  }

  /// An array of flax: extents, dtype, bytes, as an extension of type 1.
  private func array(_ shape: [UInt8], _ dtype: String, _ data: [UInt8], type: UInt8 = 1) -> [UInt8] {
    let body =
      [0x93, 0x90 + UInt8(shape.count)] + shape + [0xA0 + UInt8(dtype.utf8.count)] + Array(dtype.utf8)
      + [0xC4, UInt8(data.count)] + data
    return [0xC7, UInt8(body.count), type] + body
  }

  @Test func whatHasNoDTypeIsListed() throws {
    for (bytes, name) in [
      (array([2], "str96", [UInt8](repeating: 0, count: 24)), "str96"), (array([2], "int2", [1, 0]), "int2"),
      (array([1], "datetime64[ns]", [UInt8](repeating: 0, count: 8)), "datetime64[ns]"),
      (array([1], "string", [1]), "string"), ([0xD4, 9, 0], "ext 9"), ([0xD6, 0xFF, 0, 0, 0, 0], "ext -1"),
      ([0xA1, 0xFF], "str"),
    ] {
      let listed = try open(bytes).unsupportedLeaves()
      #expect(listed.map(\.reason.typeName) == [name])
    }
  }

  // MARK: Damage

  private func refuses(
    _ bytes: [UInt8], _ sentence: String, code: RefxError.Code = .damaged, line: Int = #line
  ) {
    do {
      _ = try open(bytes)
      Issue.record("opens (line \(line))")
    } catch let error as RefxError {
      #expect(error.code == code && error.summary.contains(sentence), "\(error.summary) (line \(line))")
      #expect(error.file == "a.msgpack")
    } catch {
      Issue.record(error)
    }
  }

  @Test func whatIsWrongIsSaid() {
    refuses([], "1 bytes", code: .cut)
    refuses([0xC1], "0xc1")
    refuses([0xC0, 0xC0], "1 more bytes")
    refuses([0x82, 0xA1, 0x61, 0xC0, 0xA1, 0x61, 0xC0], "two of \"a\"")
    refuses([0x82, 0xA1, 0x31, 0xC0, 0x01, 0xC0], "two of \"1\"")
    refuses([0x81, 0xC0, 0xC0], "a text or an integer as a key, found nil")
    refuses([0x81, 0xC4, 0x01, 0x61, 0xC0], "found bytes")
    refuses([0x81, 0xA1, 0xFF, 0xC0], "UTF-8")
    for bytes in [
      [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xDD, 0x7F, 0xFF, 0xFF, 0xFF, 0], [0xDB, 0xFF, 0xFF, 0xFF, 0xFF],
      [0xC6, 0xFF, 0xFF, 0xFF, 0xFF], [0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 1], [0xA5, 0x61], [0xD8, 1, 0],
    ] as [[UInt8]] { refuses(bytes, "for which there is room", code: .cut) }
    refuses(array([3], "float32", [0, 0, 0, 0]), "the bytes of the shape [3]")
    refuses(array([2], "float32", [0, 0, 0, 0], type: 3), "a scalar of the shape [2]")
    refuses([0xD5, 1, 0x92, 0xC0], "others")
    refuses([0xD6, 1, 0x92, 0xC0, 0xC0, 0xC0], "an array's extents, dtype and bytes")
    refuses([0xD5, 2, 0x92, 0xC0], "two floats")
    refuses([0xD6, 2, 0x92, 0xC0, 0xC0, 0xC0], "two floats")
    // An array whose bytes go on behind its extension.
    var long = array([2], "int8", [1, 2])
    long[1] -= 1
    refuses(long, "no bytes")
    refuses(array([2], "int8", [1, 2]).dropFirst(0) + [0], "1 more bytes")
  }

  private func chunked(_ shape: [UInt8], _ chunks: [UInt8], marker: UInt8 = 0xC3, more: [UInt8] = [])
    -> [UInt8]
  {
    func key(_ name: String) -> [UInt8] { [0xA0 + UInt8(name.utf8.count)] + Array(name.utf8) }
    return [0x83] + key("__msgpack_chunked_array__") + [marker] + key("shape") + shape + key("chunks")
      + chunks
      + more
  }

  @Test func piecesThatMakeNoArrayAreRefused() throws {
    let one = array([2], "int8", [1, 2])
    let other = array([1], "int8", [3])
    let shape: [UInt8] = [0x81, 0xA1, 0x30, 0x03]
    let chunks = [0x82, 0xA1, 0x30] + one + [0xA1, 0x31] + other
    #expect(try NumPyFiles.values(open(chunked(shape, chunks))) == [1, 2, 3])
    for wrong in [
      chunked([0x81, 0xA1, 0x30, 0x04], chunks), chunked([0x81, 0xA1, 0x31, 0x03], chunks),
      chunked([0x91, 0x03], chunks), chunked([0xC0], chunks), chunked([0x81, 0xA1, 0x30, 0xFF], chunks),
      chunked(shape, chunks, marker: 0xC0), chunked(shape, [0x80]), chunked(shape, [0xC0]),
      chunked(shape, [0x82, 0xA1, 0x30] + one + [0xA1, 0x32] + other),
      chunked(shape, [0x82, 0xA1, 0x30] + one + [0xA1, 0x31] + array([1], "uint8", [3])),
      chunked(shape, [0x82, 0xA1, 0x30] + one + [0xA1, 0x31] + array([], "int8", [3])),
      chunked(shape, [0x81, 0xA1, 0x30, 0xD4, 9, 0]),
    ] { refuses(wrong, "array") }
  }

  @Test func everyCutAndFlipIsAnErrorOrATree() throws {
    for name in ["train-state", "every-kind", "in-pieces"] {
      let whole = try Array(Data(contentsOf: Self.folder.appending(path: "\(name).msgpack")))
      for count in whole.indices {
        #expect(throws: RefxError.self, "\(name), \(count)") { try open(Array(whole[..<count])) }
      }
      for bit in 0..<(8 * whole.count) {
        var bytes = whole
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        do {
          try open(bytes).forEachLeaf { leaf in
            if leaf.source.unsupported == nil { _ = try? NumPyFiles.values(.leaf(leaf)) }
          }
        } catch is RefxError {}
      }
    }
  }

  @Test func depthIsBounded() throws {
    let deep = [UInt8](repeating: 0x91, count: 1000) + [0xC0]
    _ = try open(deep)
    refuses([0x91] + deep, "levels", code: .limit)
    refuses([UInt8](repeating: 0x91, count: 100_000) + [0xC0], "levels", code: .limit)
  }

  @Test func limitsHold() throws {
    let file: [UInt8] =
      [0x83, 0xA3, 0x61, 0x61, 0x61] + array([1, 2], "int8", [1, 2]) + [0xA1, 0x62, 0x91, 0x05, 0xA1, 0x63]
      + [0xA2, 0x68, 0x69]
    func opens(_ change: (inout Limits) -> Void) -> Bool {
      var limits = Limits()
      change(&limits)
      return (try? open(file, limits: limits)) != nil
    }
    #expect(opens { $0.nodes = 5 } && !opens { $0.nodes = 4 })
    #expect(opens { $0.depth = 2 } && !opens { $0.depth = 1 })
    #expect(opens { $0.rank = 2 } && !opens { $0.rank = 1 })
    #expect(opens { $0.bytes = 10 } && !opens { $0.bytes = 9 })
    #expect(opens { $0.nameBytes = 4 } && !opens { $0.nameBytes = 3 })
    #expect(opens { $0.metadataBytes = 7 } && !opens { $0.metadataBytes = 6 })
  }

  // MARK: Recognition

  @Test func othersFilesAreNotTaken() throws {
    #expect(recognises([0x81, 0xA1, 0x61, 0xC0]) && recognises([0x80]))
    for bytes in [
      [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0], [0x80, 0x02, 0x8A, 0x0A],
      [0x50, 0x4B, 3, 4],
      [0x93, 0x4E, 0x55, 0x4D], [0x81, 0xA1, 0x00, 0xC0], [0x81, 0xA1, 0x61, 0xC1], [0x81, 0xA1, 0x61], [],
      [0x81, 0xA0, 0xC0], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA1, 0x61, 0xC0],
    ] as [[UInt8]] { #expect(!recognises(bytes), "\(bytes)") }
    // By content, whatever the name says.
    let scratch = ScratchFolder()
    let path = scratch.file("checkpoint_100")
    try Data(contentsOf: Self.folder.appending(path: "train-state.msgpack")).write(to: URL(filePath: path))
    #expect(try Checkpoint.open(path).format == "msgpack")
    let other = scratch.file("model.msgpack")
    try Data(
      contentsOf: Self.folder.appending(path: "../keras/legacy.h5").standardizedFileURL
    ).write(to: URL(filePath: other))
    #expect(try Checkpoint.open(other).format == "hdf5")
  }
}

extension Float {
  fileprivate var bytes: [UInt8] { withUnsafeBytes(of: bitPattern.littleEndian) { Array($0) } }
}
