/// The one error of this library: what went wrong, where, what was expected, what was found, and what to do.
///
/// Its first line reads `FILE: PATH: expected …, found …; what to do now`. Every sentence is made in
/// `RefxError+Sentences.swift`.
public struct RefxError: Error, Sendable {
  /// A stable name of the kind of error, for programs.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }
  }

  /// Where in a file, or on which object of an HDF5 file.
  public enum Place: Hashable, Sendable {
    /// An offset from the beginning of the file, in bytes.
    case byte(Int)
    /// An object of an HDF5 file, by its path there.
    case object(String)
  }

  /// What kind of error it is, for programs.
  public var code: Code
  /// The file as its user named it.
  public var file: String?
  /// Where in the tree.
  public var path: Path?
  /// Where in the file.
  public var place: Place?
  /// What is wrong, as a sentence without capital and full stop; where it is empty, `expected` and `found`
  /// say it.
  public var message: String
  /// What should have been there.
  public var expected: String?
  /// What was there.
  public var found: String?
  /// What to do now, as an imperative.
  public var advice: String?
  /// Further lines: one for each difference of a mismatch, the stack of a C library.
  public var details: [String]
  /// The error of another library that led to this one.
  public var cause: (any Error)?

  /// An error of this kind; its sentences belong in `RefxError+Sentences.swift`.
  public init(
    _ code: Code, _ message: String = "", file: String? = nil, path: Path? = nil, place: Place? = nil,
    expected: String? = nil, found: String? = nil, advice: String? = nil, details: [String] = [],
    cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.file = file
    self.path = path
    self.place = place
    self.expected = expected
    self.found = found
    self.advice = advice
    self.details = details
    self.cause = cause
  }

  /// The same error, said of `file`, unless it names one already.
  public func inFile(_ file: String) -> RefxError {
    if file.utf8.isEmpty { return self }
    var copy = self
    copy.file = copy.file ?? file
    return copy
  }

  /// The same error, said of `path`, unless it names one already.
  public func atPath(_ path: Path) -> RefxError {
    var copy = self
    copy.path = copy.path ?? path
    return copy
  }
}

extension RefxError: CustomStringConvertible {
  /// The first line: everything but ``details``.
  public var summary: String {
    var parts: [String] = []
    if let file { parts.append(file.utf8.isEmpty ? "\"\"" : visible(file)) }
    if let path { parts.append(path.isRoot ? "the root" : visible(path.text)) }
    var sentence = message
    if let expected {
      sentence += (sentence.isEmpty ? "" : ": ") + "expected \(expected)"
      if let found { sentence += ", found \(found)" }
    } else if let found {
      sentence += (sentence.isEmpty ? "" : ": ") + "found \(found)"
    }
    switch place {
    case .byte(let offset): sentence += " (at byte \(offset))"
    case .object(let name): sentence += " (at \(visible(name)))"
    case nil: break
    }
    if let advice { sentence += "; \(advice)" }
    parts.append(visible(sentence))
    return parts.joined(separator: ": ")
  }

  public var description: String {
    ([summary] + details.map { "  " + visible($0) }).joined(separator: "\n")
  }
}

/// `text` with control characters (C0, DEL, C1, bidirectional controls, line separators) written as `\u{…}`,
/// so that a name out of a file cannot drive a terminal.
public func visible(_ text: String) -> String {
  func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }
  guard text.unicodeScalars.contains(where: isHarmful) else { return text }
  var safe = ""
  for scalar in text.unicodeScalars {
    if isHarmful(scalar) {
      safe += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    } else {
      safe.unicodeScalars.append(scalar)
    }
  }
  return safe
}

extension RefxError {
  /// The same error, said of something that stands under `key`: so a path grows on the way out of a tree.
  package func under(_ key: Key) -> RefxError {
    var copy = self
    copy.path = Path([key] + (path?.keys ?? []))
    return copy
  }

  /// The same error, said of something that stands under `path`.
  package func under(_ path: Path) -> RefxError {
    var copy = self
    copy.path = Path(path.keys + (self.path?.keys ?? []))
    return copy
  }

  /// Stops the program with this error: for what only a programmer can get wrong.
  @usableFromInline
  func stop() -> Never { fatalError(summary) }
}
