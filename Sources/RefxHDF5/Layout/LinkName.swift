import Refx

/// How the key of a dictionary is written as the name of a link: `/`, `%` and NUL percent-encoded, "." and
/// ".." as `%2E` and `%2E%2E`, the empty key as `%` alone, everything else as it is.
enum LinkName {
  static func encode(_ key: Key) -> String {
    let name = key.string
    switch name {
    case "": return "%"
    case ".": return "%2E"
    case "..": return "%2E%2E"
    default: break
    }
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") || $0 == 0 }) else {
      return name
    }
    var bytes: [UInt8] = []
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "/"): bytes += "%2F".utf8
      case UInt8(ascii: "%"): bytes += "%25".utf8
      case 0: bytes += "%00".utf8
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The key of a name; nil where no key is written so.
  static func decode(_ name: String) -> Key? {
    guard name.utf8.contains(UInt8(ascii: "%")) else { return name.isEmpty ? nil : Key(name) }
    switch name {
    case "%": return Key("")
    case "%2E": return Key(".")
    case "%2E%2E": return Key("..")
    default: break
    }
    var bytes: [UInt8] = []
    var rest = name.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      if rest.starts(with: "2F".utf8) {
        bytes.append(UInt8(ascii: "/"))
      } else if rest.starts(with: "25".utf8) {
        bytes.append(UInt8(ascii: "%"))
      } else if rest.starts(with: "00".utf8) {
        bytes.append(0)
      } else {
        return nil
      }
      rest = rest.dropFirst(2)
    }
    return Key(String(decoding: bytes, as: UTF8.self))
  }
}
