/// The collection a Ref belongs to, such as "params" or "batch_stats": a string or an integer.
///
/// A Ref without a collection has none (`CollectionTag?` is nil). Strings are compared by bytes.
public enum CollectionTag: Hashable, Sendable {
  /// A text, compared by bytes.
  case name(Key)
  /// An integer.
  case number(Int64)

  /// A text.
  public static func name(_ string: String) -> CollectionTag { .name(Key(string)) }
}

extension CollectionTag: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  public init(stringLiteral value: String) {
    self = .name(Key(value))
  }

  public init(integerLiteral value: Int64) {
    self = .number(value)
  }
}

/// Integers first, by value; then names, by bytes.
extension CollectionTag: Comparable {
  public static func < (a: CollectionTag, b: CollectionTag) -> Bool {
    switch (a, b) {
    case (.number(let x), .number(let y)): x < y
    case (.name(let x), .name(let y)): x < y
    case (.number, .name): true
    case (.name, .number): false
    }
  }
}

extension CollectionTag: CustomStringConvertible {
  /// The tag as a command line writes it: a decimal is the integer; a string that reads as one, or is
  /// `-`, has its first byte percent-encoded.
  public var description: String {
    switch self {
    case .number(let number): return String(number)
    case .name(let key):
      let string = key.string
      guard let first = string.utf8.first, Int64(string) != nil || string == "-" || first == UInt8(ascii: "%")
      else { return string }
      let digits = Array("0123456789ABCDEF")
      // The first byte and not the first character, of which marks that follow are a part.
      let rest = Substring(string.utf8.dropFirst())
      return "%\(digits[Int(first >> 4)])\(digits[Int(first & 15)])\(rest)"
    }
  }

  /// Reads the form that ``description`` writes. `-`, which stands for no collection, is not a tag.
  public init?(text: String) {
    if text == "-" { return nil }
    if let number = Int64(text) {
      self = .number(number)
    } else if text.utf8.first == UInt8(ascii: "%"), text.utf8.count >= 3,
      let byte = UInt8(String(decoding: text.utf8.dropFirst().prefix(2), as: UTF8.self), radix: 16)
    {
      self = .name(Key(String(decoding: [byte] + Array(text.utf8.dropFirst(3)), as: UTF8.self)))
    } else {
      self = .name(Key(text))
    }
  }
}
