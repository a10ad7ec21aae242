import Refx

extension RuleTable {
  /// The way to an item from the root; of what lies in a shared subtree, by its first site.
  func way(to item: Int) -> [Step] { spaces[items[item].space].prefix + items[item].steps }

  func path(of item: Int) -> Path { Path(way(to: item).map(\.key)) }

  /// The text of an item's path.
  mutating func text(of item: Int) -> String {
    if let text = items[item].text { return text }
    let text = path(of: item).text
    items[item].text = text
    return text
  }

  /// The space of the Ref that stands there, where it holds a subtree.
  func innerSpace(of item: Int) -> Int? {
    if case .site(let ref) = items[item].content, case .space(let space) = refs[ref].value {
      space
    } else {
      nil
    }
  }

  /// How many sites each Ref has.
  func siteCounts() -> [Int] {
    var counts = Array(repeating: 0, count: refs.count)
    for item in items where !item.isGone {
      if case .site(let ref) = item.content { counts[ref] += 1 }
    }
    return counts
  }

  /// The Ref of which an item is a site; nil where it is none.
  func ref(at item: Int) -> Int? {
    if !items[item].isGone, case .site(let ref) = items[item].content { ref } else { nil }
  }

  /// All sites of some Refs.
  func sites(of wanted: Set<Int>) -> [Int: [Int]] {
    var sites: [Int: [Int]] = [:]
    for item in items.indices {
      if let ref = ref(at: item), wanted.contains(ref) { sites[ref, default: []].append(item) }
    }
    return sites
  }

  /// The items that a pattern matches, in order, with the groups. The root itself is no member of anything: where a
  /// Ref with a subtree stands there, no pattern matches it.
  ///
  /// - Throws: ``RefxError`` where a match takes too many steps.
  mutating func matches(_ pattern: RulePattern) throws -> [(item: Int, groups: [Substring?])] {
    var found: [(item: Int, groups: [Substring?])] = []
    for item in items.indices where !items[item].isGone {
      guard let groups = try pattern.expression.match(text(of: item)) else { continue }
      if innerSpace(of: item) != nil, way(to: item).isEmpty { continue }
      found.append((item, groups))
    }
    return found
  }

  /// Finds the first site of each space, and takes those away that none leads to any more.
  ///
  /// - Throws: ``RefxError`` where shared subtrees inside each other make the tree too deep.
  mutating func locate() throws {
    if spaces.count == 1 { return }
    for space in spaces.indices {
      spaces[space].isReached = space == 0
      spaces[space].prefix = []
      spaces[space].firstSite = nil
    }
    located = [0]
    try visit(0, spaces[0].items.indices, depth: 0)
    for item in items.indices where items[item].space != 0 { items[item].text = nil }
  }

  private mutating func visit(_ space: Int, _ range: Range<Int>, depth: Int) throws {
    guard let first = range.first else { return }
    let item = spaces[space].items[first]
    if items[item].steps.count == depth {
      guard let inner = innerSpace(of: item), !spaces[inner].isReached else { return }
      let way = way(to: item)
      guard way.count <= maximumTreeDepth else {
        throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: Path(way.map(\.key)))
      }
      spaces[inner].isReached = true
      spaces[inner].prefix = way
      spaces[inner].firstSite = item
      located.append(inner)
      return try visit(inner, spaces[inner].items.indices, depth: 0)
    }
    for (_, members) in node(space, range, depth: depth).members {
      try visit(space, members, depth: depth + 1)
    }
  }

  /// Puts the items of a space in order: those in front that are, with the others put among them.
  mutating func sort(_ space: Int) {
    func isBefore(_ one: Int, _ other: Int) -> Bool { items[one].steps.order(items[other].steps) < 0 }
    let all = spaces[space].items
    var sorted = 1
    while sorted < all.count, !isBefore(all[sorted], all[sorted - 1]) { sorted += 1 }
    if sorted >= all.count { return }
    let others = all[sorted...].sorted(by: isBefore)
    var merged: [Int] = []
    merged.reserveCapacity(all.count)
    var next = 0
    for item in all[..<sorted] {
      while next < others.count, isBefore(others[next], item) {
        merged.append(others[next])
        next += 1
      }
      merged.append(item)
    }
    spaces[space].items = merged + others[next...]
  }
}

extension Array where Element == RuleTable.Step {
  /// Negative, zero or positive as this way comes before, is, or comes after the other, by the bytes of the keys.
  func order(_ other: [RuleTable.Step]) -> Int {
    for (mine, theirs) in zip(self, other) where mine.key != theirs.key {
      return mine.key < theirs.key ? -1 : 1
    }
    return count - other.count
  }

  func isBeginning(of other: [RuleTable.Step]) -> Bool {
    count <= other.count && zip(self, other).allSatisfy { $0.key == $1.key }
  }
}
