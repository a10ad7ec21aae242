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
    case dtype
    case shape
    /// Tied where the model is not, or not tied where it is.
    case topology
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

  public init(_ kind: Kind, _ path: Path, expected: String? = nil, found: String? = nil) {
    self.path = path
    self.kind = kind
    self.expected = expected
    self.found = found
  }
}

extension Difference: CustomStringConvertible {
  /// One line: the path, the kind, what was expected and what was found.
  public var description: String {
    let place = path.isRoot ? "the root" : path.text
    let parts = [expected.map { "expected \($0)" }, found.map { "found \($0)" }].compactMap { $0 }
    return "\(place): \(kind.rawValue)" + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
  }
}

/// By path, then by kind.
extension Difference: Comparable {
  public static func < (a: Difference, b: Difference) -> Bool {
    if a.path != b.path { return a.path < b.path }
    return a.description < b.description
  }
}

/// Which differences are let pass. Nothing is, unless it is named.
public struct Leniency: OptionSet, Hashable, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The file holds more than the model asks for; the rest is left.
  public static let unexpected = Leniency(rawValue: 1 << 0)
  /// The file lacks what is Optional in the model; it becomes nil. For formats that drop nil, and models
  /// that have gained a property.
  public static let missingOptionals = Leniency(rawValue: 1 << 1)
  /// A plain value stands where the model has a Ref; the Ref is then its own, without a collection.
  public static let plainForRef = Leniency(rawValue: 1 << 2)
  /// A shared value stands where the model has a plain one; each site then gets a copy.
  public static let refForPlain = Leniency(rawValue: 1 << 3)
  /// In `restore`: the file lacks what the model has; the model keeps it.
  public static let missing = Leniency(rawValue: 1 << 4)
  /// A Ref belongs to another collection in the file.
  public static let collection = Leniency(rawValue: 1 << 5)
}

extension Leaf {
  /// The dtype and the shape, for a message.
  var summary: String { "\(dtype) \(shape)" }
}
