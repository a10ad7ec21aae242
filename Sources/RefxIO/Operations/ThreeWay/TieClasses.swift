import Refx

/// Which Refs of a merge are one.
///
/// Two are tied where A and B both tie them, or one of the two does and the base does not.
struct TieClasses {
  /// The class of each cell: the number of its first.
  let first: [Int]
  /// The cell that gives a class its content, by the class.
  private(set) var holder: [Int: Int] = [:]

  /// Reports what cannot be tied in one way.
  init(_ merge: inout TreeMerge) throws {
    var sets = TieClasses.united(merge.values.map(\.cells))
    first = merge.values.indices.map { sets.smallest(with: $0) }
    var classes: [[Int]] = []
    var places: [Int: Int] = [:]
    for number in first.indices {
      let root = first[number]
      if let place = places[root] {
        classes[place].append(number)
      } else {
        places[root] = classes.count
        classes.append([number])
      }
    }
    for numbers in classes {
      holder[first[numbers[0]]] = numbers.first { merge.values[$0].content != nil } ?? numbers[0]
    }
    for numbers in classes where numbers.count > 1 { try check(numbers, &merge) }
    count(&merge)
  }

  /// The numbers of the cells, those that are tied in one set.
  private static func united(_ cells: [Cells]) -> DisjointSets {
    var sets = DisjointSets(count: cells.count)
    var both: [Cells: Int] = [:]
    for (number, cell) in cells.enumerated() where cell.a != nil && cell.b != nil {
      if let other = both.updateValue(number, forKey: Cells(base: nil, a: cell.a, b: cell.b)) {
        sets.unite(number, other)
      }
    }
    for side in [\Cells.a, \Cells.b] {
      var groups: [Int: [Int]] = [:]
      var order: [Int] = []
      for (number, cell) in cells.enumerated() {
        guard let index = cell[keyPath: side] else { continue }
        if groups[index] == nil { order.append(index) }
        groups[index, default: []].append(number)
      }
      for index in order {
        // Where the base had them apart each is tied to each of another group, and so all are.
        guard let group = groups[index], group.count > 1 else { continue }
        let base = cells[group[0]].base
        guard base == nil || group.contains(where: { cells[$0].base != base }) else { continue }
        for number in group.dropFirst() { sets.unite(number, group[0]) }
      }
    }
    return sets
  }

  // MARK: Checks

  /// Whether all of a class are tied with each other, not by way of a third alone; counted, not tried pair by
  /// pair.
  private func isComplete(_ cells: [Cells]) -> Bool {
    func pairs(_ key: (Cells) -> Cells?) -> Int {
      var counts: [Cells: Int] = [:]
      for cell in cells { if let key = key(cell) { counts[key, default: 0] += 1 } }
      return counts.values.reduce(0) { $0 + $1 * ($1 - 1) / 2 }
    }
    let inA = pairs { $0.a.map { Cells(base: nil, a: $0, b: nil) } }
    let inB = pairs { $0.b.map { Cells(base: nil, a: nil, b: $0) } }
    let inBoth = pairs { $0.a == nil || $0.b == nil ? nil : Cells(base: nil, a: $0.a, b: $0.b) }
    let oldInA = pairs { $0.a == nil || $0.base == nil ? nil : Cells(base: $0.base, a: $0.a, b: nil) }
    let oldInB = pairs { $0.b == nil || $0.base == nil ? nil : Cells(base: $0.base, a: nil, b: $0.b) }
    return inA + inB - inBoth - oldInA - oldInB == cells.count * (cells.count - 1) / 2
  }

