import RefxStore

extension JSON {
  /// Whole members of a document, with every character that a terminal or the eye may take for a command (C1,
  /// bidirectional controls, line separators) written as `\uXXXX`: the same document to every parser.
  ///
  /// Files are written by ``JSON/bytes()`` alone, whose bytes are part of their format.
  static func terminalSafe(_ bytes: [UInt8]) -> [UInt8] {
    // What is to be escaped begins with one of these.
    guard bytes.contains(where: { $0 == 0xC2 || $0 == 0xD8 || $0 == 0xE2 || $0 == 0xEF }) else {
      return bytes
    }
    var safe: [UInt8] = []
    safe.reserveCapacity(bytes.count)
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      // Outside of strings a document of ours has ASCII alone.
      case 0x80...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
        let digits = String(scalar.value, radix: 16)
        safe += "\\u".utf8 + [UInt8](repeating: UInt8(ascii: "0"), count: 4 - digits.utf8.count) + digits.utf8
      default: safe += UTF8.encode(scalar).map { Array($0) } ?? []
      }
    }
    return safe
  }
}
