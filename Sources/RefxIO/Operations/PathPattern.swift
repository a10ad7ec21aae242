import Refx

/// What chooses paths: a glob over their components, or a regular expression over the joined text.
///
/// In a glob `*` stands for one component (`layer*` for the rest of one), `**` for any number of them, and a
/// backslash makes the next character literal. Components are written as in a path's text (`~1` for a slash
/// inside a key) and compared by bytes. A pattern matches the whole path.
public struct PathPattern: Sendable {
  /// As it was written.
  public let text: String
  private let form: Form

  private enum Form {
    case glob([Component])
    case regex(RegularExpression)
  }

  private enum Component {
    case anyNumber
    case literal([UInt8])
    /// Pieces that must follow each other, with anything between them.
    case pieces([[UInt8]])
  }

  /// - Throws: ``RefxError`` where a `~` stands for nothing or a backslash stands last.
  public init(glob text: String) throws {
    self.text = text
    var components: [Component] = []
    if !text.isEmpty {
      for part in PathPattern.split(Array(text.utf8)) {
        components.append(try PathPattern.component(part, of: text))
      }
    }
    form = .glob(components)
  }

  /// A regular expression that must match the path's text as a whole, scalar by scalar.
  ///
  /// - Throws: ``RefxError`` where it is none.
  public init(regex text: String) throws {
    self.text = text
    form = .regex(try RegularExpression(text))
  }

  /// Whether the whole path matches.
  ///
  /// - Throws: ``RefxError`` where a regular expression takes too many steps to find out; a glob never does.
  public func matches(_ path: Path) throws -> Bool {
    switch form {
    case .glob(let components): return PathPattern.matches(components, path.keys)
    case .regex(let regex): return try regex.match(path.text) != nil
    }
  }

  /// The components of a glob without a star: names that must stand somewhere on a path.
  var literals: [Key] {
    guard case .glob(let components) = form else { return [] }
    return components.compactMap { component in
      if case .literal(let bytes) = component { Key(String(decoding: bytes, as: UTF8.self)) } else { nil }
    }
  }

  // MARK: Reading

  /// The components' bytes: parted at each `/` that no backslash stands before.
  private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var parts: [[UInt8]] = [[]]
    var isEscaped = false
    for byte in bytes {
      if byte == UInt8(ascii: "/") && !isEscaped {
        parts.append([])
        continue
      }
      parts[parts.count - 1].append(byte)
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
    }
    return parts
  }

  private static func component(_ bytes: [UInt8], of text: String) throws -> Component {
    if bytes == Array("**".utf8) { return .anyNumber }
    if bytes == Array("~2".utf8) { return .literal([]) }
    var pieces: [[UInt8]] = [[]]
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): pieces.append([])
      case UInt8(ascii: "\\"):
        guard let next = rest.popFirst() else {
          throw RefxError.badPattern(text, reason: "a backslash stands before nothing")
        }
        pieces[pieces.count - 1].append(next)
      case UInt8(ascii: "~"):
        switch rest.popFirst() {
        case UInt8(ascii: "0"): pieces[pieces.count - 1].append(UInt8(ascii: "~"))
        case UInt8(ascii: "1"): pieces[pieces.count - 1].append(UInt8(ascii: "/"))
        default: throw RefxError.badPattern(text, reason: "~ is written ~0, a slash inside a key ~1")
        }
      default: pieces[pieces.count - 1].append(byte)
      }
    }
    return pieces.count == 1 ? .literal(pieces[0]) : .pieces(pieces)
  }

  // MARK: Matching

  /// Greedy with one place to come back to, the last `**`: linear in the product of the two lengths.
  private static func matches(_ components: [Component], _ keys: [Key]) -> Bool {
    var i = 0
    var j = 0
    var comeBack: (component: Int, key: Int)?
    while j < keys.count {
      if i < components.count, case .anyNumber = components[i] {
        comeBack = (i, j)
        i += 1
      } else if i < components.count, matches(components[i], keys[j]) {
        i += 1
        j += 1
      } else if let place = comeBack {
        comeBack = (place.component, place.key + 1)
        i = place.component + 1
        j = place.key + 1
      } else {
        return false
      }
    }
    while i < components.count, case .anyNumber = components[i] { i += 1 }
    return i == components.count
  }

  private static func matches(_ component: Component, _ key: Key) -> Bool {
    switch component {
    case .anyNumber: return true
    case .literal(let bytes): return key.string.utf8.elementsEqual(bytes)
    case .pieces(let pieces):
      let bytes = Array(key.string.utf8)
      let (head, tail) = (pieces[0], pieces[pieces.count - 1])
      guard bytes.count >= head.count + tail.count, bytes.starts(with: head),
        bytes.reversed().starts(with: tail.reversed())
      else { return false }
      var rest = bytes[head.count..<(bytes.count - tail.count)]
      for piece in pieces[1..<(pieces.count - 1)] {
        guard let place = firstPlace(of: piece, in: rest) else { return false }
        rest = rest[(place + piece.count)...]
      }
      return true
    }
  }

  private static func firstPlace(of piece: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= piece.count else { return nil }
    return (bytes.startIndex...(bytes.endIndex - piece.count)).first { bytes[$0...].starts(with: piece) }
  }
}
