/// Where the walk stands: the path by which it came, and the path at which each tree lists what stands here
/// where that is another (inside a shared value that was first seen elsewhere).
struct DiffPlace {
  var path: Path
  /// The path in the second tree, inside of what moved.
  var newPath: Path?
  var homeInA: Path?
  var homeInB: Path?
  var isInsideReference = false

  var pathInA: Path { homeInA ?? path }
  var pathInB: Path { homeInB ?? newPath ?? path }

  func member(_ key: Key) -> DiffPlace {
    DiffPlace(
      path: path.appending(key), newPath: newPath?.appending(key), homeInA: homeInA?.appending(key),
      homeInB: homeInB?.appending(key),
      isInsideReference: isInsideReference)
  }
}

/// Compares two trees side by side, looking through Refs. An array under a Ref is compared with everything
/// that stands for it; a subtree under a Ref once for each class of values already known to correspond, so
/// that cycles and diamonds stay linear (the algorithm of Hopcroft and Karp for finite automata).
struct DiffWalk {
  let a: ValueTable<Leaf>
  let b: ValueTable<Leaf>
  var diff = TreeDiff()
  var sites = SharingSites()
  var pairs: [DiffPair] = []

  /// Which pair an array of the first tree that may be met again belongs to.
  private var pairOfReference: [Int: Int] = [:]
  private var pairOfInnerPath: [Path: Int] = [:]
  private var metReferences: Set<[Int]> = []
  private var typedRows: [Path: Int] = [:]
  private var collectionRows: Set<CollectionRow> = []
  private var classes = ValueClasses()

  private struct CollectionRow: Hashable {
    let index: Int
    let collection: CollectionTag?
  }

  init(a: ValueTable<Leaf>, b: ValueTable<Leaf>) {
    self.a = a
    self.b = b
  }

  /// Goes on with something that moved.
  mutating func compare(_ move: MoveSearch.Move, _ x: Tree<Leaf>, _ y: Tree<Leaf>) throws {
    guard let from = a.site(at: move.from, in: x), let to = b.site(at: move.to, in: y) else { return }
    let place = DiffPlace(
      path: move.from, newPath: move.to, homeInA: from.home, homeInB: to.home, isInsideReference: true)
    try compare(from.tree, to.tree, at: place)
  }

  mutating func compare(_ x: Tree<Leaf>, _ y: Tree<Leaf>, at place: DiffPlace) throws {
    guard place.path.keys.count <= 2 * maximumTreeDepth else {
      throw RefxError.diffTooDeep(path: place.path)
    }
    let indexInA = x.referenceIndex
    let indexInB = y.referenceIndex
    let insideA = a.open(x)
    let insideB = b.open(y)
    var place = place
    if let indexInA, case .index = x { place.homeInA = a[indexInA]?.firstSite }
    if let indexInB, case .index = y { place.homeInB = b[indexInB]?.firstSite }
    let isReference = indexInA != nil || indexInB != nil
    if isReference { place.isInsideReference = true }

    guard NodeKind(insideA) == NodeKind(insideB) else {
      diff.structure.append(
        StructureChange(.kind, path: place.path, from: a.words(for: x), to: b.words(for: y)))
      return
    }
    if isReference {
      sites.add(place.path, place.newPath ?? place.path, indexInA, indexInB)
      compareCollections(indexInA, indexInB, at: place)
      if insideA.hasMembers, let indexInA {
        let known = classes.unite(.inA(indexInA), indexInB.map { .inB($0) } ?? .placeInB(place.pathInB))
        if known { return }
      }
    }
    try compareContents(insideA, insideB, indexInA, indexInB, at: place)
  }

