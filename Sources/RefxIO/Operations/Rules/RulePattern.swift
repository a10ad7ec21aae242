import Refx

/// A regular expression that must match a path's text as a whole.
///
/// The text is that of ``Path``: keys joined with `/`, a `~`, a `/` inside a key and an empty key written `~0`,
/// `~1`, `~2`. It is matched scalar by scalar, never by Unicode equivalence, and `.` matches line breaks too.
public struct RulePattern: Sendable {
  /// As it was written.
  public let text: String
  /// The names of the groups, in order; nil for those without one. `$1` is the first.
  let groups: [String?]

  /// - Throws: ``RefxError`` where it is no regular expression; it says at which character.
  public init(_ text: String) throws {
    self.text = text
    do {
      _ = try Regex(text)
    } catch {
      throw RefxError.badRegularExpression(
        text, character: RulePattern.place(of: error, in: text), "\(error)")
    }
    groups = RulePattern.groups(of: text)
  }

  /// An error of the regular-expression parser knows where it is and shows it to nobody.
  private static func place(of error: any Error, in text: String) -> Int? {
    let location = Mirror(reflecting: error).children.first { $0.label == "location" }
    guard let location,
      let range = Mirror(reflecting: location.value).children.lazy.compactMap({
        $0.value as? Range<String.Index>
      })
      .first,
      range.lowerBound <= text.endIndex
    else { return nil }
    return text.unicodeScalars.distance(from: text.startIndex, to: range.lowerBound) + 1
  }

  /// A match names all groups, those too that took no part in it; and this one matches nothing at all.
  private static func groups(of text: String) -> [String?] {
    for probe in ["(?:\(text))|", "(?:\(text)\n)|"] {
      guard let regex = try? Regex(probe), let match = try? regex.firstMatch(in: "") else { continue }
      return match.output.dropFirst().map(\.name)
    }
    return []
  }

  /// Ready to match.
  func compiled() throws -> CompiledPattern { try CompiledPattern(text) }
}

extension RulePattern: Hashable {
  public static func == (a: RulePattern, b: RulePattern) -> Bool { Key(a.text) == Key(b.text) }
  public func hash(into hasher: inout Hasher) { hasher.combine(Key(text)) }
}

/// A pattern that matches. What all matches begin with is compared first, since that takes a hundredth of the time.
struct CompiledPattern {
  private let regex: Regex<AnyRegexOutput>
  private let beginning: [UInt8]
  private let isLiteral: Bool

  init(_ text: String) throws {
    regex = try Regex(text).matchingSemantics(.unicodeScalar).dotMatchesNewlines()
    (beginning, isLiteral) = CompiledPattern.beginning(of: text)
  }

  /// The groups, the whole match first; nil where the text does not match.
  func match(_ text: String) -> [Substring?]? {
    guard text.utf8.starts(with: beginning) else { return nil }
    if isLiteral { return text.utf8.count == beginning.count ? [text[...]] : nil }
    guard let match = try? regex.wholeMatch(in: text) else { return nil }
    return match.output.map(\.substring)
  }

  /// The characters in front that stand for themselves, and whether they are all there is.
  private static func beginning(of text: String) -> (bytes: [UInt8], isAll: Bool) {
    if text.unicodeScalars.contains("|") { return ([], false) }
    var bytes: [UInt8] = []
    for character in text {
      let scalars = character.unicodeScalars
      guard let scalar = scalars.first, scalars.count == 1, scalar.isASCII,
        !"\\^$.?*+()[]{}".contains(character)
      else {
        if "?*+{".contains(character), !bytes.isEmpty { bytes.removeLast() }
        return (bytes, false)
      }
      bytes.append(UInt8(scalar.value))
    }
    return (bytes, true)
  }
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
