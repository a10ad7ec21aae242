/// Integers of any length in decimals, as protocols 0 and 1 have them.
enum DecimalDigits {
  /// As many digits as always fit 64 bits.
  private static let perStep = 18

  /// The number as the later protocols have it: little-endian, in two's complement, in as few bytes as hold it. The
  /// work grows with the square of the digits, of which there are no more than a line of a number may have.
  ///
  /// - Parameter text: digits, with a minus before them or not.
  /// - Returns: nil where it is anything else.
  static func twosComplement(_ text: [UInt8]) -> [UInt8]? {
    let isNegative = text.first == UInt8(ascii: "-")
    var digits = text[(isNegative ? 1 : 0)...]
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    var words: [UInt64] = []
    while !digits.isEmpty {
      var carry: UInt64 = 0
      var scale: UInt64 = 1
      for digit in digits.prefix(perStep) {
        carry = 10 * carry + UInt64(digit - UInt8(ascii: "0"))
        scale *= 10
      }
      digits = digits.dropFirst(perStep)
      for place in words.indices {
        let (high, low) = words[place].multipliedFullWidth(by: scale)
        let (sum, overflow) = low.addingReportingOverflow(carry)
        words[place] = sum
        carry = high + (overflow ? 1 : 0)
      }
      if carry > 0 { words.append(carry) }
    }
    // One word more has room for the sign.
    var carries = true
    var bytes = (words + [0]).flatMap { word in
      var word = word
      if isNegative {
        word = ~word
        if carries { (word, carries) = word.addingReportingOverflow(1) }
      }
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
    }
    while bytes.count > 1, let last = bytes.last, last == (bytes[bytes.count - 2] >= 0x80 ? 0xFF : 0) {
      bytes.removeLast()
    }
    return bytes
  }
}
