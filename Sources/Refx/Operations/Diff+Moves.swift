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

/// The nodes of several subtrees, each before its members.
private struct Forest {
  enum State {
    case whole
    /// Something inside moved.
    case opened
    case moved
  }

  struct Node {
    /// The row that the subtree is of.
    let row: Int
    let path: Path
    let tree: Tree<Leaf>
    let parent: Int?
    /// Whether its members are nodes too.
    let isOpen: Bool
    /// Whether it is a site of a Ref that holds it: such a one moves with the Ref alone.
    var isWithinItself = false
    /// The number of the first node that is not inside.
    var end = 0
    /// The same number for the same contents; nil where they are like nothing else.
    var content: Int?
    var size = 0
    var hasArrays = false
    var state = State.whole
  }

  var nodes: [Node] = []
  /// The Refs around the node that is being added.
  private var around: Set<Int> = []

  /// - Parameter most: how many nodes are opened.
  mutating func add(_ tree: Tree<Leaf>, at path: Path, row: Int, parent: Int?, most: Int) {
    let number = nodes.count
    let isOpen = number < most
    nodes.append(Node(row: row, path: path, tree: tree, parent: parent, isOpen: isOpen))
    if case .index(let index) = tree { nodes[number].isWithinItself = around.contains(index.index) }
    if isOpen {
      if case .value(let value) = tree { around.insert(value.index) }
      defer { if case .value(let value) = tree { around.remove(value.index) } }
      var inside = tree
      if case .value(let value) = tree { inside = value.value }
      if inside.isReference {
        if case .value = tree { add(inside, at: path.appending("0"), row: row, parent: number, most: most) }
      } else {
        inside.forEachMember(at: path) { add($0, at: $1, row: row, parent: number, most: most) }
      }
    }
    nodes[number].end = nodes.count
  }

  /// The contents of what can move.
  var contents: Set<Int> { Set(nodes.lazy.filter(\.hasArrays).compactMap(\.content)) }

  /// The nodes of these contents, the largest first, then in order.
  func bySize(_ known: Set<Int>) -> [Int] {
    let chosen = nodes.indices.filter { number in
      nodes[number].hasArrays && nodes[number].content.map { known.contains($0) } ?? false
    }
    return chosen.sorted { (nodes[$1].size, $0) < (nodes[$0].size, $1) }
  }

  mutating func move(_ number: Int) {
    for inside in number..<nodes[number].end { nodes[inside].state = .moved }
    var parent = nodes[number].parent
    while let outer = parent, nodes[outer].state != .opened {
      nodes[outer].state = .opened
      parent = nodes[outer].parent
    }
  }

  /// The first node of a row, where `next` is; moves `next` on.
  func root(of row: Int, from next: inout Int) -> Int? {
    guard next < nodes.count, nodes[next].row == row else { return nil }
    defer { next = nodes[next].end }
    return next
  }

  /// The outermost nodes that moved or of which nothing did.
  func forEachOutermost(in root: Int, _ body: (Int) -> Void) {
    var number = root
    while number < nodes[root].end {
      if nodes[number].state == .opened {
        number += 1
      } else {
        body(number)
        number = nodes[number].end
      }
    }
  }
}

/// Numbers for contents: the same for nodes that hold the same, whatever is shared inside.
///
/// Where Refs hold themselves two contents may have one number and still differ; what moved is compared in full.
private struct NodeContents {
  let a: ValueTable<Leaf>
  let b: ValueTable<Leaf>
  private var numbers: [Content: Int] = [:]
  private var marks: [ObjectIdentifier: [UInt8]] = [:]
  private var known: [Reference: Summary] = [:]
  /// How many Refs were open when each that is open now was met.
  private var open: [Reference: Int] = [:]

  init(_ a: ValueTable<Leaf>, _ b: ValueTable<Leaf>) {
    self.a = a
    self.b = b
  }

  private enum Content: Hashable {
    case array(DType, [Int], [UInt8])
    case `static`(StaticValue)
    case members(NodeKind, [Key], [Int])
    /// A Ref that is open, so many Refs up.
    case again(Int)
  }

  private struct Summary {
    var content: Int?
    var size = 1
    var hasArrays = false
  }

  private struct Reference: Hashable {
    let index: Int
    let isOfB: Bool
  }

  private struct LeafType: Hashable {
    let dtype: DType
    let shape: [Int]

    init(_ leaf: Leaf) {
      dtype = leaf.dtype
      shape = leaf.shape
    }
  }

