import Refx
import RefxStore

/// A value as Python writes it: what the header of an array consists of.
enum PythonLiteral: Equatable {
  case text(String)
  case integer(Int)
  case boolean(Bool)
  case none
  case tuple([PythonLiteral])
  case list([PythonLiteral])
  case dictionary([(key: String, value: PythonLiteral)])

  static func == (a: PythonLiteral, b: PythonLiteral) -> Bool {
    switch (a, b) {
    case (.text(let a), .text(let b)): Key(a) == Key(b)
    case (.integer(let a), .integer(let b)): a == b
    case (.boolean(let a), .boolean(let b)): a == b
    case (.none, .none): true
    case (.tuple(let a), .tuple(let b)), (.list(let a), .list(let b)): a == b
    case (.dictionary(let a), .dictionary(let b)):
      a.elementsEqual(b) { Key($0.key) == Key($1.key) && $0.value == $1.value }
    default: false
    }
  }

  /// Reads one value and the blanks around it.
  ///
  /// - Throws: ``RefxError`` where the text is anything else.
  init(_ bytes: [UInt8], firstByte: Int) throws {
    var parser = PythonLiteralParser(bytes: bytes, firstByte: firstByte)
    self = try parser.value(depth: 0)
    try parser.finish()
  }
}

/// Reads literals strictly: what Python would compute, join or convert is refused.
private struct PythonLiteralParser {
  let bytes: [UInt8]
  let firstByte: Int
  var next = 0

  private static let mostDepth = 16

  mutating func value(depth: Int) throws -> PythonLiteral {
    guard depth < PythonLiteralParser.mostDepth else { throw refused("fewer brackets") }
    skipBlanks()
    switch peek {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "("): return try tuple(depth)
    case UInt8(ascii: "["): return .list(try members(until: UInt8(ascii: "]"), depth).members)
    case UInt8(ascii: "{"): return try dictionary(depth)
    case let byte? where byte >= UInt8(ascii: "0") || byte == UInt8(ascii: "-"):
      if byte <= UInt8(ascii: "9") { return try integer() }
      return try word()
    default: throw refused("a Python literal")
    }
  }

  mutating func finish() throws {
    skipBlanks()
    guard next == bytes.count else { throw refused("nothing more") }
  }

  private var peek: UInt8? { next < bytes.count ? bytes[next] : nil }

  private func refused(_ expected: String) -> RefxError {
    let found = peek.map { "the byte 0x\(hexadecimal([$0]))" } ?? "the end of the header"
    return .numpyDamaged(expected, found: found, at: firstByte + next)
  }

  private mutating func skipBlanks() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D { next += 1 }
  }

  private mutating func word() throws -> PythonLiteral {
    for (word, value) in [("True", PythonLiteral.boolean(true)), ("False", .boolean(false)), ("None", .none)]
    where bytes[next...].starts(with: word.utf8) {
      next += word.utf8.count
      return value
    }
    throw refused("a Python literal")
  }

  private mutating func text() throws -> String {
    let quote = bytes[next]
    next += 1
    let start = next
    while let byte = peek, byte != quote {
      guard byte >= 0x20, byte != UInt8(ascii: "\\") else { throw refused("a text without escapes") }
      next += 1
    }
    guard peek == quote else { throw refused("the end of a text") }
    let text = String(validating: bytes[start..<next], as: UTF8.self)
    guard let text else { throw refused("a text in UTF-8") }
    next += 1
    return text
  }

  private mutating func integer() throws -> PythonLiteral {
    let start = next
    if peek == UInt8(ascii: "-") { next += 1 }
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { next += 1 }
    guard let number = Int(String(decoding: bytes[start..<next], as: UTF8.self)) else {
      next = start
      throw refused("a number below 2^63")
    }
    // As Python 2 wrote it.
    if peek == UInt8(ascii: "L") { next += 1 }
    return .integer(number)
  }

  private mutating func members(
    until end: UInt8, _ depth: Int
  ) throws -> (members: [PythonLiteral], hasComma: Bool) {
    next += 1
    var members: [PythonLiteral] = []
    var hasComma = false
    skipBlanks()
    while peek != end {
      members.append(try value(depth: depth + 1))
      skipBlanks()
      hasComma = peek == UInt8(ascii: ",")
      if hasComma { next += 1 } else if peek != end { throw refused("a comma or the end") }
      skipBlanks()
    }
    next += 1
    return (members, hasComma)
  }

  /// One value in brackets without a comma is no tuple.
  private mutating func tuple(_ depth: Int) throws -> PythonLiteral {
    let (members, hasComma) = try members(until: UInt8(ascii: ")"), depth)
    return members.count == 1 && !hasComma ? members[0] : .tuple(members)
  }

  private mutating func dictionary(_ depth: Int) throws -> PythonLiteral {
    next += 1
    var members: [(key: String, value: PythonLiteral)] = []
    var keys: Set<Key> = []
    skipBlanks()
    while peek != UInt8(ascii: "}") {
      guard peek == UInt8(ascii: "'") || peek == UInt8(ascii: "\"") else { throw refused("a text as a key") }
      let key = try text()
      guard keys.insert(Key(key)).inserted else { throw refused("the key \"\(key)\" once") }
      skipBlanks()
      guard peek == UInt8(ascii: ":") else { throw refused("a colon") }
      next += 1
      members.append((key, try value(depth: depth + 1)))
      skipBlanks()
      if peek == UInt8(ascii: ",") {
        next += 1
      } else if peek != UInt8(ascii: "}") {
        throw refused("a comma")
      }
      skipBlanks()
    }
    next += 1
    return .dictionary(members)
  }
}
