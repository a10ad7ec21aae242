import Refx
import Testing

/// Random trees, and what refx 0.0.2 made of them.
@Suite struct Oracle {
  @Test func fileIsRead() throws {
    let file = try OracleFile.read.get()
    #expect(file.producedBy.contains("refx 0.0.2"))
    #expect(!file.cases.isEmpty, "\(OracleFile.path) has no cases")
    #expect(!file.refusals.isEmpty, "\(OracleFile.path) has no refusals")
  }

  @Test(arguments: OracleFile.cases) func deref(_ one: OracleCase) throws {
    let (tree, _) = try one.live()
    #expect(try Refx.deref(tree).scalars() == one.deref.dereffed().scalars())
  }

  @Test(arguments: OracleFile.cases) func rerefIdentities(_ one: OracleCase) throws {
    let tree = try reref(one.deref.dereffed())
    var refs: [AnyRef] = []
    let classes = tree.leaves().compactMap(\.ref).map { ref -> Int64 in
      if let known = refs.firstIndex(of: ref) { return Int64(known) }
      refs.append(ref)
      return Int64(refs.count - 1)
    }
    #expect(classes == one.rerefClasses)
    #expect(try Refx.deref(tree).scalars() == one.deref.dereffed().scalars())
  }

  @Test(arguments: OracleFile.cases) func leaves(_ one: OracleCase) throws {
    let (tree, refs) = try one.live()
    let (parts, _) = treePartition(tree)
    let all = try #require(parts.first)
    #expect(all.paths == one.leaves.map(\.path))
    #expect(try all.leaves.map { try refs.standing($0) } == one.leaves.map(\.standing))
  }

  @Test(arguments: OracleFile.cases) func partitionsAndMerge(_ one: OracleCase) throws {
    let (tree, refs) = try one.live()
    let (parts, structure) = refs.partition(tree, one.predicates)
    #expect(parts.count == one.partitions.count)
    for (part, expected) in zip(parts, one.partitions) {
      #expect(try part.leaves.map { try refs.standing($0) } == expected)
      #expect(part.paths == one.leaves.map(\.path))
    }
    let merged = try mergePartitions(parts, structure)
    let isSame =
      try merged.structure == tree.structure
      && treePartition(merged).partitions[0].leaves.map { try refs.standing($0) }
        == one.leaves.map(\.standing)
    #expect(isSame == one.merged)
  }

  @Test(arguments: OracleFile.cases) func update(_ one: OracleCase) throws {
    let (tree, refs) = try one.live()
    try updateRefs(tree, one.updateSource.dereffed())
    var after: [String: Scalar] = [:]
    for (name, live) in refs.byName { after[name] = try Scalar(RefTree.leaf(live).plainLeaf()) }
    #expect(after == one.updateAfter)
  }

  @Test(arguments: OracleFile.cases) func updateByPartition(_ one: OracleCase) throws {
    let (tree, refs) = try one.live()
    try updateRefs(
      treePartition(tree).partitions[0], treePartition(one.updateSource.dereffed()).partitions[0])
    var after: [String: Scalar] = [:]
    for (name, live) in refs.byName { after[name] = try Scalar(RefTree.leaf(live).plainLeaf()) }
    #expect(after == one.updateAfter)
  }
}

/// The Refs of a case by their names.
struct NamedRefs {
  var byName: [String: RefLeaf] = [:]

  func standing(_ node: RefTree) throws -> OracleCase.Standing {
    switch node {
    case .leaf(.leaf(let leaf)): return .leaf(try Scalar(leaf))
    case .leaf(.ref(let live)):
      guard let name = byName.first(where: { $0.value.ref === live.ref })?.key else {
        throw OracleError("a Ref that is none of the case's")
      }
      return .ref(name)
    case .nothing: return .nothing
    default: throw OracleError("\(node.kindName) is no leaf")
    }
  }

  func partition(
    _ tree: RefTree, _ collections: [CollectionTag?]
  ) -> (partitions: [Partition<RefLeaf>], structure: Structure) {
    treePartition(tree, by: collections.map { byCollection($0) })
  }
}

extension OracleCase {
  /// The case's tree with live Refs: of numbers where the value is an integer, else of leaves or subtrees.
  func live() throws -> (RefTree, NamedRefs) {
    var named = NamedRefs()
    var unfilled: [(Ref<RefTree>, Node)] = []
    for (name, ref) in refs {
      switch ref.value {
      case .leaf(.int(let value)): named.byName[name] = .ref(Ref(value, collection: ref.collection))
      case .leaf(let scalar): named.byName[name] = .ref(Ref(scalar.leaf, collection: ref.collection))
      default:
        let subtree = Ref<RefTree>(.none, collection: ref.collection)
        unfilled.append((subtree, ref.value))
        named.byName[name] = .ref(subtree)
      }
    }
    for (ref, node) in unfilled { ref.value = try node.live(named) }
    return (try tree.live(named), named)
  }
}

extension Node {
  func live(_ refs: NamedRefs) throws -> RefTree {
    switch self {
    case .leaf(let scalar): .leaf(scalar.leaf)
    case .ref(let name):
      if let live = refs.byName[name] { .leaf(live) } else { throw OracleError("no Ref is named \(name)") }
    case .dict(let members): .dictionary(try members.map { ($0, try $1.live(refs)) })
    case .list(let members): .list(try members.map { try $0.live(refs) })
    case .tuple(let members): .tuple(try members.map { try $0.live(refs) })
    case .none: .none
    case .nothing: .nothing
    case .fixed(let value): .static(value)
    case .value(let index, let collection, let node):
      .value(Value(try node.live(refs), index: Int(index), collection: collection))
    case .index(let index, let collection): .index(Index(Int(index), collection: collection))
    }
  }

  func dereffed() throws -> Tree<Leaf> {
    switch self {
    case .leaf(let scalar): .leaf(scalar.leaf)
    case .ref: throw OracleError("a live Ref in a dereffed tree")
    case .dict(let members): .dictionary(try members.map { ($0, try $1.dereffed()) })
    case .list(let members): .list(try members.map { try $0.dereffed() })
    case .tuple(let members): .tuple(try members.map { try $0.dereffed() })
    case .none: .none
    case .nothing: .nothing
    case .fixed(let value): .static(value)
    case .value(let index, let collection, let node):
      .value(Value(try node.dereffed(), index: Int(index), collection: collection))
    case .index(let index, let collection): .index(Index(Int(index), collection: collection))
    }
  }
}

extension Tree where Element == Leaf {
  /// The tree with comparable leaves.
  func scalars() throws -> Tree<Scalar> { try map { try Scalar($0) } }
}

extension Tree where Element == RefLeaf {
  /// The single element that stands here, in a Ref or plainly.
  func plainLeaf() throws -> Leaf {
    switch self {
    case .leaf(.leaf(let leaf)): return leaf
    case .leaf(.ref(let live)): return try live.read().plainLeaf()
    default: throw OracleError("\(kindName) is no leaf")
    }
  }
}
