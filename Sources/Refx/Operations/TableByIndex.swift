/// What is known of each Ref of a dereffed tree, by its index: an array while indexes come about as 0, 1, 2, …,
/// which is how deref and every store number them, a part with some left out; whatever numbers a tree made
/// elsewhere has, a dictionary.
@usableFromInline
package struct TableByIndex<Entry> {
  @usableFromInline var row: [Entry?] = []
  @usableFromInline var others: [Int: Entry] = [:]
  /// How many entries there are; the row may have gaps, but at most fifteen for each of them.
  @usableFromInline package var count = 0

  @inlinable
  package init() {}

  /// What is known of an index; nil where nothing is.
  @inlinable
  package subscript(index: Int) -> Entry? {
    if index >= 0, index < row.count, let entry = row[index] { return entry }
    return others.isEmpty ? nil : others[index]
  }

  /// - Returns: false where something is known of the index already, which stays.
  @discardableResult
  @inlinable
  package mutating func insert(_ entry: Entry, at index: Int) -> Bool {
    if index == row.count, others.isEmpty {
      row.append(entry)
    } else {
      if self[index] != nil { return false }
      insertOutOfOrder(entry, at: index)
    }
    count += 1
    return true
  }

  @usableFromInline
  mutating func insertOutOfOrder(_ entry: Entry, at index: Int) {
    guard index >= 0, index < row.count || index / 16 <= count else {
      others[index] = entry
      return
    }
    while row.count <= index { row.append(nil) }
    row[index] = entry
  }

  /// Changes what is known of an index in place.
  ///
  /// - Returns: false where nothing is.
  mutating func update(_ index: Int, _ change: (inout Entry) -> Void) -> Bool {
    if index >= 0, index < row.count, row[index] != nil {
      change(&row[index]!)
      return true
    }
    guard let place = others.index(forKey: index) else { return false }
    change(&others.values[place])
    return true
  }
}

extension TableByIndex: Sendable where Entry: Sendable {}
