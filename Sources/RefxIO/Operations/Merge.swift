import Refx
import RefxStore

/// The inverse of a partition.
public struct MergedCheckpoint: Sendable {
  /// The origin's tree and metadata.
  public let contents: CheckpointContents
  /// What a user should know though nothing failed.
  public let warnings: [String]
}

extension CheckpointContents {
  /// Puts the parts of one partition together again: the tree of the origin, its ties and its metadata.
  ///
  /// Payload is read only where a cut tie has to be checked and no stored hash decides.
  ///
  /// - Parameter parts: the parts in any order, each with the name of its file.
  /// - Throws: ``RefxError`` where two parts fill one site, no part fills a hole, the copies of a cut tie
  ///   differ, or the parts are of different trees.
  public static func merged(_ parts: [(file: String, contents: CheckpointContents)]) throws
    -> MergedCheckpoint
  {
    try merged(parts) { $0 }
  }

  /// The same of parts that are opened one after the other; what they have in common is held once.
  public static func merged(
    files: [String], opening open: (String) throws -> CheckpointContents
  ) throws -> MergedCheckpoint {
    try merged(files) { ($0, try open($0)) }
  }

  private static func merged<Input>(
    _ inputs: [Input], _ open: (Input) throws -> (file: String, contents: CheckpointContents)
  ) throws -> MergedCheckpoint {
    var merge = try PartMerge(inputs, open)
    let tree = try merge.tree()
    var warnings: [String] = []
    let first = merge.parts[0]
    let metadata = first.contents.metadata
    for part in merge.parts.dropFirst() {
      if part.contents.metadata != metadata {
        warnings.append(
          "\(visible(part.file)): its metadata is not that of \(visible(first.file)), which was taken")
      }
    }
    let digest = try tree.structureDigest()
    if hexadecimal(digest.topology) != first.record.topology {
      warnings.append("the sharing or the collections are not the origin's any more: a part was changed")
    } else if hexadecimal(digest.structure) != first.record.structure {
      warnings.append("dtypes, shapes or static values are not the origin's any more: a part was changed")
    }
    // Each part has all of the origin's.
    var attributes = first.contents.attributes
    for part in merge.parts.dropFirst() {
      let others = part.contents.attributes
      for path in others.paths where attributes[path].isEmpty { attributes[path] = others[path] }
    }
    return MergedCheckpoint(
      contents: CheckpointContents(tree: tree, metadata: metadata, attributes: attributes),
      warnings: warnings)
  }
}

private struct PartMerge {
  struct Part {
    let file: String
    /// With the metadata of the origin.
    let contents: CheckpointContents
    let record: PartRecord
    let values: ValueTable<Leaf>

    /// The origin's index of the Ref at a site of this part.
    func origin(of tree: Tree<Leaf>) -> Int? {
      tree.referenceIndex.map { record.indexes[$0] }
    }
  }

  struct Copy {
    let part: Int
    let index: Int
  }

  let parts: [Part]
  /// Where each of the origin's Refs is found: once, or in several parts where it was cut.
  private var copies: [Int: [Copy]] = [:]
  private var order: [Int] = []
  private var numbers: [Int: Int] = [:]
  private var unfilled: [Path] = []
  private let originHoles: Set<Path>

  init<Input>(
    _ inputs: [Input], _ open: (Input) throws -> (file: String, contents: CheckpointContents)
  ) throws {
    precondition(!inputs.isEmpty, "a merge needs a part")
    var parts: [Part] = []
    var skeleton = Tree<Leaf>.hole
    for input in inputs {
      var (file, contents) = try open(input)
      var record = try PartRecord(contents.metadata, file: file)
      contents.metadata[PartRecord.key] = record.outer
      if let first = parts.first {
        let difference =
          record.structure != first.record.structure
          ? "the origin's structure digest differs"
          : record.topology != first.record.topology ? "the origin's topology digest differs" : nil
        if let difference {
          throw RefxError.partsOfDifferentTrees(file: file, other: first.file, difference: difference)
        }
      }
      // Of a thousand parts each has the structure of all.
      if let first = parts.first {
        contents.tree = contents.tree.sharing(skeleton).tree
        record.share(with: first.record)
      } else {
        skeleton = contents.tree.skeleton
      }
      let values = try ValueTable(of: contents.tree)
      guard values.indexes.count == record.indexes.count,
        values.indexes.allSatisfy(record.indexes.indices.contains)
      else {
        throw RefxError.damagedPart(
          file: file, reason: "it has \(values.indexes.count) refs and had \(record.indexes.count)")
      }
      parts.append(Part(file: file, contents: contents, record: record, values: values))
    }
    self.parts = parts
    originHoles = Set(parts[0].record.holes)
    for (position, part) in parts.enumerated() {
      for index in part.values.indexes {
        let origin = part.record.indexes[index]
        if copies[origin] == nil { order.append(origin) }
        copies[origin, default: []].append(Copy(part: position, index: index))
      }
    }
  }

