import Refx
import RefxIO
import RefxStore
import Testing

@Suite("Reading safetensors")
struct SafetensorsReadingTests {
  @Test("a foreign file is a dictionary of names, each one key")
  func flatNames() throws {
    let file = safetensors(
      #"{"__metadata__":{"format":"pt"},"b.c":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
        + #""a":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}  "#,
      data: [0, 0, 128, 63, 0, 0, 0, 64, 7])
    #expect(SafetensorsStore.recognises(file))
    let opened = try open(file)
    #expect(
      try loaded(opened.contents.tree)
        == ["a": .leaf(Tensor(7 as UInt8)), "b.c": .leaf(Tensor([1, 2] as [Float], shape: [1, 2]))])
    #expect(opened.contents.metadata == ["format": "pt"])
    #expect(opened.warnings.isEmpty)
  }

  @Test("names that differ in bytes alone are two tensors")
  func namesAreBytes() throws {
    let file = safetensors(
      "{\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        + "\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", data: [1, 2])
    let tree = try loaded(try open(file).contents.tree)
    #expect(tree[["e\u{301}"]] == .leaf(Tensor([1] as [UInt8])))
    #expect(tree[["\u{E9}"]] == .leaf(Tensor([2] as [UInt8])))
  }

  @Test("types without a dtype here are listed by name and cannot be read")
  func unsupported() throws {
    let file = safetensors(
      #"{"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},"b":{"dtype":"F8_E8M0","shape":[2],"#
        + #""data_offsets":[3,5]},"c":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[5,8]},"#
        + #""d":{"dtype":"I8","shape":[1],"data_offsets":[8,9]}}"#,
      data: Array(repeating: 1, count: 9))
    let opened = try open(file)
    for (key, name) in [("a", "F4"), ("b", "F8_E8M0"), ("c", "F6_E2M3")] {
      guard case .leaf(let leaf)? = opened.contents.tree[[Key(key)]] else {
        Issue.record("no leaf \(key)")
        continue
      }
      #expect(leaf.dtype == .unsupported)
      #expect(leaf.source.unsupported?.typeName == name)
      let error = #expect(throws: RefxError.self) { try leaf.tensor() }
      #expect(error?.code == .unsupported)
    }
    #expect(try opened.contents.tree.sites().count == 5)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.isEmpty)
  }

  private static let w = #""w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#
  private static func w(_ dtype: String, _ shape: String, _ offsets: String) -> String {
    "{\"w\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
  }

  @Test(
    "refuses what is malformed, and says what",
    arguments: [
      ("[]", "begins with '{'"), (" {}", "begins with '{'"), ("{}x", "the end of the text"),
      ("{\(w),\(w)}", "names \"w\" twice"), (#"{\#(w),"\u0077":{}}"#, "names \"w\" twice"),
      (w(#""F99""#, "[2]", "[0,2]"), "found \"F99\""), (w("1", "[2]", "[0,2]"), "expected a string"),
      (w(#""U8""#, "[2.0]", "[0,2]"), "expected an integer"), (w(#""U8""#, "[2e0]", "[0,2]"), "an integer"),
      (w(#""U8""#, "[-0]", "[0,2]"), "an integer"),
      (w(#""U8""#, "[-2]", "[0,2]"), "an integer of at least 0"),
      (w(#""U8""#, "[18446744073709551616]", "[0,2]"), "an integer"), (w(#""U8""#, "2", "[0,2]"), "an array"),
      (w(#""U8""#, "[2]", "[0]"), "a beginning and an end"),
      (w(#""U8""#, "[2]", "[0,2,2]"), "too many numbers"),
      (w(#""U8""#, "[2]", "[2,0]"), "a beginning and an end"),
      (w(#""U8""#, "[3]", "[0,2]"), "expected 3 bytes"),
      (w(#""F4""#, "[3]", "[0,2]"), "bytes can be counted"),
      (w(#""U8""#, "[4294967296,4294967296]", "[0,2]"), "bytes can be counted"),
      (w(#""U8""#, "[1]", "[0,1]"), "1 bytes behind the last tensor"),
      (w(#""U8""#, "[1]", "[1,2]"), "a hole of 1 bytes"),
      (w(#""U8""#, "[3]", "[0,3]"), "the end of the file 1 bytes before"),
      (#"{\#(w),"v":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, "an overlap of 1 bytes"),
      (#"{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}}"#, "the field \"x\""),
      (#"{"w":{"shape":[2],"data_offsets":[0,2]}}"#, "expected a dtype"),
      (#"{"w":{"dtype":"U8","data_offsets":[0,2]}}"#, "expected a shape"),
      (#"{"w":{"dtype":"U8","shape":[2]}}"#, "expected data_offsets"),
      (#"{"__metadata__":{"a":1},\#(w)}"#, "expected a string"), (#"{"__metadata__":[],\#(w)}"#, "an object"),
      ("{\"w\":\(String(repeating: "[", count: 500))", "expected an object"),
    ])
  func refuses(header: String, says: String) throws {
    let error = try #require(throws: RefxError.self) { _ = try open(safetensors(header, data: [1, 2])) }
    #expect(error.summary.contains(says), "\(error)")
    #expect(error.file == "memory.safetensors")
    #expect(error.place != nil)
  }

  @Test("an impossible length is refused before anything is allocated, and other files are told apart")
  func lengths() throws {
    func error(_ bytes: [UInt8]) throws -> RefxError {
      #expect(!SafetensorsStore.recognises(inMemory(bytes)))
      return try #require(throws: RefxError.self) { _ = try open(inMemory(bytes)) }
    }
    #expect(try error([]).code == .cut)
    #expect(try error([1, 2, 3]).code == .cut)
    #expect(try error([0, 0, 0, 0, 0, 0, 0, 0]).code == .notACheckpoint)
    #expect(try error([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D]).code == .cut)
    #expect(try error([UInt8](repeating: 255, count: 10)).summary.contains("at most 100000000 bytes"))
    #expect(try error([1, 0xE1, 0xF5, 5, 0, 0, 0, 0, 0x7B, 0x7D]).code == .damaged)
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    #expect(try error(Array(lfs.utf8)).summary.contains("git lfs pull"))
    #expect(try error(Array("<!DOCTYPE html><html></html>".utf8)).summary.contains("web page"))
    #expect(try error(Array("\n<html><body>404</body></html>".utf8)).summary.contains("web page"))
  }

  @Test(
    "each number of a header at its extremes is an error, or the number that it was",
    arguments: [
      "0", "1", "-1", "2147483648", "4294967296", "9223372036854775806", "9223372036854775807",
      "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e3", "2.0", "01",
    ])
  func extremes(number: String) throws {
    let fields = ["2", "3", "0", "24", "5", "24", "29"]
    func header(_ fields: [String]) -> String {
      #"{"w":{"dtype":"F32","shape":[\#(fields[0]),\#(fields[1])],"data_offsets":[\#(fields[2]),\#(fields[3])]},"#
        + #""v":{"dtype":"U8","shape":[\#(fields[4])],"data_offsets":[\#(fields[5]),\#(fields[6])]}}"#
    }
    let data = [UInt8](repeating: 1, count: 29)
    #expect(throws: Never.self) { try open(safetensors(header(fields), data: data)) }
    for position in fields.indices where fields[position] != number {
      var changed = fields
      changed[position] = number
      #expect(throws: RefxError.self) { try open(safetensors(header(changed), data: data)) }
    }
  }

  @Test("a bool that is neither 0 nor 1 is found when it is read")
  func bools() throws {
    let opened = try open(
      safetensors(#"{"b":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}"#, data: [0, 1, 2]))
    guard case .leaf(let leaf)? = opened.contents.tree[["b"]] else {
      Issue.record("no leaf")
      return
    }
    let error = try #require(throws: RefxError.self) { _ = try leaf.tensor() }
    #expect(error.code == .damaged)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.map(\.path) == [["b"]])
  }

  @Test("ties that Hugging Face's writer names are proposed, not applied")
  func proposals() throws {
    let opened = try open(
      safetensors(
        #"{"__metadata__":{"format":"pt","lm_head":"embed"},"embed":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
        data: [1]))
    #expect(opened.proposedTies == [ProposedTie(dropped: ["lm_head"], kept: ["embed"])])
    #expect(opened.contents.metadata == ["format": "pt", "lm_head": "embed"])
    #expect(try opened.contents.tree.sites().count == 2)
  }

  @Test("any cut and any changed byte of a header is an error or another sound file", arguments: 0..<4)
  func damage(seed: Int) throws {
    let bytes = try written([
      "a": .value(Value(.leaf(Leaf(Tensor([1, 2] as [Float]))), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")), "c": .static("x"),
    ])
    for count in stride(from: seed, to: bytes.count, by: 4) {
      #expect(throws: RefxError.self) { try open(inMemory(Array(bytes[..<count]))) }
    }
    for place in stride(from: seed, to: bytes.count, by: 4) {
      for change in [0x01, 0x20, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[place] ^= change
        do { _ = try loaded(try open(inMemory(damaged)).contents.tree) } catch is RefxError {}
      }
    }
  }
}
