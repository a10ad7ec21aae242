import Refx

/// A regular expression, in Perl's syntax, that must match a path's text as a whole.
///
/// The text is that of ``Path``: keys joined with `/`, a `~`, a `/` inside a key and an empty key written `~0`,
/// `~1`, `~2`. It is matched scalar by scalar, never by Unicode equivalence, and `.` matches line breaks too.
public struct RulePattern: Sendable {
  let expression: RegularExpression

  /// As it was written.
  public var text: String { expression.text }

  /// The names of the groups, in order; nil for those without one. `$1` is the first.
  var groups: [String?] { expression.groups }

  /// - Throws: ``RefxError`` where it is no regular expression; it says at which character.
  public init(_ text: String) throws {
    expression = try RegularExpression(text)
  }
}

extension RulePattern: Hashable {
  public static func == (a: RulePattern, b: RulePattern) -> Bool { Key(a.text) == Key(b.text) }
  public func hash(into hasher: inout Hasher) { hasher.combine(Key(text)) }
}

/// What a rename makes of a path's text: words, with `$1` for what the first group matched, `${12}` and `${name}`
/// where digits or letters follow, `$0` for the whole text, `$$` for a dollar.
///
/// The result is read as a path's text. A group that took no part in the match is empty.
public struct RuleReplacement: Sendable, Hashable {
  /// As it was written.
  public let text: String
  private let parts: [Part]

  private enum Part: Hashable {
    case words(Key)
    case group(Int)
  }

  /// - Throws: ``RefxError`` where it names a group that the pattern has not.
  public init(_ text: String, for pattern: RulePattern) throws {
    self.text = text
    var parts: [Part] = []
    var words = ""
    var rest = text.unicodeScalars[...]
    func group(_ name: String) throws -> Part {
      let number = name.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(name) : nil
      let place = number ?? pattern.groups.firstIndex { $0.map { Key($0) } == Key(name) }.map { $0 + 1 }
      guard let place, place <= pattern.groups.count else {
        throw RefxError.noSuchGroup("$" + name, groups: pattern.groups.count, pattern: pattern.text)
      }
      return .group(place)
    }
    while let scalar = rest.popFirst() {
      guard scalar == "$" else {
        words.unicodeScalars.append(scalar)
        continue
      }
      guard let next = rest.popFirst() else { throw RefxError.loneDollar(text) }
      if next == "$" {
        words.unicodeScalars.append("$")
        continue
      }
      parts.append(.words(Key(words)))
      words = ""
      if next == "{" {
        guard let end = rest.firstIndex(of: "}"), end != rest.startIndex else {
          throw RefxError.loneDollar(text)
        }
        parts.append(try group(String(rest[..<end])))
        rest = rest[rest.index(after: end)...]
      } else if (0x30...0x39).contains(next.value) {
        var name = String(next)
        while let digit = rest.first, (0x30...0x39).contains(digit.value) {
          name.unicodeScalars.append(digit)
          rest = rest.dropFirst()
        }
        parts.append(try group(name))
      } else {
        throw RefxError.loneDollar(text)
      }
    }
    parts.append(.words(Key(words)))
    self.parts = parts.filter { $0 != .words("") }
  }

  /// The text with the groups of a match put in.
  func text(_ match: [Substring?]) -> String {
    var result = ""
    for part in parts {
      switch part {
      case .words(let words): result += words.string
      case .group(let number): if match.indices.contains(number) { result += match[number] ?? "" }
      }
    }
    return result
  }
}
