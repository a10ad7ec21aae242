import Refx
import RefxStore

extension CollectionTag {
  /// The name of the file that a partition by collection gives this collection, without its suffix.
  ///
  /// Every byte but letters, digits, `_`, `-` and `.` is percent-encoded; of a string that reads as an
  /// integer, of `rest`, and of what begins with `.`, the first byte; the empty string is `%`. What is longer than 200
  /// bytes is cut and ends with a hash, behind a `%.` that no encoding gives. Two collections never have
  /// one name.
  public var fileName: String {
    switch self {
    case .number(let number): return String(number)
    case .name(let key):
      let bytes = Array(key.string.utf8)
      if bytes.isEmpty { return "%" }
      let isTaken =
        key.string == "rest" || bytes[0] == UInt8(ascii: ".") || CollectionTag.readsAsInteger(bytes)
      var pieces: [[UInt8]] = []
      for (position, byte) in bytes.enumerated() {
        pieces.append(
          CollectionTag.isPlain(byte) && !(isTaken && position == 0) ? [byte] : CollectionTag.encoded(byte))
      }
      let name = pieces.joined()
      if name.count <= 200 { return String(decoding: name, as: UTF8.self) }
      var cut: [UInt8] = []
      for piece in pieces where cut.count + piece.count <= 160 { cut += piece }
      let hash = hexadecimal(SHA256.of(bytes).prefix(16))
      return String(decoding: cut, as: UTF8.self) + "%." + hash
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private static func readsAsInteger(_ bytes: [UInt8]) -> Bool {
    var digits = bytes[...]
    if digits.first == UInt8(ascii: "-") || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    return !digits.isEmpty && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
  }

  private static func encoded(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }
}
