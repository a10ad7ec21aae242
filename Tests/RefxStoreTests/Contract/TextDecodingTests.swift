import RefxStore
import Testing

/// `String(utf8:)` is `String(validating:as:)`, only faster.
@Suite struct TextDecodingTests {
  /// Both ways to the text of `bytes`, compared by their bytes: `==` would take equivalent texts for equal.
  private func agree(_ bytes: [UInt8]) -> Bool {
    let ours = bytes.withUnsafeBytes { String(utf8: $0) }
    let theirs = String(validating: bytes, as: UTF8.self)
    return ours.map { Array($0.utf8) } == theirs.map { Array($0.utf8) }
  }

  @Test func nothingIsTheEmptyText() {
    #expect(String(utf8: UnsafeRawBufferPointer(start: nil, count: 0)) == "")
    #expect(agree([]))
  }

  @Test func everyByteAndEveryPairOfBytes() {
    var different: [[UInt8]] = []
    for first in UInt8.min...UInt8.max {
      if !agree([first]) { different.append([first]) }
      for second in UInt8.min...UInt8.max where !agree([first, second]) { different.append([first, second]) }
    }
    #expect(different.isEmpty, "\(different.count) inputs, the first \(different.first ?? [])")
  }

  /// What stands among ASCII: alone, or with what must follow it, or with too little of it.
  private static let sequences: [(bytes: [UInt8], isValid: Bool)] = [
    ([0x80], false), ([0xBF], false), ([0xC3], false), ([0xE2], false), ([0xF0], false), ([0xFF], false),
    ([0xC3, 0xA4], true), ([0xC2, 0x80], true), ([0xE2, 0x82, 0xAC], true), ([0xF0, 0x9F, 0x98, 0x80], true),
    ([0xF4, 0x8F, 0xBF, 0xBF], true), ([0x65, 0xCC, 0x81], true),
    // Longer than needed, a surrogate, beyond the last scalar, cut short.
    ([0xC0, 0x80], false), ([0xE0, 0x80, 0x80], false), ([0xED, 0xA0, 0x80], false),
    ([0xF4, 0x90, 0x80, 0x80], false), ([0xE2, 0x82], false), ([0xF0, 0x9F, 0x98], false),
  ]

  /// Words of eight bytes are looked at together, so each place in a word and behind the last one counts.
  @Test(arguments: 0...40) func oneSequenceAtEachPlaceOfASCII(_ length: Int) {
    let plain = (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    #expect(agree(plain))
    #expect(plain.withUnsafeBytes { String(utf8: $0) } != nil)
    for (sequence, isValid) in Self.sequences {
      for place in 0...length {
        let bytes = plain[..<place] + sequence + plain[place...]
        #expect(agree(Array(bytes)), "\(sequence) at \(place) of \(length)")
        let text = Array(bytes).withUnsafeBytes { String(utf8: $0) }
        #expect((text != nil) == isValid, "\(sequence) at \(place) of \(length)")
        // In place of a byte as well, so that the length is a multiple of eight where it was one.
        guard place < length, sequence.count == 1 else { continue }
        var replaced = plain
        replaced[place] = sequence[0]
        #expect(agree(replaced), "\(sequence) for byte \(place) of \(length)")
        #expect(replaced.withUnsafeBytes { String(utf8: $0) } == nil)
      }
    }
  }

  @Test func memoryMayLieAnywhere() {
    let row = [UInt8](repeating: UInt8(ascii: "x"), count: 32) + [0xE2, 0x82, 0xAC]
    row.withUnsafeBytes { row in
      for start in 0..<16 {
        for end in start...row.count {
          let part = UnsafeRawBufferPointer(rebasing: row[start..<end])
          #expect(String(utf8: part) == String(validating: part, as: UTF8.self), "\(start)..<\(end)")
        }
      }
    }
  }
}
