import CPCRE2
import Refx

/// A regular expression, in Perl's syntax, that must match a text as a whole; PCRE2 compiles and matches it.
///
/// It is matched scalar by scalar, never by Unicode equivalence, and `.` matches line breaks too. Some expressions take
/// a number of steps that doubles with each character of the text: such a match is given up and refused, so that no
/// command hangs on one.
final class RegularExpression: @unchecked Sendable {
  // Sendable: what was compiled never changes, and any number of threads may match with it.

  /// As it was written.
  let text: String
  /// The names of the groups, in order; nil for those without one.
  let groups: [String?]
  private let code: OpaquePointer
  private let limits: OpaquePointer

  /// A match of a path takes some dozens; so many take a tenth of a second.
  private static let mostSteps: UInt32 = 1_000_000
  private static let mostKibibytes: UInt32 = 32 << 10

  /// - Throws: ``RefxError`` where the text is no regular expression; it says at which character.
  init(_ text: String) throws {
    var number: Int32 = 0
    var place = 0
    let bytes = Array(text.utf8)
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_DOTALL) | UInt32(PCRE2_DOLLAR_ENDONLY)
      | UInt32(PCRE2_ANCHORED) | UInt32(PCRE2_ENDANCHORED) | UInt32(PCRE2_NEVER_BACKSLASH_C)
    guard let code = pcre2_compile_8(bytes, bytes.count, options, &number, &place, nil) else {
      let front = String(decoding: bytes.prefix(place), as: UTF8.self)
      throw RefxError.badRegularExpression(
        text, character: front.unicodeScalars.count + 1, RegularExpression.words(for: number))
    }
    guard let limits = pcre2_match_context_create_8(nil) else {
      pcre2_code_free_8(code)
      throw RefxError.badRegularExpression(text, character: nil, "there is no memory for it")
    }
    pcre2_set_match_limit_8(limits, RegularExpression.mostSteps)
    pcre2_set_heap_limit_8(limits, RegularExpression.mostKibibytes)
    self.text = text
    self.code = code
    self.limits = limits
    groups = RegularExpression.groups(of: code)
  }

  deinit {
    pcre2_match_context_free_8(limits)
    pcre2_code_free_8(code)
  }

  /// The groups, the whole match first and nil for those that took no part; nil where the text does not match.
  ///
  /// - Throws: ``RefxError`` where that takes too many steps to find out.
  func match(_ subject: String) throws -> [Substring?]? {
    guard let found = pcre2_match_data_create_from_pattern_8(code, nil) else {
      throw RefxError.regularExpressionTooSlow(text, on: subject)
    }
    defer { pcre2_match_data_free_8(found) }
    var subject = subject
    let result = subject.withUTF8 { bytes in
      // A Swift string is valid UTF-8.
      pcre2_match_8(code, bytes.baseAddress, bytes.count, 0, UInt32(PCRE2_NO_UTF_CHECK), found, limits)
    }
    if result == PCRE2_ERROR_NOMATCH { return nil }
    guard result > 0, let places = pcre2_get_ovector_pointer_8(found) else {
      throw RefxError.regularExpressionTooSlow(text, on: subject)
    }
    let utf8 = subject.utf8
    return (0...groups.count).map { group in
      let (start, end) = (places[2 * group], places[2 * group + 1])
      // A group that took no part has the largest place of its type, which is -1 here; `\K` may put a start behind
      // its end.
      guard start >= 0, start <= end, end <= utf8.count else { return nil }
      return subject[
        utf8.index(utf8.startIndex, offsetBy: start)..<utf8.index(utf8.startIndex, offsetBy: end)]
    }
  }

  private static func groups(of code: OpaquePointer) -> [String?] {
    var count: UInt32 = 0
    var named: UInt32 = 0
    var entryBytes: UInt32 = 0
    var table: UnsafePointer<UInt8>?
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &named)
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &entryBytes)
    pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
    var names = [String?](repeating: nil, count: Int(count))
    guard let table else { return names }
    for position in 0..<Int(named) {
      // The number in two bytes, then the name, which ends in a NUL.
      let entry = UnsafeBufferPointer(start: table + position * Int(entryBytes), count: Int(entryBytes))
      let number = Int(entry[0]) << 8 | Int(entry[1])
      guard names.indices.contains(number - 1) else { continue }
      names[number - 1] = String(decoding: entry.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
    }
    return names
  }

  private static func words(for number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(number, &buffer, buffer.count)
    return String(decoding: buffer.prefix(Int(max(count, 0))), as: UTF8.self)
  }
}
