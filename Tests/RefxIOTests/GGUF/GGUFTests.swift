import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite struct GGUFTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/foreign/gguf").standardizedFileURL

  // MARK: What others write

  /// Files of gguf-py with every type of tensor and of value, in both orders of bytes, and of the older versions.
  @Test(arguments: ["little", "big", "version-1", "version-2", "version-3-big"])
  func filesOfTheReferenceWriterRead(_ name: String) throws {
    let path = Self.folder.appending(path: "\(name).gguf").path
    let expected = try Array(Data(contentsOf: Self.folder.appending(path: "\(name).json")))
    let found = try #require(
      try JSONSerialization.jsonObject(with: Data(expected)) as? [String: Any])
    let file = try InputFile(path: path)
    #expect(GGUFStore.recognises(file))
    let opened = try Checkpoint.open(path)
    #expect(opened.format == "gguf" && opened.version == found["version"] as? Int)
    #expect(opened.warnings.isEmpty, "\(opened.warnings)")

    let tensors = try #require(found["tensors"] as? [[String: Any]])
    #expect(try opened.contents.tree.sites().count == tensors.count + 1)
    for tensor in tensors {
      let name = Key(try #require(tensor["name"] as? String))
      guard case .leaf(let leaf)? = opened.contents.tree[[name]] else {
        Issue.record("no leaf \(name)")
        continue
      }
      #expect(leaf.dtype.name == tensor["dtype"] as? String, "\(name)")
      #expect(leaf.shape == tensor["shape"] as? [Int], "\(name)")
      let sum = hexadecimal(try LeafHashes().sha256(of: leaf, at: [name]))
      #expect(sum == tensor["sha256"] as? String, "\(name)")
      try checkAttributes(opened.contents.attributes[[name]], tensor)
    }
    guard case .object(let document) = try JSON.parse(expected),
      case .object(let metadata)? = document["metadata"]
    else { throw Missing() }
    for member in metadata.members {
      #expect(opened.contents.metadata[member.name]?.bytes() == member.value.bytes(), "\(member.name)")
    }
    #expect(opened.contents.metadata.members.map(\.name) == metadata.members.map(\.name))
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.isEmpty)
  }

  private func checkAttributes(_ attributes: [Attribute], _ tensor: [String: Any]) throws {
    guard let type = tensor["type"] as? String, let extents = tensor["extents"] as? [Int] else {
      #expect(attributes.isEmpty)
      return
    }
    var expected = [
      Attribute("gguf_type", .one(.string(type))),
      Attribute(
        "gguf_shape",
        .numbers(dtype: .int64, shape: [extents.count], bytes: NumPyFiles.bytes(extents.map { Int64($0) }))),
    ]
    if tensor["order"] != nil { expected.append(Attribute("gguf_byte_order", .one(.string("big")))) }
    #expect(attributes == expected)
  }

  struct Missing: Error {}

  /// Numbers of the other order of bytes, in pieces that cut them.
  @Test func anyPieceOfTheOtherOrderReads() throws {
    let opened = try Checkpoint.open(Self.folder.appending(path: "big.gguf").path)
    for name: Key in ["blk.0.F64.weight", "blk.0.I16.weight", "blk.0.F32.weight"] {
      guard case .leaf(let leaf)? = opened.contents.tree[[name]] else { throw Missing() }
      let whole = try NumPyFiles.values(.leaf(leaf))
      for start in 0..<whole.count {
        for count in [0, 1, 3, whole.count - start] where start + count <= whole.count {
          var part = [UInt8](repeating: 0xEE, count: count)
          try part.withUnsafeMutableBytes { try leaf.source.read(at: start, into: $0) }
          #expect(part[...] == whole[start..<(start + count)], "\(name), \(start), \(count)")
        }
      }
    }
  }

  // MARK: What is said and not refused

  @Test func oneOfSeveralFilesSaysSo() throws {
    var file = GGUFBuilder()
    file.add("split.no", type: 2, file.number(UInt16(1)))
    file.add("split.count", type: 2, file.number(UInt16(3)))
    file.add("split.tensors.count", type: 5, file.number(Int32(9)))
    file.addTensor("w", [1], at: 0)
    file.data = [0, 0, 128, 63]
    let opened = try file.open()
    #expect(opened.warnings.count == 1)
    #expect(opened.warnings[0].contains("split into 3 files") && opened.warnings[0].contains("part 2"))
    #expect(opened.warnings[0].contains("1 of 9 tensors"))
  }

  @Test func anUnknownTypeIsListed() throws {
    var file = GGUFBuilder()
    file.addTensor("a", type: 99, [7, 3], at: 0)
    file.addTensor("b", [2], at: 64)
    file.data = [UInt8](repeating: 1, count: 72)
    let opened = try file.open()
    let listed = try opened.contents.tree.unsupportedLeaves()
    #expect(listed.map(\.path) == [["a"]] && listed[0].reason.typeName == "type 99")
    #expect(opened.warnings.count == 1 && opened.warnings[0].contains("type 99"))
    guard case .leaf(let leaf)? = opened.contents.tree["a"] else { throw Missing() }
    #expect(leaf.shape == [3, 7] && leaf.dtype == .unsupported)
    // Its first byte is in the file, and belongs to nobody else.
    for offset in [64, 96] as [UInt64] {
      var other = GGUFBuilder()
      other.addTensor("a", type: 99, [7, 3], at: offset)
      other.addTensor("b", [2], at: 64)
      other.data = file.data
      #expect(throws: RefxError.self) { try other.open() }
    }
  }

  @Test func bytesOfNobodyAreNamed() throws {
    var file = GGUFBuilder()
    file.addTensor("a", [1], at: 64)
    file.data = [UInt8](repeating: 1, count: 200)
    #expect(try file.open().warnings == ["\(64 + 104) bytes of the data belong to no tensor"])
  }

  @Test func emptyTensorsAndNoneAtAllRead() throws {
    #expect(try firstDifference(GGUFBuilder().open().contents.tree, .dictionary([])) == nil)
    // Written without the padding before data that is not there.
    let cut = Array(GGUFBuilder().bytes.prefix(24))
    #expect(try GGUFBuilder.open(cut).contents.metadata.isEmpty)
    var file = GGUFBuilder()
    file.addTensor("none", [0, 5], at: 0)
    file.addTensor("blocks", type: 2, [32, 0], at: 0)
    guard case .leaf(let leaf)? = try file.open().contents.tree["blocks"] else { throw Missing() }
    #expect(leaf.shape == [0, 18] && leaf.byteCount == 0)
  }

  /// A vocabulary of the size of a large model's, which takes no more than its length says.
  @Test(.timeLimit(.minutes(1))) func aLargeVocabularyOpensAtOnce() throws {
    var file = GGUFBuilder()
    let count = 150_000
    var elements: [UInt8] = []
    for position in 0..<count { elements += file.text("token \(position)") }
    file.add("tokenizer.ggml.tokens", type: 8, of: count, elements)
    let opened = try file.open()
    guard case .object(let object)? = opened.contents.metadata["tokenizer.ggml.tokens"],
      case .array(let tokens)? = object["value"]
    else { throw Missing() }
    #expect(tokens.count == count && tokens.last == .string("token \(count - 1)"))
    var limits = Limits()
    limits.metadataBytes = 1 << 20
    #expect(throws: RefxError.self) { try file.open(OpenOptions(limits: limits)) }
  }

  // MARK: Damage

  private static var small: GGUFBuilder {
    var file = GGUFBuilder()
    file.add("general.name", text: "m")
    file.add("n", type: 4, file.number(UInt32(7)))
    file.add("list", type: 3, of: 3, file.number(Int16(1)) + file.number(Int16(2)) + file.number(Int16(3)))
    file.addTensor("a", [2, 3], at: 0)
    file.addTensor("b", type: 2, [32], at: 32)
    file.data = [UInt8](repeating: 5, count: 50)
    return file
  }

  private func refuses(
    _ sentence: String, code: RefxError.Code = .damaged, _ change: (inout GGUFBuilder) -> Void,
    line: Int = #line
  ) {
    var file = Self.small
    change(&file)
    do {
      _ = try file.open()
      Issue.record("opens (line \(line))")
    } catch let error as RefxError {
      #expect(error.code == code && error.summary.contains(sentence), "\(error.summary) (line \(line))")
      #expect(error.file == "a.gguf")
    } catch {
      Issue.record(error)
    }
  }

  @Test func whatIsWrongIsSaid() throws {
    #expect(try Self.small.open().warnings.isEmpty)
    refuses("version 4", code: .version) { $0.version = 4 }
    refuses("version 0", code: .version) { $0.version = 0 }
    refuses("two of \"n\"") { $0.add("n", type: 0, [1]) }
    refuses("two of this name") { $0.addTensor("a", [0], at: 0) }
    refuses("a value's type from 0 to 12") { $0.add("x", type: 13, [0]) }
    refuses("a bool of 0 or 1") { $0.add("x", type: 7, [2]) }
    refuses("UTF-8") { $0.values.append($0.length(1) + [0xFF] + $0.number(UInt32(0)) + [0]) }
    refuses("elements of an array", code: .cut) {
      $0.add("x", type: 9, $0.number(UInt32(6)) + $0.length(1 << 61))
    }
    refuses("bytes of a text", code: .cut) { $0.add("x", type: 8, $0.length(.max)) }
    refuses("tensors, for which there is room", code: .cut) { $0.tensorCount = 1 << 60 }
    refuses("values, for which there is room", code: .cut) { $0.valueCount = 1 << 60 }
    for wrong in [0, 3, 48] as [UInt32] {
      refuses("a power of two") { $0.add("general.alignment", type: 4, $0.number(wrong)) }
    }
    refuses("a power of two") { $0.add("general.alignment", type: 10, $0.number(UInt64(32))) }
    refuses("at most 4 dimensions") { $0.addTensor("x", [1, 1, 1, 1, 1], at: 64) }
    refuses("a multiple of 32, found 33") { $0.addTensor("x", [1], at: 33) }
    refuses("the shape") { $0.addTensor("x", [1 << 32, 1 << 32], at: 64) }
    refuses("elements along an axis", code: .cut) { $0.addTensor("x", [.max], at: 64) }
    refuses("multiple of 32 elements for Q4_0, found 33") { $0.addTensor("x", type: 2, [33], at: 64) }
    refuses("multiple of 256 elements for Q4_K, found 1") { $0.addTensor("x", type: 12, [], at: 64) }
    refuses("the shape") { $0.addTensor("x", [1 << 61], at: 64) }
    refuses("belong to \"a\" too") { $0.addTensor("x", [4], at: 0) }
    refuses("not all there", code: .cut) { $0.data.removeLast() }
    refuses("not all there", code: .cut) { $0.addTensor("x", [1], at: 1 << 40) }
    refuses("not all there", code: .cut) { $0.addTensor("x", [1], at: UInt64(Int.max - 31)) }
    refuses("the shape") { $0.addTensor("x", [1], at: .max - 31) }
    refuses("too deep", code: .limit) { file in
      let level = file.number(UInt32(9)) + file.length(1)
      file.add("x", type: 9, (0..<40).flatMap { _ in level } + file.number(UInt32(0)) + file.length(0))
    }
  }

  @Test(arguments: ["lmgg", "fmgg", "tjgg", "ABCD"])
  func otherSignaturesAreNamed(_ signature: String) {
    let error = #expect(throws: RefxError.self) {
      try GGUFBuilder.open(Array(signature.utf8) + [1, 0, 0, 0])
    }
    #expect(error?.code == .notACheckpoint)
  }

  @Test func everyCutIsRefused() throws {
    for version: UInt32 in [1, 2, 3] {
      var file = Self.small
      file.version = version
      // The builder keeps what was added as bytes of the other version.
      if version == 1 {
        file = GGUFBuilder(version: 1)
        file.add("s", text: "t")
        file.addTensor("a", [2, 3], at: 0)
        file.data = [UInt8](repeating: 5, count: 24)
      }
      let bytes = file.bytes
      _ = try GGUFBuilder.open(bytes)
      for count in bytes.indices {
        #expect(throws: RefxError.self, "\(count)") { try GGUFBuilder.open(Array(bytes[..<count])) }
      }
    }
  }

  @Test func limitsHold() throws {
    func opens(_ change: (inout Limits) -> Void) -> Bool {
      var limits = Limits()
      change(&limits)
      return (try? Self.small.open(OpenOptions(limits: limits))) != nil
    }
    #expect(opens { $0.nodes = 3 } && !opens { $0.nodes = 2 })
    #expect(opens { $0.rank = 2 } && !opens { $0.rank = 1 })
    #expect(opens { $0.bytes = 42 } && !opens { $0.bytes = 41 })
    #expect(opens { $0.nameBytes = 12 } && !opens { $0.nameBytes = 11 })
    #expect(opens { $0.depth = 1 } && !opens { $0.depth = 0 })
    #expect(!opens { $0.metadataBytes = 100 })
  }

  // MARK: Real files

  @Test(
    "real files read as the reference reader reads them",
    .enabled(if: SharedFiles.has("corpus/manifest.json.gz"), SharedFiles.absent("corpus")))
  func corpus() throws {
    let folder = try #require(SharedFiles.folder).appending(path: "corpus")
    var seen = 0
    for entry in try SharedCorpus.entries() {
      let path = try #require(entry["path"] as? String)
      guard path.hasSuffix(".gguf") else { continue }
      let file = folder.appending(path: path).path
      seen += 1
      guard entry["kind"] as? String == "gguf", let oracle = entry["oracle"] as? [String: Any] else {
        let error = #expect(throws: RefxError.self, "\(path)") { try Checkpoint.open(file) }
        #expect(error?.file == file)
        continue
      }
      let opened = try Checkpoint.open(file)
      let tensors = try #require(oracle["tensors"] as? [[String: Any]])
      #expect(try opened.contents.tree.sites().count == tensors.count + 1, "\(path)")
      for tensor in tensors {
        let name = Key(try #require(tensor["path"] as? String))
        guard case .leaf(let leaf)? = opened.contents.tree[[name]] else {
          Issue.record("\(path): no leaf \(name)")
          continue
        }
        let type = try #require(tensor["type"] as? String)
        let quantised = opened.contents.attributes[[name]]
        if quantised.isEmpty {
          #expect(leaf.shape == tensor["shape_rowmajor"] as? [Int], "\(path): \(name)")
        } else {
          #expect(quantised.first?.value == .one(.string(type)))
        }
        #expect(
          hexadecimal(try LeafHashes().sha256(of: leaf, at: [name])) == tensor["sha256_raw"] as? String,
          "\(path): \(name)")
      }
      try checkValues(opened.contents.metadata, try #require(oracle["kv"] as? [String: [String: Any]]), path)
    }
    #expect(seen >= 7)
  }

  /// The reference reader's values: the types' names, then a value, or the number of elements and the first ones.
  private func checkValues(_ metadata: JSONObject, _ oracle: [String: [String: Any]], _ path: String) throws {
    var seen = 0
    for (name, entry) in oracle where !name.hasPrefix("GGUF.") {
      seen += 1
      let found = try #require(metadata[Key(name)], "\(path): \(name)")
      let types = try #require(entry["types"] as? [String]).map { $0.lowercased() }
      switch found {
      case .string(let text): #expect(types == ["string"] && text == entry["value"] as? String, "\(name)")
      case .bool(let truth): #expect(types == ["bool"] && truth == entry["value"] as? Bool, "\(name)")
      case .object(let object):
        #expect(object["type"] == .string(types[0]), "\(path): \(name)")
        switch object["value"] {
        case .array(let elements)?:
          #expect(types.count < 2 || object["of"] == .string(types[1]))
          #expect(elements.count == entry["n"] as? Int, "\(path): \(name)")
          let first = try #require(entry["first"] as? [Any])
          for (element, expected) in zip(elements, first) {
            expectEqual(element, expected, "\(path): \(name)")
          }
        case let value?: expectEqual(value, entry["value"], "\(path): \(name)")
        case nil: Issue.record("\(path): \(name)")
        }
      default: Issue.record("\(path): \(name)")
      }
    }
    #expect(metadata.members.count == seen)
  }

  private func expectEqual(_ found: JSON, _ expected: Any?, _ place: Comment) {
    switch found {
    case .integer(let number): #expect(number == (expected as? NSNumber)?.int64Value, place)
    case .number(let number):
      // Foundation's reader is off by a bit now and then.
      let wanted = (expected as? NSNumber)?.doubleValue ?? .nan
      #expect(abs(number - wanted) <= 1e-14 * abs(wanted), place)
    case .bool(let truth): #expect(truth == expected as? Bool, place)
    case .string(let text): #expect(text == expected as? String, place)
    default: Issue.record(place)
    }
  }
}
