import Refx

/// The attributes of an object: those that have a name of the layout's, and the others.
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

  /// In a file of the layout: those of its user, since all names that begin with `refx_` are kept for later versions.
  var users: [StoredAttribute] { others.filter { !$0.name.utf8.starts(with: "refx_".utf8) } }

  /// In the file of another program: all, since a name alone does not make an attribute the layout's.
  ///
  /// - Parameter taken: those that mean in such a file what they mean in the layout.
  func foreign(but taken: Set<String>) -> [StoredAttribute] {
    others + all.filter { !taken.contains($0.name) }.map { StoredAttribute($0.name, $0.content) }
  }
}

extension StoredAttribute {
  fileprivate init(_ name: String, _ content: LayoutAttributes.Content) {
    func number<Number: FixedWidthInteger>(_ number: Number) -> Content {
      .raw(withUnsafeBytes(of: number.littleEndian, Array.init))
    }
    switch content {
    case .text(let text):
      self.init(
        name: name, element: .fixedText(size: text.utf8.count, padding: .nullPadded), shape: [],
        content: .texts([Array(text.utf8)]))
    case .number(let value):
      self.init(name: name, element: .number(.int64, isBigEndian: false), shape: [], content: number(value))
    case .largeNumber(let value):
      self.init(name: name, element: .number(.uint64, isBigEndian: false), shape: [], content: number(value))
    case .other:
      self.init(
        name: name, element: .unsupported("attribute", "it is neither one text nor one integer"), shape: [],
        content: .raw([]))
    }
  }
}
