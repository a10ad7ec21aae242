/// One thing in which a tree does not fit a model.
public struct Difference: Hashable, Sendable {
  /// In what a tree does not fit.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The model has it, the file does not.
    case missing
    /// The file has it, the model does not.
    case unexpected
    /// Another kind of node: a list where the model has a dictionary.
    case structure
    /// Another static value.
    case `static`
    /// A value of another Swift type, or one that the model's own `init(from:)` refuses.
    case type
    /// Elements of another type.
    case dtype
    /// An array of another shape.
    case shape
    /// Tied where the model is not, or not tied where it is.
    case topology
    /// A Ref of another collection.
    case collection
    /// Other data where none can be assigned.
    case value
  }

  /// Where.
  public let path: Path
  /// In what.
  public let kind: Kind
  /// What the model has.
  public let expected: String?
  /// What the file has.
  public let found: String?
  /// What else is known: how far the values concerned are apart.
  public let remark: String?

  /// A difference with what each side has, in words.
  public init(
    _ kind: Kind, _ path: Path, expected: String? = nil, found: String? = nil, remark: String? = nil
  ) {
    self.path = path
    self.kind = kind
    self.expected = expected
    self.found = found
    self.remark = remark
  }
}

extension Difference: CustomStringConvertible {
  /// One line: the path, the kind, what was expected and what was found, and what else is known.
  public var description: String {
    let place = path.isRoot ? "the root" : path.text
    let parts = [expected.map { "expected \($0)" }, found.map { "found \($0)" }].compactMap { $0 }
    return "\(place): \(kind.rawValue)" + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
      + (remark.map { "; \($0)" } ?? "")
  }
}

/// By path, then by kind.
extension Difference: Comparable {
  public static func < (a: Difference, b: Difference) -> Bool {
    if a.path != b.path { return a.path < b.path }
    return a.description < b.description
  }
}

extension Leaf {
  /// The dtype and the shape, for a message.
  var summary: String { "\(dtype) \(shape)" }
}