  mutating func tree() throws -> Tree<Leaf> {
    let merged = try merge(parts.map(\.contents.tree), at: .root)
    guard unfilled.isEmpty else {
      let present = Set(parts.map(\.record.position))
      let names = parts[0].record.names
      throw RefxError.unfilledHoles(
        unfilled, missing: names.indices.filter { !present.contains($0) }.map { names[$0] })
    }
    for origin in order { try checkCopies(of: origin) }
    return merged
  }

  /// Merges what the parts have at `path`, one node of each part.
  private mutating func merge(_ nodes: [Tree<Leaf>], at path: Path) throws -> Tree<Leaf> {
    guard let filler = nodes.firstIndex(where: { !$0.isHole }) else {
      if !originHoles.contains(path) { unfilled.append(path) }
      return .hole
    }
    let node = nodes[filler]
    if node.isPartSite {
      if let second = nodes.indices.first(where: { $0 > filler && !nodes[$0].isHole }) {
        guard nodes[second].isPartSite else {
          throw disagreement(at: path, second, nodes[second], filler, node)
        }
        throw RefxError.filledTwice(path: path, file: parts[second].file, other: parts[filler].file)
      }
      return try place(node, from: filler, at: path)
    }
    for (position, other) in nodes.enumerated() where !node.hasSameMembers(as: other) {
      throw disagreement(at: path, position, other, filler, node)
    }
    switch node {
    case .dictionary(let branches):
      let all = nodes.map {
        if case .dictionary(let branches) = $0 { branches.members } else { [Tree<Leaf>]() }
      }
      var members: [(Key, Tree<Leaf>)] = []
      for (position, key) in branches.keys.enumerated() {
        members.append((key, try merge(all.map { $0[position] }, at: path.appending(key))))
      }
      return .dictionary(members)
    case .list(let members): return .list(try mergeMembers(members.count, of: nodes, at: path))
    case .tuple(let members): return .tuple(try mergeMembers(members.count, of: nodes, at: path))
    default: return node
    }
  }

  private mutating func mergeMembers(_ count: Int, of nodes: [Tree<Leaf>], at path: Path) throws -> [Tree<
    Leaf
  >] {
    let all = nodes.map { node in
      switch node {
      case .list(let members), .tuple(let members): members
      default: [Tree<Leaf>]()
      }
    }
    return try (0..<count).map { position in
      try merge(all.map { $0[position] }, at: path.appending(Key(position)))
    }
  }

  /// A site of part `part`, with the origin's ties.
  private mutating func place(_ tree: Tree<Leaf>, from part: Int, at path: Path) throws -> Tree<Leaf> {
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    switch tree {
    case .value, .index:
      guard let origin = parts[part].origin(of: tree), let copy = copies[origin]?.first,
        let entry = parts[copy.part].values[copy.index]
      else { return tree }
      if let number = numbers[origin] { return .index(Index(number, collection: entry.collection)) }
      let number = numbers.count
      numbers[origin] = number
      let inner = entry.value.isReference ? path.appending("0") : path
      return .value(
        Value(try place(entry.value, from: copy.part, at: inner), index: number, collection: entry.collection)
      )
    default: return try tree.mapMembers(at: path) { try place($0, from: part, at: $1) }
    }
  }

  private func disagreement(
    at path: Path, _ position: Int, _ node: Tree<Leaf>, _ otherPosition: Int, _ other: Tree<Leaf>
  ) -> RefxError {
    .partsDisagree(
      path: path, file: parts[position].file, other: parts[otherPosition].file, found: node.inWords,
      otherFound: other.inWords)
  }
}

// MARK: Cut ties

extension PartMerge {
  /// All copies of a cut value must be equal. Refs inside are compared by the origin's index; each has its
  /// own turn.
  private func checkCopies(of origin: Int) throws {
    guard let all = copies[origin], all.count > 1, let first = entry(all[0]) else { return }
    for copy in all.dropFirst() {
      guard let other = entry(copy) else { continue }
      let difference =
        other.collection == first.collection
        ? try difference(
          other.value, copy.part, first.value, all[0].part, at: other.firstSite, first.firstSite)
        : "is of another collection than"
      guard let difference else { continue }
      throw RefxError.cutTieCameApart(
        path: other.firstSite, file: parts[copy.part].file, otherPath: first.firstSite,
        other: parts[all[0].part].file, difference: difference)
    }
  }