  mutating func mark(_ mine: inout Forest, _ theirs: inout Forest, _ marks: ContentMarks) throws {
    let ofMine = leaves(of: mine, in: a)
    let ofTheirs = leaves(of: theirs, in: b)
    // Payload is looked at only where something on the other side may be like it.
    let types = Set(ofMine.lazy.map { LeafType($0.leaf) }).intersection(
      ofTheirs.lazy.map { LeafType($0.leaf) })
    let chosen = (ofMine + ofTheirs).filter { types.contains(LeafType($0.leaf)) }
    for ((leaf, _), mark) in zip(chosen, try marks(chosen)) where !mark.isEmpty {
      self.marks[ObjectIdentifier(leaf.source)] = mark
    }
    mark(&mine, isOfB: false)
    mark(&theirs, isOfB: true)
  }

  /// The leaves inside, those of values that are first seen elsewhere too.
  private func leaves(of forest: Forest, in values: ValueTable<Leaf>) -> [(leaf: Leaf, path: Path)] {
    var leaves: [(Leaf, Path)] = []
    var met: Set<Int> = []
    for node in forest.nodes {
      // Members that are nodes have a turn of their own.
      var pending: [Tree<Leaf>] = []
      switch node.tree {
      case .leaf, .index: pending = [node.tree]
      case .value(let value): if case .leaf = value.value { pending = [value.value] }
      default: break
      }
      while let tree = pending.popLast() {
        switch tree {
        case .leaf(let leaf): if leaf.source.unsupported == nil { leaves.append((leaf, node.path)) }
        case .value(let value): if met.insert(value.index).inserted { pending.append(value.value) }
        case .index(let index):
          if met.insert(index.index).inserted, let entry = values[index.index] { pending.append(entry.value) }
        case .dictionary(let branches): pending += branches.members
        case .list(let members), .tuple(let members): pending += members
        default: break
        }
      }
    }
    return leaves
  }

  private mutating func mark(_ forest: inout Forest, isOfB: Bool) {
    for number in forest.nodes.indices.reversed() {
      let node = forest.nodes[number]
      var summary = Summary()
      if case .index(let index) = node.tree {
        summary = self.summary(of: Reference(index: index.index, isOfB: isOfB), depth: 0)
      } else if node.isOpen {
        var members: [Summary] = []
        var member = number + 1
        while member < node.end {
          let inside = forest.nodes[member]
          members.append(Summary(content: inside.content, size: inside.size, hasArrays: inside.hasArrays))
          member = inside.end
        }
        if case .value(let value) = node.tree {
          let reference = Reference(index: value.index, isOfB: isOfB)
          summary = known[reference] ?? self.summary(of: value.value, members)
          known[reference] = summary
        } else {
          summary = self.summary(of: node.tree, members)
        }
      }
      forest.nodes[number].content = summary.content
      forest.nodes[number].size = summary.size
      forest.nodes[number].hasArrays = summary.hasArrays && !node.isWithinItself
    }
  }

  private mutating func summary(of tree: Tree<Leaf>, isOfB: Bool, depth: Int) -> Summary {
    if let index = tree.referenceIndex {
      return summary(of: Reference(index: index, isOfB: isOfB), depth: depth)
    }
    let members: [Tree<Leaf>] =
      switch tree {
      case .dictionary(let branches): branches.members
      case .list(let members), .tuple(let members): members
      default: []
      }
    return summary(of: tree, members.map { summary(of: $0, isOfB: isOfB, depth: depth + 1) })
  }

  private mutating func summary(of reference: Reference, depth: Int) -> Summary {
    if let summary = known[reference] { return summary }
    if let place = open[reference] { return Summary(content: number(of: .again(open.count - place))) }
    guard depth <= 2 * maximumTreeDepth, let entry = (reference.isOfB ? b : a)[reference.index] else {
      return Summary()
    }
    open[reference] = open.count
    var inside = summary(of: entry.value, isOfB: reference.isOfB, depth: depth + 1)
    if entry.value.isReference { inside = summary(of: entry.value, [inside]) }
    open[reference] = nil
    known[reference] = inside
    return inside
  }

  /// - Parameter members: of what stands directly inside.
  private mutating func summary(of tree: Tree<Leaf>, _ members: [Summary]) -> Summary {
    var summary = Summary()
    for member in members {
      summary.size = summary.size.addingReportingOverflow(member.size).partialValue
      if summary.size < member.size { summary.size = .max }
      summary.hasArrays = summary.hasArrays || member.hasArrays
    }
    switch tree {
    case .leaf(let leaf):
      summary.hasArrays = true
      summary.content = marks[ObjectIdentifier(leaf.source)].map {
        number(of: .array(leaf.dtype, leaf.shape, $0))
      }
    case .static(let value): summary.content = number(of: .static(value))
    default:
      let inside = members.compactMap(\.content)
      var keys: [Key] = []
      if case .dictionary(let branches) = tree { keys = branches.keys }
      if inside.count == members.count {
        summary.content = number(of: .members(NodeKind(tree), keys, inside))
      }
    }
    return summary
  }

  private mutating func number(of content: Content) -> Int {
    if let number = numbers[content] { return number }
    numbers[content] = numbers.count
    return numbers.count - 1
  }
}
