/// What is known of each Ref of a dereffed tree, by its index: an array while indexes come as 0, 1, 2, …, which
/// is how deref and every store number them; whatever numbers a tree made elsewhere has, a dictionary.
@usableFromInline
struct TableByIndex<Entry> {
  @usableFromInline var inOrder: [Entry] = []
  @usableFromInline var others: [Int: Entry] = [:]

  @inlinable
  init() {}

  /// What is known of an index; nil where nothing is.
  @inlinable
  subscript(index: Int) -> Entry? {
    if index >= 0, index < inOrder.count { return inOrder[index] }
    return others.isEmpty ? nil : others[index]
  }

  /// - Returns: false where something is known of the index already, which stays.
  @discardableResult
  @inlinable
  mutating func insert(_ entry: Entry, at index: Int) -> Bool {
    if self[index] != nil { return false }
    if index == inOrder.count { inOrder.append(entry) } else { others[index] = entry }
    return true
  }

  /// Changes what is known of an index in place.
  ///
  /// - Returns: false where nothing is.
  mutating func update(_ index: Int, _ change: (inout Entry) -> Void) -> Bool {
    if index >= 0, index < inOrder.count {
      change(&inOrder[index])
      return true
    }
    guard let place = others.index(forKey: index) else { return false }
    change(&others.values[place])
    return true
  }
}

extension TableByIndex: Sendable where Entry: Sendable {}
