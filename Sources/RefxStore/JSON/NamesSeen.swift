import Refx

/// The names in the objects of a JSON text that are open, so that none comes twice in one: few are compared one
/// by one, many are found by their hash. All objects share one row of names, so a small one allocates nothing.
struct NamesSeen {
  private var names: [Key] = []
  /// Where the innermost object's names begin.
  private var start = 0
  /// The innermost object's names by hash, once they are many: positions in `names`, or -1.
  private var table: [Int32] = []
  private var hashes: [Int] = []

  /// What was open before an object, to be given back when it closes.
  struct Enclosing {
    fileprivate let start: Int
    fileprivate let table: [Int32]
    fileprivate let hashes: [Int]
  }

  private static let few = 12

  mutating func openObject() -> Enclosing {
    let enclosing = Enclosing(start: start, table: table, hashes: hashes)
    start = names.count
    table = []
    hashes = []
    return enclosing
  }

  mutating func closeObject(_ enclosing: Enclosing) {
    names.removeSubrange(start...)
    start = enclosing.start
    table = enclosing.table
    hashes = enclosing.hashes
  }

  /// Adds a name of the innermost object; false where it is there already.
  mutating func insert(_ name: Key) -> Bool {
    if names.count - start < NamesSeen.few {
      for known in names[start...] where known == name { return false }
      names.append(name)
      return true
    }
    if 2 * hashes.count >= table.count { grow() }
    let hash = name.hashValue
    let place = slot(of: hash, name)
    guard table[place] < 0 else { return false }
    table[place] = Int32(truncatingIfNeeded: names.count - start)
    names.append(name)
    hashes.append(hash)
    return true
  }

  private func slot(of hash: Int, _ name: Key?) -> Int {
    let mask = table.count - 1
    var place = hash & mask
    while table[place] >= 0 {
      let known = Int(table[place])
      if let name, hashes[known] == hash, names[start + known] == name { return place }
      place = (place + 1) & mask
    }
    return place
  }

  private mutating func grow() {
    if hashes.isEmpty { hashes = names[start...].map(\.hashValue) }
    table = Array(repeating: -1, count: max(64, 4 * table.count))
    for (position, hash) in hashes.enumerated() {
      table[slot(of: hash, nil)] = Int32(truncatingIfNeeded: position)
    }
  }
}
