import Refx

extension RuleTable {
  /// Two items at one place, or one below the other.
  typealias Collision = (first: Int, second: Int)

  /// The places that a move asks for. A Ref of whose contents all go to one new place, under their own names, goes
  /// there itself: its other sites stay where they are, and share what they shared.
  func targets(_ wanted: [(item: Int, keys: [Key])]) -> [Int: [Key]] {
    var targets: [Int: [Key]] = [:]
    for (item, keys) in wanted { targets[item] = keys }
    for space in located.dropFirst().reversed() {
      guard let site = spaces[space].firstSite, targets[site] == nil else { continue }
      var common: [Key]?
      // The root takes one thing alone.
      let isAlone = spaces[0].items == [site]
      let isMoved = spaces[space].items.allSatisfy { item in
        guard let target = targets[item] else { return false }
        let own = items[item].steps.map(\.key)
        guard target.count > own.count || isAlone, target.count >= own.count,
          target.suffix(own.count).elementsEqual(own)
        else { return false }
        let place = Array(target.dropLast(own.count))
        if let common { return common == place }
        common = place
        return true
      }
      if isMoved, let common { targets[site] = common }
    }
    return targets
  }

  /// Moves items to other places.
  ///
  /// - Throws: ``RefxError`` where something would leave a subtree that stands at several places, or be too deep.
  mutating func move(_ targets: [Int: [Key]], rule: Int) throws -> [Collision] {
    let order = targets.keys.sorted { (targets[$0]?.count ?? 0, $0) < (targets[$1]?.count ?? 0, $1) }
    for item in order { touch(item, by: rule) }

    let moving = order.filter { targets[$0] != way(to: $0).map(\.key) }
    if moving.isEmpty { return [] }
    let ways = moving.map { (item: $0, steps: way(to: $0).carried(to: targets[$0] ?? [])) }
    for (_, steps) in ways where steps.count > maximumTreeDepth {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: Path(steps.map(\.key)))
    }
    let counts = spaces.count > 1 ? siteCounts() : []
    var finder = SpaceFinder(self, without: moving)
    var changed: Set<Int> = []
    leave(moving, &changed)
    for (item, steps) in ways {
      let place = finder.place(of: steps)
      let old = items[item].space
      if place.space != old, let ref = self.ref(of: old), !isInside(place.space, old) {
        if counts[ref] > 1 { throw movedOut(item, of: ref, to: steps) }
        inherit(refs[ref].collection, item)
      }
      items[item].space = place.space
      items[item].steps = Array(steps[place.start...])
      items[item].text = nil
      items[item].movedBy = rule
      spaces[place.space].items.append(item)
      changed.insert(place.space)
      if let inner = innerSpace(of: item) { finder.add(inner, at: place.space, items[item].steps) }
    }
    return try settle(changed, rule: rule)
  }

  /// The items that a drop takes away. A Ref of whose contents all are to go goes itself, at the site by which they
  /// were named; what lies in a subtree goes with its site, or stays with another.
  func dropped(_ wanted: [Int]) -> [Int] {
    var goes = Set(wanted)
    for space in located.dropFirst().reversed() {
      guard let site = spaces[space].firstSite, !goes.contains(site) else { continue }
      if spaces[space].items.allSatisfy(goes.contains) { goes.insert(site) }
    }
    var carried: Set<Int> = []
    for space in located.dropFirst() {
      guard let site = spaces[space].firstSite else { continue }
      guard goes.contains(site) || carried.contains(items[site].space) else { continue }
      carried.insert(space)
      goes.subtract(spaces[space].items)
    }
    return goes.sorted()
  }

  /// Takes items away.
  mutating func drop(_ dropped: [Int], rule: Int) throws {
    for item in dropped { touch(item, by: rule) }
    var changed: Set<Int> = []
    leave(dropped, &changed)
    for item in dropped { items[item].isGone = true }
    _ = try settle(changed, rule: rule)
  }

  /// Notes that a rule touched an item, and what lies in the subtree that is named by it.
  mutating func touch(_ item: Int, by rule: Int) {
    if items[item].rules.last != rule { items[item].rules.append(rule) }
    if let inner = innerSpace(of: item), spaces[inner].firstSite == item {
      for content in spaces[inner].items where items[content].rules.last != rule { touch(content, by: rule) }
    }
  }

  private mutating func leave(_ leaving: [Int], _ changed: inout Set<Int>) {
    let all = Set(leaving)
    for item in leaving { changed.insert(items[item].space) }
    for space in changed { spaces[space].items.removeAll { all.contains($0) } }
  }

  /// The Ref whose subtree a space is; nil for the tree itself.
  private func ref(of space: Int) -> Int? {
    if let site = spaces[space].firstSite, case .site(let ref) = items[site].content { ref } else { nil }
  }

  /// Whether the way to `space` leads through `outer`.
  private func isInside(_ space: Int, _ outer: Int) -> Bool {
    var place = space
    for _ in spaces.indices {
      if place == outer { return true }
      guard let site = spaces[place].firstSite else { return false }
      place = items[site].space
    }
    return false
  }

  /// An array that leaves a tagged subtree keeps the collection.
  private mutating func inherit(_ collection: CollectionTag?, _ item: Int) {
    guard let collection, case .leaf = items[item].content else { return }
    refs.append(Ref(value: .content(items[item].content), collection: collection))
    items[item].content = .site(refs.count - 1)
  }

  private func movedOut(_ item: Int, of ref: Int, to steps: [Step]) -> RefxError {
    let sites = (sites(of: [ref])[ref] ?? []).map { path(of: $0) }
    return .movedOutOfSharedSubtree(
      items[item].origin, to: Path(steps.map(\.key)), sites: sites.isEmpty ? [items[item].origin] : sites)
  }

  /// After a change: spaces without items go with their sites, what nothing leads to goes, order is as it was.
  ///
  mutating func settle(_ changed: Set<Int>, rule: Int) throws -> [Collision] {
    var changed = changed
    while true {
      let empty = Set(changed.filter { $0 != 0 && spaces[$0].items.isEmpty })
      if empty.isEmpty { break }
      changed.subtract(empty)
      let sites = items.indices.filter { item in
        !items[item].isGone && (innerSpace(of: item).map { empty.contains($0) } ?? false)
      }
      leave(sites, &changed)
      for item in sites {
        touch(item, by: rule)
        items[item].isGone = true
      }
      if sites.isEmpty { break }
    }
    var collisions: [Collision] = []
    for space in changed.sorted() {
      sort(space)
      for (one, other) in zip(spaces[space].items, spaces[space].items.dropFirst())
      where items[one].steps.isBeginning(of: items[other].steps) {
        collisions.append((min(one, other), max(one, other)))
      }
    }
    guard collisions.isEmpty else { return collisions }
    try locate()
    for item in items.indices where !items[item].isGone && !spaces[items[item].space].isReached {
      items[item].isGone = true
      if items[item].rules.last != rule { items[item].rules.append(rule) }
    }
    return []
  }
}