  private func entry(_ copy: Copy) -> ValueTable<Leaf>.Entry? { parts[copy.part].values[copy.index] }

  /// In which way `x` differs from `y`, as the predicate of a sentence; nil where it does not.
  private func difference(
    _ x: Tree<Leaf>, _ part: Int, _ y: Tree<Leaf>, _ otherPart: Int, at path: Path, _ otherPath: Path
  ) throws -> String? {
    switch (x, y) {
    case (.leaf(let one), .leaf(let other)):
      guard one.dtype == other.dtype, one.shape == other.shape else {
        return "has another dtype or shape than"
      }
      return try one.hasSameBytes(as: other, path: path, otherPath: otherPath) ? nil : "has other values than"
    case (.value, .value), (.value, .index), (.index, .value), (.index, .index):
      return parts[part].origin(of: x) == parts[otherPart].origin(of: y) ? nil : "is tied in another way than"
    default:
      guard x.hasSameMembers(as: y) else { return "has another structure than" }
      let keys = x.memberKeys
      for (key, (one, other)) in zip(keys, zip(x.memberNodes, y.memberNodes)) {
        if let found = try difference(
          one, part, other, otherPart, at: path.appending(key), otherPath.appending(key))
        {
          return found
        }
      }
      return nil
    }
  }
}

extension PartRecord {
  /// Takes from another part's record what both say.
  fileprivate mutating func share(with other: PartRecord) {
    if names == other.names { names = other.names }
    if holes == other.holes { holes = other.holes }
  }
}

extension Tree where Element == Leaf {
  /// The structure, with a hole for each site.
  fileprivate var skeleton: Tree {
    switch self {
    case .leaf, .value, .index: .hole
    case .dictionary(let branches):
      .dictionary(Branches(ascending: branches.keys, members: branches.members.map(\.skeleton)))
    case .list(let members): .list(members.map(\.skeleton))
    case .tuple(let members): .tuple(members.map(\.skeleton))
    default: self
    }
  }

  /// The same tree, which has the nodes of `skeleton` in the place of equal ones of its own: they are in memory once.
  fileprivate func sharing(_ skeleton: Tree) -> (tree: Tree, isEqual: Bool) {
    func share(_ members: [Tree], _ others: [Tree]) -> [Tree]? {
      var isEqual = true
      let shared = zip(members, others).map { member, other in
        let (tree, same) = member.sharing(other)
        isEqual = isEqual && same
        return tree
      }
      return isEqual ? nil : shared
    }
    guard hasSameMembers(as: skeleton) else { return (self, false) }
    switch (self, skeleton) {
    case (.dictionary(let one), .dictionary(let other)):
      guard let members = share(one.members, other.members) else { return (skeleton, true) }
      return (.dictionary(Branches(ascending: other.keys, members: members)), false)
    case (.list(let one), .list(let other)):
      return share(one, other).map { (.list($0), false) } ?? (skeleton, true)
    case (.tuple(let one), .tuple(let other)):
      return share(one, other).map { (.tuple($0), false) } ?? (skeleton, true)
    default: return (skeleton, true)
    }
  }

  fileprivate var isHole: Bool { if case .hole = self { true } else { false } }

  /// Whether a partition moves this as a whole: a plain leaf or a Ref.
  fileprivate var isPartSite: Bool {
    switch self {
    case .leaf, .value, .index: true
    default: false
    }
  }

  /// Whether both are nodes of one kind with the same keys, or equal in what has no members.
  fileprivate func hasSameMembers(as other: Tree) -> Bool {
    switch (self, other) {
    case (.dictionary(let one), .dictionary(let other)): one.keys == other.keys
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)): one.count == other.count
    case (.none, .none), (.nothing, .nothing), (.hole, .hole): true
    case (.static(let one), .static(let other)): one == other
    default: false
    }
  }

  fileprivate var memberNodes: [Tree] {
    switch self {
    case .dictionary(let branches): branches.members
    case .list(let members), .tuple(let members): members
    default: []
    }
  }

  fileprivate var memberKeys: [Key] {
    if case .dictionary(let branches) = self { branches.keys } else { memberNodes.indices.map { Key($0) } }
  }
}

extension Tree where Element == Leaf {
  /// What stands here, in words.
  public var inWords: String {
    switch self {
    case .leaf(let leaf): "an array of \(leaf.dtype.name) \(leaf.shape)"
    case .dictionary(let branches): "a dictionary of \(branches.count)"
    case .list(let members): "a list of \(members.count)"
    case .tuple(let members): "a tuple of \(members.count)"
    case .none: "none"
    case .nothing: "nothing"
    case .hole: "a hole"
    case .static(let value): "the static value \(value)"
    case .value, .index: "a ref"
    }
  }
}
