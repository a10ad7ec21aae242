import Refx

/// What rules do to values where they are.
extension RuleTable {
  /// Where arrays are kept: at their items, or in their Refs, each once.
  private enum Holder: Hashable {
    case item(Int)
    case ref(Int)
  }

  /// Gives what was matched a collection; arrays become Refs.
  ///
  /// - Returns: how many sites were of a kind that can have one.
  mutating func tag(_ matched: [Int], _ collection: CollectionTag?, rule: Int) -> Int {
    var count = 0
    for item in matched {
      switch items[item].content {
      case .site(let ref): refs[ref].collection = collection
      case .leaf:
        if let collection {
          refs.append(Ref(value: .content(items[item].content), collection: collection))
          items[item].content = .site(refs.count - 1)
        }
      default: continue
      }
      touch(item, by: rule)
      count += 1
    }
    return count
  }

  /// Changes each array that was matched, once.
  ///
  /// - Parameter change: what an array becomes; nil where it is none of those that are meant.
  /// - Returns: how many sites were meant.
  mutating func change(
    _ matched: [Int], rule: Int, _ change: (Leaf, Path) throws -> Leaf?
  ) throws -> Int {
    var count = 0
    var changed: Set<Holder> = []
    for item in matched {
      let holder: Holder
      let content: Content
      switch items[item].content {
      case .leaf: (holder, content) = (.item(item), items[item].content)
      case .site(let ref):
        guard case .content(let inside) = refs[ref].value else { continue }
        (holder, content) = (.ref(ref), inside)
      default: continue
      }
      guard case .leaf(let leaf) = content else { continue }
      if !changed.contains(holder) {
        guard let new = try change(leaf, items[item].origin) else { continue }
        changed.insert(holder)
        switch holder {
        case .item(let item): items[item].content = .leaf(new)
        case .ref(let ref): refs[ref].value = .content(.leaf(new))
        }
      }
      touch(item, by: rule)
      count += 1
    }
    return count
  }
}
