import Refx
import RefxStore

extension OwnTree {
  /// What an object is at one of its sites: a plain node, or the first or a later sight of a Ref.
  mutating func node(_ object: Int, at path: Path, depth: Int) throws -> Tree<Leaf> {
    try budget.charge(nodes: 1, depth: depth)
    guard refs.contains(object) else {
      guard placed.insert(object).inserted else {
        throw layout(
          graph.objects[object].name, expected: "one site, or an index under /refs", found: "a second site")
      }
      try checkIsNoCopy(object)
      return try content(of: object, at: path, depth: depth)
    }
    let collection = try collection(of: object)
    try budget.check(collection)
    if let number = numbers[object] { return .index(Index(number, collection: collection)) }
    let number = numbers.count
    numbers[object] = number
    return .value(
      Value(try content(of: object, at: path, depth: depth), index: number, collection: collection))
  }

  /// A copy of a Ref keeps its attributes but not its ties: to read it as a plain value would lose them in
  /// silence.
  private func checkIsNoCopy(_ object: Int) throws {
    let found = graph.objects[object]
    for attribute in [LayoutNames.index, LayoutNames.collection] where found.attributes[attribute] != nil {
      throw layout(
        found.name, expected: "a hard link to an object under /refs, as \(attribute) says",
        found: "an object of its own")
    }
  }

  private mutating func content(of object: Int, at path: Path, depth: Int) throws -> Tree<Leaf> {
    let found = graph.objects[object]
    try attributes.take(
      found.attributes.users, of: found.name, at: path, textSum: found.attributes[LayoutNames.textChecksum])
    let kind: NodeKind?
    switch found.attributes[LayoutNames.node] {
    case nil: kind = nil
    case .text(let text):
      guard let known = NodeKind(rawValue: text) else {
        throw unknown("kind of node", text, found.name)
      }
      kind = known
    default:
      throw layout(found.name, expected: "a kind of node in \(LayoutNames.node)", found: "something else")
    }
    switch (found.content, kind) {
    case (.group(let links), .dictionary?): return try dictionary(links, found.name, path, depth)
    case (.group(let links), .list?): return .list(try members(links, found.name, path, depth))
    case (.group(let links), .tuple?): return .tuple(try members(links, found.name, path, depth))
    case (.group(let links), .reference?):
      let members = try members(links, found.name, path, depth)
      guard members.count == 1, let inner = members.first, inner.isReference else {
        throw layout(found.name, expected: "one Ref under \"0\"", found: "\(members.count) members")
      }
      return inner
    case (.dataset(let header), nil) where header.shape != nil: return .leaf(try leaf(header, found))
    case (.dataset(let header), .static?): return .static(try staticValue(header, found.name))
    case (.dataset(let header), .some(let kind)) where header.shape == nil:
      switch kind {
      case .none: return .none
      case .nothing: return .nothing
      case .hole: return .hole
      default: break
      }
      fallthrough
    default:
      throw layout(
        found.name,
        expected: kind.map { "what \(LayoutNames.node) \"\($0.rawValue)\" says" }
          ?? "a leaf or a kind of node",
        found: "something else")
    }
  }

  private mutating func dictionary(
    _ links: [ObjectGraph.Link], _ name: String, _ path: Path, _ depth: Int
  ) throws -> Tree<Leaf> {
    var named: [(key: Key, object: Int)] = []
    named.reserveCapacity(links.count)
    for link in links {
      guard let text = link.name.text, let key = LinkName.decode(text) else {
        throw layout(name, expected: "names of keys", found: "\"\(link.name.visible)\"")
      }
      try budget.check(nameBytes: key.string.utf8.count)
      named.append((key, try target(link, name)))
    }
    // Escapes move keys: their order is not that of the names.
    named.sort { $0.key < $1.key }
    var members: [(Key, Tree<Leaf>)] = []
    members.reserveCapacity(named.count)
    for (key, object) in named {
      members.append((key, try node(object, at: path.appending(key), depth: depth + 1)))
    }
    guard let branches = Branches(checking: members) else {
      throw layout(name, expected: "each key once", found: "one twice")
    }
    return .dictionary(branches)
  }

  /// The members of a list, ordered as numbers.
  private mutating func members(
    _ links: [ObjectGraph.Link], _ name: String, _ path: Path, _ depth: Int
  ) throws -> [Tree<Leaf>] {
    var objects = [Int?](repeating: nil, count: links.count)
    var isGapped = false
    for link in links {
      guard let text = link.name.text, let position = Int(text), position >= 0, String(position) == text
      else {
        throw layout(name, expected: "members 0 to \(links.count - 1)", found: "\"\(link.name.visible)\"")
      }
      // A member beyond the number of links leaves a gap before it, which is named below.
      if objects.indices.contains(position) {
        objects[position] = try target(link, name)
      } else {
        isGapped = true
      }
    }
    if isGapped, let gap = objects.firstIndex(of: nil) {
      throw layout(name, expected: "a member \(gap)", found: "none, and members behind it")
    }
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(links.count)
    for (position, object) in objects.enumerated() {
      guard let object else { throw layout(name, expected: "a member \(position)", found: "none") }
      members.append(try node(object, at: path.appending(Key(position)), depth: depth + 1))
    }
    return members
  }

  private func target(_ link: ObjectGraph.Link, _ name: String) throws -> Int {
    guard case .object(let object) = link.target else {
      throw layout(
        "\(name)/\(link.name.visible)", expected: "a hard link",
        found: "a soft or external one, which is not followed")
    }
    return object
  }

  // MARK: Values
}
