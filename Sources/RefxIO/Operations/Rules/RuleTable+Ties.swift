import Refx

extension RuleTable {
  /// Makes groups of items share one value each: of their first, or of the one that is taken.
  ///
  /// - Parameter choice: the collection that they get; by default the one that all agree on.
  /// - Returns: how many items were tied.
  /// - Throws: ``RefxError`` where values or collections differ and none is taken, where it is not clear which is, and
  ///   where one of a group lies inside the value of another.
  mutating func tie(
    _ groups: [[Int]], take: Set<Int>?, collection choice: TieCollection = .agreed, rule: Int
  ) throws -> Int {
    var merged: [Int: Int] = [:]
    /// The Ref that stands for another one by now.
    func current(_ ref: Int) -> Int {
      var ref = ref
      while let next = merged[ref] { ref = next }
      return ref
    }
    func value(at item: Int) -> Int? {
      if case .site(let ref) = items[item].content { current(ref) } else { nil }
    }
    var count = 0
    for group in groups where group.count > 1 {
      try checkApart(group, current)
      let winner = try winner(of: group, take, value)
      let own = value(at: winner)
      let others = group.filter { $0 != winner && (own == nil || value(at: $0) != own) }
      if take == nil { try checkEqual(winner, others) }
      let collection: CollectionTag?
      switch choice {
      case .agreed: collection = try self.collection(winner, others, isTaken: take != nil, value)
      case .given(let given): collection = given
      }
      let ref: Int
      if let own {
        ref = own
      } else {
        ref = refs.count
        refs.append(Ref(value: .content(items[winner].content), collection: nil))
        items[winner].content = .site(ref)
      }
      refs[ref].collection = collection
      for item in others {
        if let old = value(at: item) {
          if old != ref { merged[old] = ref }
        } else {
          items[item].content = .site(ref)
        }
      }
      for item in group { touch(item, by: rule) }
      count += group.count
    }
    for item in items.indices {
      if case .site(let ref) = items[item].content, merged[ref] != nil {
        items[item].content = .site(current(ref))
      }
    }
    _ = try settle([], rule: rule)
    return count
  }

  private func winner(of group: [Int], _ take: Set<Int>?, _ value: (Int) -> Int?) throws -> Int {
    guard let take else { return group[0] }
    let taken = group.filter(take.contains)
    guard let first = taken.first else {
      throw RefxError.nothingTaken(group.map { items[$0].origin })
    }
    if let other = taken.dropFirst().first(where: { value($0) == nil || value($0) != value(first) }) {
      throw RefxError.severalTaken(items[first].origin, items[other].origin)
    }
    return first
  }

  /// Refuses to tie what holds a site of another of the group: its value would hold itself, or go with what it is tied
  /// to.
  private func checkApart(_ group: [Int], _ current: (Int) -> Int) throws {
    for item in group {
      guard case .site(let site) = items[item].content, case .space(let space) = refs[current(site)].value
      else { continue }
      let ref = current(site)
      var spacesInside: Set<Int> = [space]
      var refsInside: Set<Int> = []
      var row = [space]
      while let next = row.popLast() {
        for content in spaces[next].items {
          guard case .site(let inner) = items[content].content, refsInside.insert(current(inner)).inserted,
            case .space(let below) = refs[current(inner)].value, spacesInside.insert(below).inserted
          else { continue }
          row.append(below)
        }
      }
      for other in group {
        if case .site(let second) = items[other].content {
          if current(second) == ref { continue }
          guard refsInside.contains(current(second)) || spacesInside.contains(items[other].space) else {
            continue
          }
        } else if !spacesInside.contains(items[other].space) {
          continue
        }
        throw RefxError.tiedInsideItself(path(of: item), path(of: other))
      }
    }
  }

