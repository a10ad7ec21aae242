import Refx
import RefxStore

/// The attributes of an object whose names begin with `refx_`; others are not looked at.
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

  init() {}

  subscript(name: String) -> Content? { all.first { $0.name == name }?.content }

  var count: Int { all.count }

  mutating func add(_ name: String, _ content: Content) { all.append((name, content)) }
}
