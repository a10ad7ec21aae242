import Refx
import RefxStore
import Testing

@Suite("Reading JSON")
struct JSONParsingTests {
  @Test(
    "takes what is valid",
    arguments: [
      ("null", JSON.null), (" true ", true), ("\t\r\nfalse\n", false),
      ("0", 0), ("-1", -1), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .number(9223372036854775808)), ("-0", .number(-0.0)), ("1.0", .number(1)),
      ("1e0", .number(1)), ("1E+2", .number(100)), ("-2.5e-1", .number(-0.25)), ("0.0", .number(0)),
      ("1e-400", .number(0)), ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
      ("\"\"", ""), ("\"é😀\"", "é😀"), ("\"\\ud83d\\uDE00\"", "😀"), ("\"\\u0000\"", "\0"),
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), ("\"\u{7F}\"", "\u{7F}"),
      ("[]", []), ("[1,[2,{}]]", [1, [2, [:]]]), ("{}", [:]),
      (#"{"b":1,"a":{"b":null}}"#, ["b": 1, "a": ["b": .null]]),
    ] as [(String, JSON)])
  func accepts(text: String, expected: JSON) throws {
    let parsed = try JSON.parse(Array(text.utf8))
    #expect(parsed == expected)
    // -0.0 == 0.0 and "é" == "e\u{301}", so the bytes decide.
    #expect(parsed.bytes() == expected.bytes())
  }

  @Test(
    "refuses what is not, and says where",
    arguments: [
      ("", 0), ("   ", 3), ("nul", 3), ("nulll", 4), ("True", 0), ("tru ", 3), ("\u{FEFF}1", 0), ("'a'", 0),
      ("01", 1), ("-", 1), ("-a", 1), ("+1", 0), ("1.", 2), (".5", 0), ("1.e1", 2), ("1e", 2), ("1e+", 3),
      ("0x10", 1), ("1_000", 1), ("NaN", 0), ("Infinity", 0), ("-Infinity", 1), ("1e400", 0), ("[-1e999]", 1),
      ("[", 1), ("[1", 2), ("[1,", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("]", 0), ("[}", 1),
      ("{", 1), ("{\"a\"", 4), ("{\"a\":", 5), ("{\"a\":1", 6), ("{\"a\":1,}", 7), ("{,}", 1), ("{a:1}", 1),
      ("{\"a\" 1}", 5), ("{1:2}", 1), ("{\"a\":1 \"b\":2}", 7), ("{null:1}", 1),
      ("\"", 1), ("\"a", 2), ("\"\\", 2), ("\"\\x\"", 2), ("\"\\u12\"", 5), ("\"\\u12g4\"", 5), ("\"\n\"", 1),
      ("\"\u{1F}\"", 1), ("\"a\\n\t\"", 4), ("\"\\ud800\"", 1), ("\"\\udc00\"", 1), ("\"\\ud800\\u0041\"", 1),
      ("\"\\ud800x\"", 1), ("\"\\ud83d\\ud83d\"", 1),
      ("1 2", 2), ("{} {}", 3), ("[]\0", 2), ("null,", 4), ("//\n1", 0), ("/**/1", 0), ("\u{A0}1", 0),
      ("\u{0C}1", 0), ("[1]\u{0B}", 3),
      (#"{"w":1,"w":2}"#, 7), (#"{"w":1,"\u0077":2}"#, 7), (#"[{"a":{"b":1,"b":1}}]"#, 13),
    ])
  func refuses(text: String, offset: Int) throws {
    let error = try #require(throws: RefxError.self) { _ = try JSON.parse(Array(text.utf8)) }
    #expect(error.place == .byte(offset), "\(error)")
  }

  @Test(
    "refuses bytes that are not UTF-8",
    arguments: [
      [0x80], [0xC3], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
      [0xF8, 0x88, 0x80, 0x80, 0x80], [0x5C, 0x6E, 0xC3], [0xC3, 0x5C, 0x6E, 0xA9],
    ] as [[UInt8]])
  func refusesBadUTF8(inside: [UInt8]) {
    #expect(throws: RefxError.self) { try JSON.parse([0x22] + inside + [0x22]) }
  }

  @Test("refuses UTF-16 and bytes outside of strings that are not ASCII")
  func refusesOtherEncodings() {
    let utf16 = Array("{}".utf16).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    #expect(throws: RefxError.self) { try JSON.parse(utf16) }
    #expect(throws: RefxError.self) { try JSON.parse([0xFF, 0xFE] + utf16) }
    #expect(throws: RefxError.self) { try JSON.parse(Array("{é:1}".utf8)) }
  }

  @Test("names that look alike and differ in bytes are two names")
  func namesAreBytes() throws {
    let document = try JSON.parse(Array("{\"caf\u{E9}\":1,\"cafe\u{301}\":2}".utf8))
    guard case .object(let object) = document else {
      Issue.record("not an object")
      return
    }
    #expect(object.members.map(\.value) == [1, 2])
    #expect(object["cafe\u{301}"] == 2)
  }

  @Test("a name that comes twice is found among many")
  func duplicatesAmongMany() throws {
    let names = (0..<5000).map { "\"n\($0)\":\($0)" }
    let good = "{" + names.joined(separator: ",") + "}"
    guard case .object(let object) = try JSON.parse(Array(good.utf8)) else {
      Issue.record("not an object")
      return
    }
    #expect(object.members.count == 5000)
    for again in ["n0", "n11", "n12", "n4999", #"n4\u0039\u0039\u0039"#] {
      let bad = good.dropLast() + ",\"\(again)\":0}"
      let error = #expect(throws: RefxError.self) { try JSON.parse(Array(bad.utf8)) }
      #expect(error?.place == .byte(good.utf8.count))
    }
  }

  @Test("depth is limited, counted over arrays and objects")
  func depth() throws {
    let deep = { (levels: Int) in
      [UInt8](repeating: 0x5B, count: levels) + [UInt8](repeating: 0x5D, count: levels)
    }
    #expect(throws: Never.self) { try JSON.parse(deep(512)) }
    let error = try #require(throws: RefxError.self) { try JSON.parse(deep(513)) }
    #expect(error.code == .limit)
    #expect(throws: RefxError.self) { try JSON.parse(deep(200_000)) }
    #expect(throws: RefxError.self) {
      try JSON.parse(Array(String(repeating: "{\"a\":", count: 200_000).utf8))
    }
    #expect(throws: Never.self) { try JSON.parse(Array("[{}]".utf8), limits: .init(depth: 2)) }
    #expect(throws: RefxError.self) { try JSON.parse(Array("[{\"a\":[]}]".utf8), limits: .init(depth: 2)) }
    // Width is not depth.
    #expect(throws: Never.self) { try JSON.parse(Array("[[],[],[]]".utf8), limits: .init(depth: 2)) }
  }

  @Test("a number of very many digits is an error, not a long wait")
  func longNumbers() throws {
    let digits = [UInt8](repeating: 0x39, count: 3_000_000)
    #expect(throws: RefxError.self) { try JSON.parse(digits) }
    #expect(throws: RefxError.self) { try JSON.parse(Array("0.".utf8) + digits) }
    #expect(try JSON.parse(Array("0.1".utf8) + [UInt8](repeating: 0x30, count: 900)) == .number(0.1))
  }
}
