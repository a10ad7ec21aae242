import Refx

/// Reads a JSON text value by value, in the order in which they stand, without making a document of it.
///
/// As strict as ``JSON/parse(_:limits:)-([UInt8],_)``, which stands on it: whatever is read through here
/// was checked on the way. It looks at the bytes in place, so they must outlive it.
package struct JSONScanner {
  /// What the next value is, told by its first byte.
  package enum Kind: String, Sendable {
    case object = "an object"
    case array = "an array"
    case string = "a string"
    case number = "a number"
    case bool = "true or false"
    case null = "null"
  }

  let bytes: UnsafeRawBufferPointer
  /// The next byte.
  var position = 0
  private let firstByte: Int
  private let depthLimit: Int
  private var depth = 0
  /// The names met so far in the objects that are open, the innermost last.
  private var names = NamesSeen()

  /// - Parameter firstByte: where in its file the text begins; byte offsets in errors count from there.
  package init(_ bytes: UnsafeRawBufferPointer, firstByte: Int = 0, limits: JSON.ParsingLimits = .init()) {
    self.bytes = bytes
    self.firstByte = firstByte
    depthLimit = limits.depth
  }

  /// Where in its file the next byte stands.
  package var offset: Int { firstByte + position }

  // MARK: Values

  /// What the next value is. Moves past white space alone.
  package mutating func peekKind() throws -> Kind {
    skipWhiteSpace()
    guard position < bytes.count else { throw unexpected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw unexpected("a value")
    }
  }

  /// Reads an object; `member` is called after each name and reads exactly one value.
  ///
  /// - Throws: ``RefxError`` also where a name comes twice.
  package mutating func readObject(_ member: (inout JSONScanner, Key) throws -> Void) throws {
    try enter(.object)
    defer { depth -= 1 }
    if skip(UInt8(ascii: "}")) { return }
    let opened = names.openObject()
    defer { names.closeObject(opened) }
    while true {
      skipWhiteSpace()
      let place = offset
      let name = Key(try readString(called: "a name in quotes"))
      guard names.insert(name) else { throw RefxError.jsonNameTwice(name, at: place) }
      guard skip(UInt8(ascii: ":")) else { throw unexpected("a colon after the name") }
      try member(&self, name)
      if skip(UInt8(ascii: "}")) { return }
      guard skip(UInt8(ascii: ",")) else { throw unexpected("a comma or the end of the object") }
    }
  }

  /// Reads an array; `element` is called before each element with its position and reads exactly one value.
  package mutating func readArray(_ element: (inout JSONScanner, Int) throws -> Void) throws {
    try enter(.array)
    defer { depth -= 1 }
    if skip(UInt8(ascii: "]")) { return }
    var count = 0
    while true {
      try element(&self, count)
      count += 1
      if skip(UInt8(ascii: "]")) { return }
      guard skip(UInt8(ascii: ",")) else { throw unexpected("a comma or the end of the array") }
    }
  }

  package mutating func readBool() throws -> Bool {
    try expect(.bool)
    if bytes[position] == UInt8(ascii: "t") {
      try readWord("true")
      return true
    }
    try readWord("false")
    return false
  }

  package mutating func readNull() throws {
    try expect(.null)
    try readWord("null")
  }

  /// Reads the next value and forgets it.
  package mutating func skipValue() throws {
    switch try peekKind() {
    case .object: try readObject { scanner, _ in try scanner.skipValue() }
    case .array: try readArray { scanner, _ in try scanner.skipValue() }
    case .string: _ = try readString()
    case .number: _ = try readNumber()
    case .bool: _ = try readBool()
    case .null: try readNull()
    }
  }

  /// Checks that nothing but white space is left.
  package mutating func finish() throws {
    skipWhiteSpace()
    guard position == bytes.count else { throw unexpected("the end of the text") }
  }

  // MARK: Parts

  private mutating func enter(_ kind: Kind) throws {
    try expect(kind)
    guard depth < depthLimit else { throw RefxError.jsonTooDeep(limit: depthLimit, at: offset) }
    depth += 1
    position += 1
  }

  /// Checks what comes next, by its first byte.
  mutating func expect(_ kind: Kind) throws {
    let found = try peekKind()
    guard found == kind else {
      throw RefxError.json(expected: kind.rawValue, found: found.rawValue, at: offset)
    }
  }

  private mutating func skipWhiteSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// Moves past `byte`, where it comes next after white space.
  private mutating func skip(_ byte: UInt8) -> Bool {
    skipWhiteSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func readWord(_ word: StaticString) throws {
    for place in 0..<word.utf8CodeUnitCount {
      guard position < bytes.count, bytes[position] == word.utf8Start[place] else {
        throw unexpected("\(word)")
      }
      position += 1
    }
  }

  /// The next byte is not `expected`.
  func unexpected(_ expected: String) -> RefxError {
    guard position < bytes.count else {
      return RefxError.json(expected: expected, found: "the end of the text", at: offset)
    }
    let found: String
    switch bytes[position] {
    case 0xEF where position == 0: found = "a byte order mark or other bytes that are not JSON"
    case let byte where byte > 0x20 && byte < 0x7F: found = "'\(Unicode.Scalar(byte))'"
    case let byte: found = "the byte 0x\(hexadecimal([byte]))"
    }
    return RefxError.json(expected: expected, found: found, at: offset)
  }
}
