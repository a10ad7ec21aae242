/// Numbers for contents: the same for nodes that hold the same, whatever is shared inside.
///
/// Where Refs hold themselves two contents may have one number and still differ; what moved is compared in full.
struct NodeContents {
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