  private func checkEqual(_ winner: Int, _ others: [Int]) throws {
    if others.isEmpty { return }
    var builder = RuleTreeBuilder(self)
    let mine = builder.contents(of: winner)
    for other in others {
      var builder = RuleTreeBuilder(self)
      let (path, otherPath) = (items[winner].origin, items[other].origin)
      let theirs = builder.contents(of: other)
      if let difference = try mine.firstDifference(from: theirs, at: path, otherPath) {
        throw RefxError.tiedValuesDiffer(path, otherPath, difference: difference)
      }
    }
  }

  private func collection(
    _ winner: Int, _ others: [Int], isTaken: Bool, _ value: (Int) -> Int?
  ) throws -> CollectionTag? {
    if isTaken, let ref = value(winner), let own = refs[ref].collection { return own }
    var found: (collection: CollectionTag, item: Int)?
    for item in [winner] + others {
      guard let ref = value(item), let collection = refs[ref].collection else { continue }
      if let found, found.collection != collection {
        throw RefxError.tiedCollectionsDiffer(
          items[found.item].origin, found.collection, items[item].origin, collection)
      }
      found = found ?? (collection, item)
    }
    return found?.collection
  }

  /// Gives each of some sites a value of its own. Sites that are not among them stay tied to each other.
  ///
  /// - Returns: how many sites were untied.
  mutating func untie(_ matched: [Int], rule: Int) throws -> Int {
    let counts = siteCounts()
    var wanted: [Int: [Int]] = [:]
    var order: [Int] = []
    for item in matched {
      guard let ref = ref(at: item), counts[ref] > 1 else { continue }
      if wanted[ref] == nil { order.append(ref) }
      wanted[ref, default: []].append(item)
    }
    var count = 0
    for ref in order {
      guard let sites = wanted[ref] else { continue }
      count += sites.count
      for site in sites { touch(site, by: rule) }
      // Where no other site is left, the first one keeps the value.
      for site in sites.count == counts[ref] ? sites[1...] : sites[...] {
        items[site].content = .site(try copy(ref, rule: rule))
      }
    }
    if count > 0 { _ = try settle([], rule: rule) }
    return count
  }

  /// Another Ref with the same contents. Refs that have all of their sites inside are copied along, others stay
  /// shared.
  private mutating func copy(_ ref: Int, rule: Int) throws -> Int {
    guard case .space = refs[ref].value else {
      refs.append(refs[ref])
      return refs.count - 1
    }
    let inner = ownRefs(of: ref)
    var numbers = [ref: refs.count]
    refs.append(refs[ref])
    for old in inner {
      numbers[old] = refs.count
      refs.append(refs[old])
    }
    for old in [ref] + inner {
      guard let new = numbers[old], case .space(let space) = refs[old].value else { continue }
      var copy = Space()
      for item in spaces[space].items {
        guard items.count < RuleTable.mostItems else { throw RefxError.tooManyCopies(at: items[item].origin) }
        var twin = items[item]
        twin.space = spaces.count
        twin.text = nil
        if case .site(let target) = twin.content, let number = numbers[target] {
          twin.content = .site(number)
        }
        copy.items.append(items.count)
        items.append(twin)
      }
      refs[new].value = .space(spaces.count)
      spaces.append(copy)
    }
    return numbers[ref] ?? ref
  }

  /// Copies of subtrees inside each other could grow without end.
  private static let mostItems = 50_000_000

  /// The Refs all of whose sites lie in a Ref's subtree, in order.
  private func ownRefs(of ref: Int) -> [Int] {
    var inside: Set<Int> = [ref]
    var row = [ref]
    while let next = row.popLast() {
      guard case .space(let space) = refs[next].value else { continue }
      for item in spaces[space].items {
        if let inner = self.ref(at: item), inside.insert(inner).inserted { row.append(inner) }
      }
    }
    inside.remove(ref)
    var own = inside
    while true {
      let mine = Set(
        ([ref] + own).compactMap { if case .space(let space) = refs[$0].value { space } else { nil } })
      let foreign = sites(of: own).filter { $0.value.contains { !mine.contains(items[$0].space) } }
      if foreign.isEmpty { return own.sorted() }
      own.subtract(foreign.keys)
    }
  }
}
