import Refx
import RefxStore

/// Reads the file of another program as a tree: groups are dictionaries, datasets are leaves, and an object
/// with several links is a Ref with several sites.
struct ForeignTree {
  private let graph: ObjectGraph
  private let budget: Budget
  private var leaves: LeafMaker
  private var attributes: AttributeCollector
  private var warnings: [String] = []
  /// How many sites each object has.
  private var siteCounts: [Int]
  private var numbers: [Int: Int] = [:]
  /// Where each soft link ends, by the group and the position of the link.
  private var softTargets: [LinkPlace: Ending] = [:]

  private struct LinkPlace: Hashable {
    let group: Int
    let position: Int
  }

  private enum Ending {
    case object(Int)
    case nowhere(UnsupportedLeaf)
  }

  init(_ graph: ObjectGraph, _ budget: Budget) {
    self.graph = graph
    self.budget = budget
    leaves = LeafMaker(graph.input, budget)
    attributes = AttributeCollector(graph.input, budget)
    siteCounts = [Int](repeating: 0, count: graph.objects.count)
  }

  mutating func open() throws -> OpenedCheckpoint {
    countSites()
    let tree = try node(0, at: .root, depth: 0)
    let contents = CheckpointContents(tree: tree, attributes: attributes.found)
    warnings += attributes.warnings
    let threads = graph.input.options.threads
    var opened = OpenedCheckpoint(
      contents: contents, format: HDF5Store.format.name, version: nil, warnings: warnings,
      verifyLeaves: { try contents.tree.verify(threads: threads, of: $0, $1, $2) })
    opened.hasChecksumOf = { ($0.source as? HDF5Leaf)?.hasChecksum ?? false }
    return opened
  }

  private mutating func countSites() {
    siteCounts[0] = 1
    for group in graph.objects.indices {
      for (position, link) in graph.links(of: group).enumerated() {
        switch ending(of: link, LinkPlace(group: group, position: position)) {
        case .object(let object): siteCounts[object] += 1
        case .nowhere: break
        }
      }
    }
  }

  // MARK: Links

  private mutating func ending(of link: ObjectGraph.Link, _ place: LinkPlace) -> Ending {
    switch link.target {
    case .object(let object): return .object(object)
    case .external: return ForeignTree.external
    case .userDefined:
      return .nowhere(
        UnsupportedLeaf(typeName: "link", reason: "it is a link of a kind that is never followed"))
    case .soft(let path):
      if let known = softTargets[place] { return known }
      var stepsLeft = 4096
      let ending = follow(path, from: place.group, depth: 0, &stepsLeft)
      softTargets[place] = ending
      return ending
    }
  }

  private static let external = Ending.nowhere(
    UnsupportedLeaf(typeName: "external", reason: "it is a link to another file, which is never opened"))

  /// Walks a soft link's path within the file, link by link, asking libhdf5 nothing.
  private func follow(_ path: String, from group: Int, depth: Int, _ stepsLeft: inout Int) -> Ending {
    let dangling = Ending.nowhere(
      UnsupportedLeaf(typeName: "link", reason: "it is a soft link to \"\(path)\", which is not in the file"))
    guard depth < 40, !path.utf8.isEmpty else { return dangling }
    var place = path.utf8.first == UInt8(ascii: "/") ? 0 : group
    for component in path.utf8.split(separator: UInt8(ascii: "/")) {
      stepsLeft -= 1
      guard stepsLeft > 0 else { return dangling }
      if component.elementsEqual(".".utf8) { continue }
      guard let link = graph.link(LinkText(Array(component)), of: place) else { return dangling }
      switch link.target {
      case .object(let object): place = object
      case .external: return ForeignTree.external
      case .userDefined: return dangling
      case .soft(let inner):
        let ending = follow(inner, from: place, depth: depth + 1, &stepsLeft)
        guard case .object(let object) = ending else { return ending }
        place = object
      }
    }
    return .object(place)
  }

  // MARK: Nodes

  private mutating func node(_ object: Int, at path: Path, depth: Int) throws -> Tree<Leaf> {
    try budget.charge(nodes: 1, depth: depth)
    let collection = collection(of: object)
    guard siteCounts[object] > 1 || collection != nil else {
      return try content(of: object, at: path, depth: depth)
    }
    try budget.check(collection)
    if let number = numbers[object] { return .index(Index(number, collection: collection)) }
    let number = numbers.count
    numbers[object] = number
    return .value(
      Value(try content(of: object, at: path, depth: depth), index: number, collection: collection))
  }

  private func collection(of object: Int) -> CollectionTag? {
    switch graph.objects[object].attributes[LayoutNames.collection] {
    case .text(let name): .name(name)
    case .number(let number): .number(number)
    default: nil
    }
  }

  private mutating func content(of object: Int, at path: Path, depth: Int) throws -> Tree<Leaf> {
    let found = graph.objects[object]
    let taken: Set = collection(of: object) == nil ? [] : [LayoutNames.collection]
    try attributes.take(found.attributes.foreign(but: taken), of: found.name, at: path)
    switch found.content {
    case .group(let links): return try dictionary(links, of: object, at: path, depth: depth)
    case .dataset(let header):
      if header.shape == nil { return .nothing }
      if header.shape == [], header.element.isText {
        do {
          if let text = String(validating: try leaves.scalarText(header, found.name), as: UTF8.self) {
            return .static(.string(text))
          }
          return .leaf(.unsupported(UnsupportedLeaf(typeName: "string", reason: "its text is not UTF-8")))
        } catch let error as RefxError {
          if budget.isExceeded { throw error }
          return .leaf(.unsupported(UnsupportedLeaf(unreadableText: error)))
        }
      }
      return .leaf(try leaves.leaf(header, found.name))
    case .namedType, .unknown:
      return .leaf(
        .unsupported(UnsupportedLeaf(typeName: "object", reason: "it is neither a group nor a dataset")))
    }
  }

  private mutating func dictionary(
    _ links: [ObjectGraph.Link], of group: Int, at path: Path, depth: Int
  ) throws -> Tree<Leaf> {
    var members: [(Key, Tree<Leaf>)] = []
    members.reserveCapacity(links.count)
    for (position, link) in links.enumerated() {
      let key = Key(link.name.visible)
      try budget.check(nameBytes: key.string.utf8.count)
      guard link.name.text != nil else {
        try budget.charge(nodes: 1, depth: depth + 1)
        members.append((key, unreadable("name", "its name is not UTF-8, so nothing can stand for it")))
        continue
      }
      switch ending(of: link, LinkPlace(group: group, position: position)) {
      case .nowhere(let reason):
        try budget.charge(nodes: 1, depth: depth + 1)
        members.append((key, .leaf(.unsupported(reason))))
      case .object(let object):
        if case .namedType = graph.objects[object].content {
          warnings.append(
            "\(graph.objects[object].name) is a committed type, which is no data, and is left out")
          continue
        }
        members.append((key, try node(object, at: path.appending(key), depth: depth + 1)))
      }
    }
    guard let branches = Branches(checking: members) else {
      throw graph.input.damaged("two names that cannot be told apart", at: graph.objects[group].name)
    }
    return .dictionary(branches)
  }

  private func unreadable(_ typeName: String, _ reason: String) -> Tree<Leaf> {
    .leaf(.unsupported(UnsupportedLeaf(typeName: typeName, reason: reason)))
  }
}

extension ElementType {
  fileprivate var isText: Bool {
    switch self {
    case .fixedText, .heapText: true
    default: false
    }
  }
}