  private func check(_ numbers: [Int], _ merge: inout TreeMerge) throws {
    let members = numbers.map { merge.values[$0] }
    let path = members[0].path
    let more = members.count > 4 ? " and \(members.count - 4) more" : ""
    let sites =
      members.prefix(4).map { $0.path.isRoot ? "the root" : $0.path.text }.joined(separator: ", ") + more
    guard isComplete(members.filter { !$0.follows }.map(\.cells)) else {
      return merge.conflict(.topology, at: path, "\(merge.names.both) tie these in different ways: \(sites)")
    }
    guard let holder = holder[first[numbers[0]]] else { return }
    let chosen = merge.values[holder]
    for number in numbers {
      let member = merge.values[number]
      guard number != holder, let content = member.content, let other = chosen.content else { continue }
      if member.standing != chosen.standing && member.standing != .plain && chosen.standing != .plain {
        return merge.conflict(
          .collection, at: member.path,
          "one changed the collection, the other tied it to what has another: \(sites)")
      }
      guard try isSame(content, other, merge, at: member.path) else {
        return merge.conflict(
          .topology, at: path, "one tied these, the other gave some of them contents of their own: \(sites)")
      }
    }
    if members.contains(where: { $0.content != nil && $0.standing == .plain }) {
      merge.conflict(.topology, at: path, "one tied these, the other made one a plain value: \(sites)")
    }
  }

  private func isSame(
    _ one: Tree<Leaf>, _ other: Tree<Leaf>, _ merge: TreeMerge, at path: Path
  ) throws -> Bool {
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    let one = opened(one, merge)
    let other = opened(other, merge)
    if let index = one.referenceIndex, let theirs = other.referenceIndex {
      return first[index] == first[theirs]
    }
    guard one.isReference == other.isReference else { return false }
    return try one.hasSameNode(as: other, at: path) { try isSame($0, $1, merge, at: $2) }
  }

  /// What stands there once the merge is made: a value that is no Ref is a cell in its holder's content as Refs are,
  /// where another of the three trees has a Ref in its place.
  private func opened(_ tree: Tree<Leaf>, _ merge: TreeMerge) -> Tree<Leaf> {
    var tree = tree
    // A ring of them would not be a tree; each is met once.
    for _ in merge.values {
      guard let index = tree.referenceIndex, let holder = holder[first[index]],
        merge.values[holder].standing == .plain, let content = merge.values[holder].content
      else { break }
      tree = content
    }
    return tree
  }

  /// Counts what each tied and untied.
  private func count(_ merge: inout TreeMerge) {
    func changes(_ side: (Cells) -> Int?) -> Int {
      var bases: [Int: Int] = [:]
      var sides: [Int: Int] = [:]
      var tied: Set<Int> = []
      var untied: Set<Int> = []
      for value in merge.values {
        guard let base = value.cells.base, let index = side(value.cells) else { continue }
        if let other = bases.updateValue(base, forKey: index), other != base { tied.insert(index) }
        if let other = sides.updateValue(index, forKey: base), other != index { untied.insert(base) }
      }
      return tied.count + untied.count
    }
    merge.taken.a += changes { $0.a }
    merge.taken.b += changes { $0.b }
  }
}

/// Puts merged values where they are first met.
struct Placing {
  let values: [MergedCell]
  let classes: TieClasses
  private var numbers: [Int: Int] = [:]

  init(values: [MergedCell], classes: TieClasses) {
    self.values = values
    self.classes = classes
  }

  mutating func place(_ tree: Tree<Leaf>, at path: Path) throws -> Tree<Leaf> {
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    guard let cell = tree.referenceIndex else {
      return try tree.mapMembers(at: path) { try place($0, at: $1) }
    }
    let name = classes.first[cell]
    guard let holder = classes.holder[name], let content = values[holder].content else {
      throw RefxError.indexWithoutValue(index: cell, path: path)
    }
    let inner = content.isReference ? path.appending("0") : path
    guard case .ref(let collection) = values[holder].standing else { return try place(content, at: inner) }
    if let number = numbers[name] { return .index(Index(number, collection: collection)) }
    let number = numbers.count
    numbers[name] = number
    return .value(Value(try place(content, at: inner), index: number, collection: collection))
  }
}
