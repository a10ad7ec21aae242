import Refx

/// Numbers and texts of a pickle.
extension PickleMachine {
  mutating func number(_ code: UInt8, _ start: Int) throws -> PickleValue {
    switch code {
    case UInt8(ascii: "K"): return .integer(Int64(try input.byte()))
    case UInt8(ascii: "M"): return .integer(Int64(try input.number(2)))
    case UInt8(ascii: "J"): return .integer(Int64(Int32(truncatingIfNeeded: try input.number(4))))
    case UInt8(ascii: "G"): return .float(Double(bitPattern: try input.number(8).byteSwapped))
    case 0x8A, 0x8B: return try integer(try input.bytes(try input.length(code == 0x8A ? 1 : 4)))
    default: break
    }
    var text = String(decoding: try input.numberLine(), as: UTF8.self)
    switch code {
    case UInt8(ascii: "F"):
      if let number = Double(text) { return .float(number) }
    case UInt8(ascii: "I") where text == "01": return .boolean(true)
    case UInt8(ascii: "I") where text == "00": return .boolean(false)
    default:
      if text.utf8.last == UInt8(ascii: "L") { text.removeLast() }
      if let number = Int64(text) { return .integer(number) }
      if let bytes = DecimalDigits.twosComplement(Array(text.utf8)) { return try integer(bytes) }
    }
    throw RefxError.pickleDamaged("a number in it is none", at: start)
  }

  /// An integer of any length, little-endian, in two's complement.
  private mutating func integer(_ bytes: [UInt8]) throws -> PickleValue {
    let sign: UInt8 = bytes.last ?? 0 >= 0x80 ? 0xFF : 0
    if bytes.count > 8 { return .large(try objects.heap.add(bytes)) }
    var bits: UInt64 = 0
    for place in 0..<8 { bits |= UInt64(place < bytes.count ? bytes[place] : sign) << UInt64(8 * place) }
    return .integer(Int64(bitPattern: bits))
  }

  mutating func text(_ code: UInt8, _ start: Int) throws -> PickleValue {
    switch code {
    case UInt8(ascii: "X"), 0x8C, 0x8D:
      let bytes = try input.bytes(try input.length(code == 0x8C ? 1 : code == 0x8D ? 8 : 4))
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw RefxError.pickleDamaged("a text in it is not Unicode", at: start)
      }
      return .text(try objects.heap.add(text))
    case UInt8(ascii: "B"), UInt8(ascii: "C"), 0x8E, 0x96:
      let bytes = try input.bytes(
        try input.length(code == UInt8(ascii: "C") ? 1 : code == UInt8(ascii: "B") ? 4 : 8))
      return .bytes(try objects.heap.add(bytes))
    case UInt8(ascii: "U"), UInt8(ascii: "T"):
      return try oldText(try input.bytes(try input.length(code == UInt8(ascii: "U") ? 1 : 4)))
    case UInt8(ascii: "S"): return try oldText(try quoted(try input.line(of: "a text"), start))
    default: return .text(try objects.heap.add(try escaped(try input.line(of: "a text"), start)))
    }
  }

  /// What was a text to Python 2: one today where it can be.
  private mutating func oldText(_ bytes: [UInt8]) throws -> PickleValue {
    if let text = String(validating: bytes, as: UTF8.self) { return .text(try objects.heap.add(text)) }
    return .bytes(try objects.heap.add(bytes))
  }

  /// The bytes of a text as Python writes it in a program.
  private func quoted(_ line: [UInt8], _ start: Int) throws -> [UInt8] {
    func damaged() -> RefxError { .pickleDamaged("a text in quotes is none", at: start) }
    guard line.count >= 2, let quote = line.first, quote == line.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw damaged() }
    var bytes: [UInt8] = []
    var rest = line.dropFirst().dropLast()
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        guard byte != quote else { throw damaged() }
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "x"):
        guard let value = PickleMachine.hexadecimalNumber(rest.prefix(2), digits: 2) else { throw damaged() }
        rest = rest.dropFirst(2)
        bytes.append(UInt8(truncatingIfNeeded: value))
      case let other? where [UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(other):
        bytes.append(other)
      default: throw damaged()
      }
    }
    return bytes
  }

  /// A text of which characters beyond Latin-1 are written by their numbers.
  private func escaped(_ line: [UInt8], _ start: Int) throws -> String {
    var text = String.UnicodeScalarView()
    var rest = line[...]
    while let byte = rest.popFirst() {
      let digits: Int
      switch (byte, rest.first) {
      case (UInt8(ascii: "\\"), UInt8(ascii: "u")): digits = 4
      case (UInt8(ascii: "\\"), UInt8(ascii: "U")): digits = 8
      default:
        text.append(Unicode.Scalar(byte))
        continue
      }
      rest = rest.dropFirst()
      guard let value = PickleMachine.hexadecimalNumber(rest.prefix(digits), digits: digits),
        let scalar = Unicode.Scalar(value)
      else { throw RefxError.pickleDamaged("a text in it is not Unicode", at: start) }
      rest = rest.dropFirst(digits)
      text.append(scalar)
    }
    return String(text)
  }

  private static func hexadecimalNumber(_ text: ArraySlice<UInt8>, digits: Int) -> UInt32? {
    guard text.count == digits else { return nil }
    var number: UInt32 = 0
    for byte in text {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      number = number << 4 | UInt32(digit)
    }
    return number
  }
}
