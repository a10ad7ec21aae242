import Refx
import RefxStore

/// The attributes of an object: those whose names begin with `refx_`, which are the layout's, and its user's.
struct LayoutAttributes: Sendable {
  /// Text or a whole number, which is all that the layout keeps in attributes.
  enum Content: Hashable, Sendable {
    case text(String)
    case number(Int64)
    case largeNumber(UInt64)
    /// Present, and neither.
    case other
  }

  /// A handful at most, so that a search is faster than a table.
  private(set) var all: [(name: String, content: Content)] = []

  /// The others, in the order of the file.
  private(set) var others: [StoredAttribute] = []

  init() {}

  subscript(name: String) -> Content? { all.first { $0.name == name }?.content }

  var count: Int { all.count }

  mutating func add(_ name: String, _ content: Content) { all.append((name, content)) }

  mutating func add(_ attribute: StoredAttribute) { others.append(attribute) }
}