/// Finds in which space a way ends: it leads through the sites of Refs that hold subtrees.
private struct SpaceFinder {
  private struct Place: Hashable {
    let space: Int
    let path: Path
  }

  private var spaces: [Place: Int] = [:]

  init(_ table: RuleTable, without moving: [Int]) {
    guard table.spaces.count > 1 else { return }
    let moving = Set(moving)
    for item in table.items.indices where !table.items[item].isGone && !moving.contains(item) {
      if let inner = table.innerSpace(of: item) {
        add(inner, at: table.items[item].space, table.items[item].steps)
      }
    }
  }

  mutating func add(_ inner: Int, at space: Int, _ steps: [RuleTable.Step]) {
    spaces[Place(space: space, path: Path(steps.map(\.key)))] = inner
  }

  func place(of steps: [RuleTable.Step]) -> (space: Int, start: Int) {
    var place = (space: 0, start: 0)
    if spaces.isEmpty { return place }
    for end in steps.indices {
      let path = Path(steps[place.start..<end].map(\.key))
      if let inner = spaces[Place(space: place.space, path: path)] { place = (inner, end) }
    }
    return place
  }
}

extension Array where Element == RuleTable.Step {
  /// A way of these keys. What it has in common with this one at its beginning and its end leads through the same
  /// containers.
  fileprivate func carried(to keys: [Key]) -> [RuleTable.Step] {
    let shorter = Swift.min(count, keys.count)
    var head = 0
    while head < shorter, self[head].key == keys[head] { head += 1 }
    var tail = 0
    while tail < shorter - head, self[count - 1 - tail].key == keys[keys.count - 1 - tail] { tail += 1 }
    // Where keys are only put in or only taken out, the container at that place went along with its contents.
    let isShift = Swift.min(count, keys.count) - tail <= head
    return keys.indices.map { place in
      let fromEnd = keys.count - place
      let isBefore = place < head || (place == head && place < count && !isShift)
      let container =
        isBefore ? self[place].container : fromEnd <= tail ? self[count - fromEnd].container : nil
      return RuleTable.Step(key: keys[place], container: container)
    }
  }
}
