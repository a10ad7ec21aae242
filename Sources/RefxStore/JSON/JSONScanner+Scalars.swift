import Refx

extension JSONScanner {
  /// Numbers longer than this are refused: no double needs so many digits.
  private static let numberByteLimit = 1100

  // MARK: Strings

  /// Reads a string and resolves its escapes.
  ///
  /// - Throws: ``RefxError`` where it is not valid UTF-8, holds a control character as it is, or an escape
  ///   that is none, half a surrogate pair included.
  package mutating func readString() throws -> String {
    try expect(.string)
    return try readString(called: "a string")
  }

  /// Reads the string whose quotation mark comes next.
  mutating func readString(called name: String) throws -> String {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw unexpected(name) }
    let opening = offset
    position += 1
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        position += 1
        return try JSONScanner.text(text.bindMemory(to: UInt8.self), at: opening)
      case UInt8(ascii: "\\"):
        return try readEscapedString(after: bytes[start..<position], opening: opening)
      case 0..<0x20: throw unexpected("no control character in a string")
      default: position += 1
      }
    }
    throw unexpected("a quotation mark that ends the string of byte \(opening)")
  }

  private mutating func readEscapedString(after begun: Slice<UnsafeRawBufferPointer>, opening: Int) throws
    -> String
  {
    var resolved = Array(begun)
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return try resolved.withUnsafeBufferPointer { try JSONScanner.text($0, at: opening) }
      case UInt8(ascii: "\\"):
        position += 1
        resolved.append(contentsOf: try readEscape())
      case 0..<0x20: throw unexpected("no control character in a string")
      default:
        resolved.append(byte)
        position += 1
      }
    }
    throw unexpected("a quotation mark that ends the string of byte \(opening)")
  }

  /// Reads what follows a backslash.
  private mutating func readEscape() throws -> [UInt8] {
    guard position < bytes.count else { throw unexpected("an escape") }
    let byte = bytes[position]
    let single: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): single = byte
    case UInt8(ascii: "b"): single = 0x08
    case UInt8(ascii: "f"): single = 0x0C
    case UInt8(ascii: "n"): single = 0x0A
    case UInt8(ascii: "r"): single = 0x0D
    case UInt8(ascii: "t"): single = 0x09
    case UInt8(ascii: "u"):
      position += 1
      return Array(Character(try readScalar()).utf8)
    default: throw unexpected("an escape")
    }
    position += 1
    return [single]
  }

  /// Reads the four digits after `\u`, and the second half where they are the first of a surrogate pair.
  private mutating func readScalar() throws -> Unicode.Scalar {
    let place = offset - 2
    let first = try readFourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let isHigh = first < 0xDC00
    if isHigh, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      let second = try readFourDigits()
      if 0xDC00...0xDFFF ~= second,
        let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(second) - 0xDC00)
      {
        return scalar
      }
    }
    throw RefxError.json(expected: "both halves of a surrogate pair", found: "one alone", at: place)
  }

  private mutating func readFourDigits() throws -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = JSONScanner.hexadecimalDigit(bytes[position]) else {
        throw unexpected("four hexadecimal digits")
      }
      value = value << 4 | digit
      position += 1
    }
    return value
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private static func text(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) throws -> String {
    guard let text = String(utf8: UnsafeRawBufferPointer(bytes)) else {
      throw RefxError.json(expected: "UTF-8", found: "a string that is not", at: place)
    }
    return text
  }

  // MARK: Numbers

  /// Reads a number: an ``JSON/integer(_:)`` where it has neither fraction nor exponent, fits an Int64 and
  /// is not `-0`; else a finite ``JSON/number(_:)``.
  package mutating func readNumber() throws -> JSON {
    try expect(.number)
    let start = position
    let place = offset
    let isNegative = bytes[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    // Counted downwards, where there is room for the least Int64.
    var negated: Int64? = 0
    if position < bytes.count, bytes[position] == UInt8(ascii: "0") {
      position += 1
    } else {
      try readDigits { digit in
        guard let before = negated else { return }
        let (tenfold, tooBig) = before.multipliedReportingOverflow(by: 10)
        let (sum, tooBigStill) = tenfold.subtractingReportingOverflow(Int64(digit))
        negated = tooBig || tooBigStill ? nil : sum
      }
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      negated = nil
      position += 1
      try readDigits { _ in }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      negated = nil
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
      {
        position += 1
      }
      try readDigits { _ in }
    }
    if let negated, !(isNegative && negated == 0) {
      if isNegative { return .integer(negated) }
      let (positive, tooBig) = (0 as Int64).subtractingReportingOverflow(negated)
      if !tooBig { return .integer(positive) }
    }
    guard position - start <= JSONScanner.numberByteLimit else {
      throw RefxError.json(
        expected: "a number a double can hold", found: "\(position - start) digits", at: place)
    }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(digits), value.isFinite else {
      throw RefxError.json(expected: "a number a double can hold", found: digits, at: place)
    }
    return .number(value)
  }

  /// Reads an integer that fits an Int64; `1.0`, `1e0` and `-0` are none.
  package mutating func readInteger() throws -> Int64 {
    try expect(.number)
    let start = position
    let place = offset
    guard case .integer(let value) = try readNumber() else {
      let digits = String(decoding: bytes[start..<position].prefix(40), as: UTF8.self)
      throw RefxError.json(expected: "an integer", found: digits, at: place)
    }
    return value
  }

  /// Reads at least one digit.
  private mutating func readDigits(_ each: (UInt8) -> Void) throws {
    let start = position
    while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
      each(digit)
      position += 1
    }
    if position == start { throw unexpected("a digit") }
  }
}
