extension JSON {
  /// What a document may hold before it is refused. Its own length bounds everything else.
  public struct ParsingLimits: Sendable {
    /// How deep arrays and objects may stand inside one another.
    public var depth: Int

    /// At most so many levels of arrays and objects.
    public init(depth: Int = 512) {
      self.depth = depth
    }
  }

  /// Reads a document, strictly by RFC 8259.
  ///
  /// The text is valid UTF-8 without a byte order mark. Names are compared by bytes after their escapes are
  /// resolved, and none comes twice in an object. A number without fraction and exponent that fits an Int64
  /// is an ``integer(_:)``; `-0` and all others are a ``number(_:)``, and finite. The time grows with the
  /// length of the text.
  ///
  /// - Throws: ``RefxError`` with the byte offset at which the text is no such document.
  public static func parse(_ bytes: [UInt8], limits: ParsingLimits = ParsingLimits()) throws -> JSON {
    try bytes.withUnsafeBytes { try parse($0, limits: limits) }
  }

  /// Reads a document out of `bytes`, strictly by RFC 8259; see ``parse(_:limits:)-([UInt8],_)``. The
  /// document keeps no pointer into them.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, limits: ParsingLimits = ParsingLimits()
  ) throws -> JSON {
    var scanner = JSONScanner(bytes, limits: limits)
    let document = try scanner.readValue()
    try scanner.finish()
    return document
  }
}

extension JSONScanner {
  /// The next value, whatever it is, as a document.
  package mutating func readValue() throws -> JSON {
    switch try peekKind() {
    case .object:
      var members: [JSONObject.Member] = []
      try readObject { scanner, name in members.append(.init(name, try scanner.readValue())) }
      return .object(JSONObject(members))
    case .array:
      var elements: [JSON] = []
      try readArray { scanner, _ in elements.append(try scanner.readValue()) }
      return .array(elements)
    case .string: return .string(try readString())
    case .number: return try readNumber()
    case .bool: return .bool(try readBool())
    case .null:
      try readNull()
      return .null
    }
  }
}
