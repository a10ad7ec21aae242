import Refx

/// What chooses the sites of a part: a Ref with all that it holds, or a plain leaf.
public enum Selector: Sendable {
  /// The Refs of a collection; with nil those without one.
  case collection(CollectionTag?)
  /// The sites whose path matches.
  case path(PathPattern)
  /// The arrays of a dtype.
  case dtype(DType)

  /// Reads `collection:NAME`, `path:PATTERN` or `dtype:NAME`.
  ///
  /// - Throws: ``RefxError`` where it is none of them.
  public init(text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else { throw RefxError.badSelector(text) }
    switch parts[0] {
    case "collection": self = .collection(try CollectionTag.choice(text: parts[1]))
    case "path": self = .path(try PathPattern(glob: parts[1]))
    case "dtype":
      guard let dtype = DType(name: parts[1]) else { throw RefxError.badDType(parts[1]) }
      self = .dtype(dtype)
    default: throw RefxError.badSelector(text)
    }
  }

  /// The sites whose path a glob matches: `*` one component, `**` any number.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func pattern(_ glob: String) throws -> Selector { .path(try PathPattern(glob: glob)) }

  /// How messages call it.
  var name: String {
    switch self {
    case .collection(let tag?): "the collection \(tag)"
    case .collection(nil): "no collection"
    case .path(let pattern): pattern.text
    case .dtype(let dtype): "the dtype \(dtype.name)"
    }
  }

  /// Whether it chooses the site at `path`, where a Ref of `collection` or a plain leaf stands.
  ///
  /// - Parameter content: the leaf or what the Ref holds.
  func matches(_ path: Path, isReference: Bool, collection: CollectionTag?, content: Tree<Leaf>) throws
    -> Bool
  {
    switch self {
    case .collection(let wanted): isReference && collection == wanted
    case .path(let pattern): try pattern.matches(path)
    case .dtype(let dtype): if case .leaf(let leaf) = content { leaf.dtype == dtype } else { false }
    }
  }
}

extension CollectionTag {
  /// Reads a collection as a command line writes it, `-` being none.
  ///
  /// - Throws: ``RefxError`` where the text is neither.
  public static func choice(text: String) throws -> CollectionTag? {
    if text == "-" { return nil }
    guard let tag = CollectionTag(text: text) else { throw RefxError.badCollection(text) }
    return tag
  }

  /// How the choice of a collection, or of none, is written on a command line.
  public static func text(of choice: CollectionTag?) -> String {
    choice.map(\.description) ?? "-"
  }
}
