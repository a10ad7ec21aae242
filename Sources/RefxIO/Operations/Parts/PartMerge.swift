import Refx
import RefxStore

/// Puts parts together node by node, and numbers their Refs anew.
struct PartMerge {
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
  var copies: [Int: [Copy]] = [:]
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
