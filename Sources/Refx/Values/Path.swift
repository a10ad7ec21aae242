/// Where something stands in a tree: the keys from the root down to it.
///
/// The text form joins the keys with `/` and writes `~` as `~0`, a `/` inside a key as `~1` (JSON Pointer,
/// RFC 6901, without the leading slash), and an empty key as `~2`; the root is `""`.
public struct Path: Hashable, Sendable {
  /// The keys, from the root down.
  public var keys: [Key]

  /// The place under these keys.
  @inlinable
  public init(_ keys: [Key] = []) {
    self.keys = keys
  }

  /// The place of the whole tree.
  public static let root = Path()

  /// Whether this is the place of the whole tree.
  public var isRoot: Bool { keys.isEmpty }

  /// The path of the member `key` of what stands here.
  public func appending(_ key: Key) -> Path {
    var longer = self
    longer.keys.append(key)
    return longer
  }

  /// Whether `other` is this path or lies below it.
  public func contains(_ other: Path) -> Bool {
    other.keys.starts(with: keys)
  }
}

extension Path {
  /// Reads the text form.
  ///
  /// - Returns: nil where a `~` is not followed by `0`, `1` or `2` standing where they may.
  public init?(text: String) {
    if text.utf8.isEmpty {
      self.init()
      return
    }
    var keys: [Key] = []
    for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard let key = Path.unescape(part) else { return nil }
      keys.append(key)
    }
    self.init(keys)
  }

  private static func unescape(_ part: Substring.UTF8View) -> Key? {
    guard part.contains(UInt8(ascii: "~")) else { return Key(String(Substring(part))) }
    if part.elementsEqual("~2".utf8) { return Key("") }
    var bytes: [UInt8] = []
    var rest = part
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "~") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "0"): bytes.append(UInt8(ascii: "~"))
      case UInt8(ascii: "1"): bytes.append(UInt8(ascii: "/"))
      default: return nil
      }
    }
    return Key(String(decoding: bytes, as: UTF8.self))
  }

  /// The text form.
  public var text: String {
    keys.map(Path.escape).joined(separator: "/")
  }

  private static func escape(_ key: Key) -> String {
    if key.string.utf8.isEmpty { return "~2" }
    guard key.string.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
      return key.string
    }
    var bytes: [UInt8] = []
    for byte in key.string.utf8 {
      switch byte {
      case UInt8(ascii: "~"): bytes += [UInt8(ascii: "~"), UInt8(ascii: "0")]
      case UInt8(ascii: "/"): bytes += [UInt8(ascii: "~"), UInt8(ascii: "1")]
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Path: Comparable {
  public static func < (a: Path, b: Path) -> Bool {
    a.keys.lexicographicallyPrecedes(b.keys)
  }
}

extension Path: CustomStringConvertible, ExpressibleByArrayLiteral {
  public var description: String { text }

  public init(arrayLiteral elements: Key...) {
    self.init(elements)
  }
}