  private mutating func compareContents(
    _ x: Tree<Leaf>, _ y: Tree<Leaf>, _ indexInA: Int?, _ indexInB: Int?, at place: DiffPlace
  ) throws {
    switch (x, y) {
    case (.leaf(let one), .leaf(let other)): compareLeaves(one, other, indexInA, indexInB, at: place)
    case (.static(let one), .static(let other)):
      if one != other {
        diff.structure.append(
          StructureChange(.static, path: place.path, from: one.description, to: other.description))
      }
    case (.dictionary(let one), .dictionary(let other)): try compareMembers(one, other, at: place)
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)):
      for position in 0..<max(one.count, other.count) {
        let inner = place.member(Key(position))
        if position >= other.count {
          removed(one[position], at: inner)
        } else if position >= one.count {
          added(other[position], at: inner)
        } else {
          try compare(one[position], other[position], at: inner)
        }
      }
    case (.value, _), (.index, _): try compare(x, y, at: place.member("0"))
    default: break
    }
  }

  private mutating func compareMembers(_ x: Branches<Leaf>, _ y: Branches<Leaf>, at place: DiffPlace) throws {
    var i = 0
    var j = 0
    while i < x.count || j < y.count {
      if j == y.count || (i < x.count && x.keys[i] < y.keys[j]) {
        removed(x.members[i], at: place.member(x.keys[i]))
        i += 1
      } else if i == x.count || y.keys[j] < x.keys[i] {
        added(y.members[j], at: place.member(y.keys[j]))
        j += 1
      } else {
        try compare(x.members[i], y.members[j], at: place.member(x.keys[i]))
        i += 1
        j += 1
      }
    }
  }

  private mutating func removed(_ tree: Tree<Leaf>, at place: DiffPlace) {
    diff.structure.append(
      StructureChange(
        .removed, path: place.path, from: a.words(for: tree), to: nil, leaves: tree.arrayCount))
  }

  private mutating func added(_ tree: Tree<Leaf>, at place: DiffPlace) {
    diff.structure.append(
      StructureChange(.added, path: place.path, from: nil, to: b.words(for: tree), leaves: tree.arrayCount))
  }

  private mutating func compareCollections(_ indexInA: Int?, _ indexInB: Int?, at place: DiffPlace) {
    let from = indexInA.flatMap { a[$0]?.collection }
    let to = indexInB.flatMap { b[$0]?.collection }
    guard from != to else { return }
    if let indexInA, !collectionRows.insert(CollectionRow(index: indexInA, collection: to)).inserted {
      return
    }
    // Where it was met, not the first site: of a tie, one site alone may have lost its collection.
    diff.collection.append(CollectionChange(path: place.path, other: place.newPath, from: from, to: to))
  }

  private mutating func compareLeaves(
    _ x: Leaf, _ y: Leaf, _ indexInA: Int?, _ indexInB: Int?, at place: DiffPlace
  ) {
    // The same two Refs may meet at many paths.
    if let indexInA, let indexInB, !metReferences.insert([indexInA, indexInB]).inserted { return }
    let path = indexInA.flatMap { a[$0]?.firstSite } ?? place.pathInA
    guard x.dtype == y.dtype, x.shape == y.shape else {
      if let row = typedRows[path] {
        diff.type[row].more += 1
        return
      }
      typedRows[path] = diff.type.count
      let other = place.pathInB == path ? nil : place.pathInB
      diff.type.append(
        TypeChange(
          path: path, other: other, fromDType: x.dtype, fromShape: x.shape, toDType: y.dtype, toShape: y.shape
        ))
      return
    }
    let known =
      indexInA.map { pairOfReference[$0] } ?? (place.isInsideReference ? pairOfInnerPath[path] : nil)
    if let known {
      pairs[known].others.append((place.pathInB, y))
      return
    }
    if let indexInA {
      pairOfReference[indexInA] = pairs.count
    } else if place.isInsideReference {
      pairOfInnerPath[path] = pairs.count
    }
    pairs.append(DiffPair(path: path, leaf: x, others: [(place.pathInB, y)]))
  }
}

extension Tree {
  fileprivate var hasMembers: Bool {
    switch self {
    case .dictionary, .list, .tuple, .value, .index: true
    default: false
    }
  }
}
