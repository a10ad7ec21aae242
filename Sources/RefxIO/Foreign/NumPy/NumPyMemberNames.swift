import Refx
import RefxStore

/// Which names the members of an archive can have, so that every reader of such archives finds the same arrays
/// under the same names, and no tool that unpacks them writes a file elsewhere than it should.
enum NumPyMemberNames {
  /// The array that describes the tree.
  static let description: Key = "__refx__"

  /// A leaf of another name gets one whose odd bytes are percent-encoded; the description says which it is.
  static let rules = FlatNames { name, isTaken in
    if name == description { return Key(name.string + "_") }
    var safe = encoded(Array(name.string.utf8))
    // Who asks NumPy for "a.npy" gets "a", where there is one.
    let suffix = NumPyArchiveStore.suffix
    if name.string.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8),
      isTaken(Key(String(decoding: name.string.utf8.dropLast(suffix.utf8.count), as: UTF8.self)))
    {
      safe.replaceSubrange((safe.count - suffix.utf8.count)..., with: "%2Enpy".utf8)
    }
    if safe.count > mostBytes {
      var cut = safe.prefix(mostBytes)
      // No character is left in half.
      while let last = cut.last, last & 0xC0 == 0x80 { cut.removeLast() }
      if cut.last ?? 0 >= 0xC0 { cut.removeLast() }
      safe = cut + "%.".utf8 + Array(hexadecimal(SHA256.of(safe)).utf8)
    }
    return safe.elementsEqual(name.string.utf8) ? nil : Key(String(decoding: safe, as: UTF8.self))
  }

  /// An archive's names have at most 65,535 bytes.
  private static let mostBytes = 60_000

  /// Control characters and backslashes are encoded, so are a slash at the beginning, which leads to the root of a
  /// file system, and the first dot of a folder called `.` or `..`.
  private static func encoded(_ name: [UInt8]) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    let dot = UInt8(ascii: ".")
    var safe: [UInt8] = []
    safe.reserveCapacity(name.count)
    for (place, byte) in name.enumerated() {
      let isFirst = place == 0 || name[place - 1] == slash
      let rest = name[place...].prefix(3)
      let isOdd =
        byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\") || byte == slash && isFirst
        || byte == dot && isFirst
          && (rest.starts(with: [dot, slash]) || rest.starts(with: [dot, dot, slash]))
      safe += isOdd ? Array("%\(hexadecimal([byte]).uppercased())".utf8) : [byte]
    }
    return safe
  }
}
