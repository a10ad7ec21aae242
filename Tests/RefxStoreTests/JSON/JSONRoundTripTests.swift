import Refx
import RefxStore
import Testing

@Suite("JSON there and back")
struct JSONRoundTripTests {
  @Test("what is written reads back, compact and laid out", arguments: 0..<60)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let document = randomJSON(depth: 5, using: &random)
    #expect(try JSON.parse(document.bytes()) == document)
    #expect(try JSON.parse(document.prettyBytes()) == document)
    #expect(try JSON.parse(document.bytes()).bytes() == document.bytes())
  }

  @Test("doubles read back bit for bit")
  func doubles() throws {
    var random = SplitMix(state: 7)
    for _ in 0..<5000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      let back = try JSON.parse(JSON.number(value).bytes())
      guard case .number(let number) = back else {
        Issue.record("\(value) came back as \(back)")
        continue
      }
      #expect(number.bitPattern == value.bitPattern)
    }
  }

  @Test("damaged text is an error or another document, never a trap", arguments: 0..<40)
  func damage(seed: UInt64) throws {
    var random = SplitMix(state: seed &+ 1000)
    let bytes = randomJSON(depth: 4, using: &random).bytes()
    for _ in 0..<50 {
      var damaged = bytes
      switch random.next() % 3 {
      case 0: damaged[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      case 1: damaged.removeSubrange(Int(random.next() % UInt64(bytes.count))...)
      default:
        damaged.insert(
          UInt8(truncatingIfNeeded: random.next()), at: Int(random.next() % UInt64(bytes.count)))
      }
      do {
        let document = try JSON.parse(damaged)
        #expect(try JSON.parse(document.bytes()) == document)
      } catch let error as RefxError {
        guard case .byte(let offset) = error.place else {
          Issue.record("no offset: \(error)")
          continue
        }
        #expect(offset >= 0 && offset <= damaged.count)
      }
    }
  }

  @Test("the scanner reads without making a document")
  func scanner() throws {
    let text = Array(#" {"a":[1,2,-3],"b":{"skip":[null,true,1.5,"x"]},"c":"é"} "#.utf8)
    try text.withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes, firstByte: 100)
      var integers: [Int64] = []
      var last = ""
      try scanner.readObject { scanner, name in
        switch name {
        case "a": try scanner.readArray { scanner, _ in integers.append(try scanner.readInteger()) }
        case "c": last = try scanner.readString()
        default: try scanner.skipValue()
        }
      }
      try scanner.finish()
      #expect(integers == [1, 2, -3])
      #expect(last == "é")
      #expect(scanner.offset == 100 + text.count)
    }
  }

  @Test(
    "the scanner takes no other kind for an integer",
    arguments: ["1.0", "1e0", "-0", "true", "null", "\"1\"", "[1]", "9223372036854775808", "1e400"])
  func integers(text: String) {
    Array(text.utf8).withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes, firstByte: 8)
      let error = #expect(throws: RefxError.self) { try scanner.readInteger() }
      #expect(error?.place == .byte(8))
    }
  }
}

/// A generator with a seed: the same numbers on every run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

private func randomJSON(depth: Int, using random: inout SplitMix) -> JSON {
  switch random.next() % (depth > 0 ? 8 : 5) {
  case 0: return .null
  case 1: return .bool(random.next() % 2 == 0)
  case 2: return .integer(Int64(bitPattern: random.next()) >> Int64(random.next() % 64))
  case 3:
    let value = Double(bitPattern: random.next())
    return .number(value.isFinite ? value : 0.5)
  case 4: return .string(randomText(using: &random))
  case 5, 6:
    return .array((0..<random.next() % 6).map { _ in randomJSON(depth: depth - 1, using: &random) })
  default:
    var object = JSONObject()
    for _ in 0..<random.next() % 20 {
      object[Key(randomText(using: &random))] = randomJSON(depth: depth - 1, using: &random)
    }
    return .object(object)
  }
}

private func randomText(using random: inout SplitMix) -> String {
  var text = ""
  for _ in 0..<random.next() % 9 {
    let ranges: [ClosedRange<UInt32>] = [
      0...0x7F, 0x20...0x7E, 0x80...0x7FF, 0x800...0xD7FF, 0x10000...0x10FFFF,
    ]
    let range = ranges[Int(random.next() % 5)]
    if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) {
      text.unicodeScalars.append(scalar)
    }
  }
  return text
}
