import Refx
import RefxStore

/// The names of dictionary members in a file: each once, ascending by bytes.
struct RefxNames {
  let keys: [Key]

  init(_ bytes: UnsafeRawBufferPointer, at start: Int, _ budget: Budget) throws {
    var reader = SectionReader(bytes, section: RefxLayout.Section.names, at: start)
    let count = try reader.varint()
    // A name takes a byte at least.
    guard count <= reader.remaining else {
      throw reader.damaged(
        "more names than bytes", expected: "at most \(reader.remaining)", found: "\(count)")
    }
    // Each is the name of a node.
    try budget.check(nodes: count, at: start)
    var keys: [Key] = []
    keys.reserveCapacity(count)
    var last: UnsafeRawBufferPointer?
    for _ in 0..<count {
      let raw = try RefxNames.name(&reader, budget)
      if let last, !precedes(last, raw) { throw reader.damaged("names do not ascend") }
      guard let text = String(utf8: raw) else {
        throw reader.damaged("a name is not valid UTF-8")
      }
      keys.append(Key(text))
      last = raw
    }
    try reader.checkEnd()
    self.keys = keys
  }

  private static func name(_ reader: inout SectionReader, _ budget: Budget) throws -> UnsafeRawBufferPointer {
    let length = try reader.varint()
    try budget.check(nameBytes: length, at: reader.place)
    return try reader.raw(count: length)
  }

  /// The collections of a file: integers by value, then names by bytes, each once.
  static func collections(
    _ bytes: UnsafeRawBufferPointer, at start: Int, _ budget: Budget
  ) throws -> [CollectionTag] {
    var reader = SectionReader(bytes, section: RefxLayout.Section.collections, at: start)
    let count = try reader.varint()
    // A collection takes two bytes at least.
    guard count <= reader.remaining / 2 else {
      throw reader.damaged("more collections than there is room for", found: "\(count)")
    }
    // Each is the collection of a Ref.
    try budget.check(nodes: count, at: start)
    var tags: [CollectionTag] = []
    tags.reserveCapacity(count)
    for _ in 0..<count {
      let tag: CollectionTag
      switch try reader.byte() {
      case 0: tag = .number(try reader.integer())
      case 1:
        guard let text = String(utf8: try name(&reader, budget)) else {
          throw reader.damaged("a collection is not valid UTF-8")
        }
        tag = .name(text)
      case let kind:
        throw reader.damaged("a collection of no known kind", expected: "0 or 1", found: "\(kind)")
      }
      if let last = tags.last, !(last < tag) { throw reader.damaged("collections do not ascend") }
      tags.append(tag)
    }
    try reader.checkEnd()
    return tags
  }
}

/// Whether `a` stands before `b` in the order of bytes.
private func precedes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
  let common = min(a.count, b.count)
  for position in 0..<common where a[position] != b[position] { return a[position] < b[position] }
  return a.count < b.count
}
