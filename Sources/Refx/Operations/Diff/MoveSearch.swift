/// What tells equal payload: for two leaves of one dtype and shape the same bytes exactly where their payload is the
/// same. Empty for a leaf of which nothing can be told.
public typealias ContentMarks = (_ leaves: [(leaf: Leaf, path: Path)]) throws -> [[UInt8]]

/// Finds what moved: what one tree alone has, with the contents of something that the other alone has.
///
/// The largest first, so that a whole subtree is one move; then what is inside of subtrees that are not the same,
/// down to single arrays. Of several with the same contents those belong together whose paths end in the same four
/// keys, then three, two, one; then by order. Near-linear in the nodes.
struct MoveSearch {
  struct Move {
    let from: Path
    let to: Path
  }

  private let rows: [StructureChange]
  private var contents: NodeContents
  private var mine = Forest()
  private var theirs = Forest()
  /// The node of the second forest, by that of the first.
  private var matches: [Int: Int] = [:]

  /// - Parameter rows: what the first tree alone has, what the second alone has, and what was replaced.
  init(
    _ rows: [StructureChange], _ x: Tree<Leaf>, _ y: Tree<Leaf>, _ a: ValueTable<Leaf>, _ b: ValueTable<Leaf>
  ) throws {
    self.rows = rows
    contents = NodeContents(a, b)
    // One shared subtree may be gone from many sites; it is not opened at each of them.
    var most = 1000
    for tree in [x, y] { try tree.forEachSite { _ in most += 2 } }
    for (number, row) in rows.enumerated() {
      let isReplaced = row.change == .kind
      if isReplaced || row.change == .removed, let site = a.site(at: row.path, in: x) {
        mine.add(site.tree, at: row.path, row: number, parent: nil, most: most)
      }
      if isReplaced || row.change == .added, let site = b.site(at: row.path, in: y) {
        theirs.add(site.tree, at: row.path, row: number, parent: nil, most: most)
      }
    }
  }

  /// What moved, in the order of the first tree, and the rows that say so.
  mutating func found(_ marks: ContentMarks) throws -> (moves: [Move], rows: [StructureChange]) {
    if mine.nodes.isEmpty || theirs.nodes.isEmpty { return ([], rows) }
    try contents.mark(&mine, &theirs, marks)
    match()
    let moves = matches.sorted { $0.key < $1.key }.map { pair in
      Move(from: mine.nodes[pair.key].path, to: theirs.nodes[pair.value].path)
    }
    return (moves, moves.isEmpty ? rows : rowsOfMoves())
  }

  // MARK: Matching

  private mutating func match() {
    let known = mine.contents.intersection(theirs.contents)
    let ofMine = mine.bySize(known)
    let ofTheirs = theirs.bySize(known)
    var (i, j) = (0, 0)
    while i < ofMine.count {
      // The same contents have the same size.
      let size = mine.nodes[ofMine[i]].size
      let (start, next) = (i, j)
      while i < ofMine.count, mine.nodes[ofMine[i]].size == size { i += 1 }
      while j < ofTheirs.count, theirs.nodes[ofTheirs[j]].size == size { j += 1 }
      match(ofMine[start..<i], ofTheirs[next..<j])
    }
  }

  private mutating func match(_ ofMine: ArraySlice<Int>, _ ofTheirs: ArraySlice<Int>) {
    struct End: Hashable {
      let content: Int?
      let keys: ArraySlice<Key>

      init(_ node: Forest.Node, _ count: Int) {
        content = node.content
        keys = node.path.keys.suffix(count)
      }
    }
    for count in [4, 3, 2, 1, 0] {
      var waiting: [End: [Int]] = [:]
      for number in ofTheirs.reversed() where theirs.nodes[number].state == .whole {
        waiting[End(theirs.nodes[number], count), default: []].append(number)
      }
      if waiting.isEmpty { return }
      for number in ofMine where mine.nodes[number].state == .whole {
        let end = End(mine.nodes[number], count)
        while let other = waiting[end]?.popLast() {
          guard theirs.nodes[other].state == .whole else { continue }
          matches[number] = other
          mine.move(number)
          theirs.move(other)
          break
        }
      }
    }
  }

  // MARK: Rows

  private func rowsOfMoves() -> [StructureChange] {
    var made: [StructureChange] = []
    var (nextOfMine, nextOfTheirs) = (0, 0)
    for (number, row) in rows.enumerated() {
      let from = mine.root(of: number, from: &nextOfMine)
      let to = theirs.root(of: number, from: &nextOfTheirs)
      if row.change == .removed, let from {
        addRows(of: row, from, in: mine, to: &made)
      } else if row.change == .added, let to {
        addRows(of: row, to, in: theirs, to: &made)
      } else {
        made.append(row)
        guard let from else { continue }
        mine.forEachOutermost(in: from) { if let moved = renamed($0) { made.append(moved) } }
      }
    }
    return made
  }

  /// What came or went without what moved: the node itself, and then what is left inside, each at its own path.
  private func addRows(
    of row: StructureChange, _ root: Int, in forest: Forest, to made: inout [StructureChange]
  ) {
    let isRemoved = row.change == .removed
    switch forest.nodes[root].state {
    case .whole: return made.append(row)
    case .moved: break
    case .opened:
      var count = 0
      forest.forEachOutermost(in: root) { number in
        if forest.nodes[number].state == .moved { count += forest.nodes[number].tree.arrayCount }
      }
      made.append(StructureChange(row.change, path: row.path, from: row.from, to: row.to, moved: count))
    }
    forest.forEachOutermost(in: root) { number in
      let node = forest.nodes[number]
      if node.state == .moved {
        if isRemoved, let moved = renamed(number) { made.append(moved) }
        return
      }
      let words = (isRemoved ? contents.a : contents.b).words(for: node.tree)
      made.append(
        StructureChange(
          row.change, path: node.path, from: isRemoved ? words : nil, to: isRemoved ? nil : words,
          leaves: node.tree.arrayCount))
    }
  }

  private func renamed(_ number: Int) -> StructureChange? {
    guard let other = matches[number] else { return nil }
    let (node, new) = (mine.nodes[number], theirs.nodes[other])
    return StructureChange(
      .renamed, path: node.path, from: contents.a.words(for: node.tree), to: contents.b.words(for: new.tree),
      leaves: node.tree.arrayCount, newPath: new.path)
  }
}
