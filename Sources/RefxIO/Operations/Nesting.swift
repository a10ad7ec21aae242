import Refx
import RefxStore

extension Tree where Element == Leaf {
  /// Turns names into structure: a key that holds `separator` becomes dictionaries inside each other.
  ///
  /// - Throws: ``RefxError`` where two members would fall on one name, or the tree would be too deep.
  public func nested(by separator: String) throws -> Tree {
    func apply(_ tree: Tree<Leaf>, _ path: Path) throws -> Tree<Leaf> {
      switch tree {
      case .dictionary(let branches):
        let root = NameNode()
        for (key, member) in zip(branches.keys, branches.members) {
          let inner = try apply(member, path.appending(key))
          try root.insert(inner, key.split(by: separator), at: path.appending(key), below: path)
        }
        return root.tree
      case .value(var value):
        value.value = try apply(value.value, value.value.isReference ? path.appending("0") : path)
        return .value(value)
      default: return try tree.mapMembers(at: path, apply)
      }
    }
    return try apply(self, .root).reindexed()
  }

  /// Turns structure into names: one dictionary whose keys are the paths, joined with `separator`. Empty
  /// containers, none and static values stay as members. A Ref that holds members gives its collection to
  /// the arrays inside.
  ///
  /// - Throws: ``RefxError`` where two members would fall on one name, or a shared value has members and
  ///   several sites.
  public func flattened(by separator: String) throws -> Tree {
    let values = try ValueTable(of: self)
    var members: [(key: Key, tree: Tree<Leaf>, path: Path)] = []
    var next = (values.indexes.max() ?? -1) + 1

    func add(_ tree: Tree<Leaf>, _ path: Path, _ collection: CollectionTag?) {
      let name = Key(path.keys.map(\.string).joined(separator: separator))
      if let collection, case .leaf = tree {
        members.append((name, .value(.init(tree, index: next, collection: collection)), path))
        next += 1
      } else {
        members.append((name, tree, path))
      }
    }
    func visit(_ tree: Tree<Leaf>, _ path: Path, _ collection: CollectionTag?) throws {
      switch tree {
      case .dictionary(let branches) where branches.count > 0:
        try tree.forEachMember(at: path) { try visit($0, $1, collection) }
      case .list(let inner) where !inner.isEmpty, .tuple(let inner) where !inner.isEmpty:
        try tree.forEachMember(at: path) { try visit($0, $1, collection) }
      case .value(let value):
        switch value.value {
        case .dictionary, .list, .tuple, .value, .index:
          if let entry = values[value.index], entry.siteCount > 1 {
            throw RefxError.sharedSubtreeCannotBeFlattened(path: path)
          }
          try visit(
            value.value, value.value.isReference ? path.appending("0") : path, value.collection ?? collection)
        default: add(tree, path, nil)
        }
      default: add(tree, path, collection)
      }
    }
    if case .leaf = self { return self }
    try visit(self, .root, nil)
    members.sort { $0.key < $1.key }
    for (one, other) in zip(members, members.dropFirst()) where one.key == other.key {
      throw RefxError.sameName(Path([one.key]), first: one.path, second: other.path)
    }
    return try Tree.dictionary(members.map { ($0.key, $0.tree) }).reindexed()
  }
}

extension CheckpointContents {
  /// The contents with names turned into structure; see ``Tree/nested(by:)``. Attributes go with their nodes.
  public func nested(by separator: String) throws -> CheckpointContents {
    var nested = self
    nested.tree = try tree.nested(by: separator)
    nested.attributes = attributes.moved { Path($0.keys.flatMap { $0.split(by: separator) }) }
    return nested
  }

  /// The contents with structure turned into names; see ``Tree/flattened(by:)``.
  ///
  /// Attributes go with their nodes; those of containers, for which no name stands, go to the root, each name
  /// behind the container's: `encoder.layers@activation`.
  public func flattened(by separator: String) throws -> CheckpointContents {
    var flat = self
    flat.tree = try tree.flattened(by: separator)
    var names: Set<Path> = []
    try flat.tree.forEachSite { names.insert($0.path) }
    var moved = NodeAttributes()
    for path in attributes.paths {
      let name = path.keys.map(\.string).joined(separator: separator)
      if path.isRoot || names.contains([Key(name)]) {
        moved[path.isRoot ? .root : [Key(name)]] += attributes[path]
      } else {
        moved[.root] += attributes[path].map { Attribute(Key(name + "@" + $0.name.string), $0.value) }
      }
    }
    flat.attributes = moved
    return flat
  }
}

/// A dictionary in the making, with what each member was called before.
private final class NameNode {
  private var children: [Key: NameNode] = [:]
  private var content: (tree: Tree<Leaf>, path: Path)?
  /// One of the paths that came through here, for errors.
  private var example: Path?

  func insert(_ tree: Tree<Leaf>, _ keys: [Key], at path: Path, below parent: Path) throws {
    guard parent.keys.count + keys.count <= maximumTreeDepth else { throw RefxError.tooDeepNames(path: path) }
    var node = self
    for (position, key) in keys.enumerated() {
      let child = node.children[key] ?? NameNode()
      node.children[key] = child
      node = child
      let name = Path(parent.keys + keys[...position])
      if let content = node.content { throw RefxError.sameName(name, first: content.path, second: path) }
      if position == keys.count - 1, let example = node.example {
        throw RefxError.sameName(name, first: example, second: path)
      }
      node.example = path
    }
    node.content = (tree, path)
  }

  var tree: Tree<Leaf> {
    content?.tree ?? .dictionary(children.map { ($0.key, $0.value.tree) })
  }
}

extension Key {
  /// The parts between the separators, by bytes.
  func split(by separator: String) -> [Key] {
    let mark = Array(separator.utf8)
    let bytes = Array(string.utf8)
    guard !mark.isEmpty, bytes.count >= mark.count else { return [self] }
    var parts: [Key] = []
    var start = 0
    var place = 0
    while place + mark.count <= bytes.count {
      if bytes[place] == mark[0], bytes[place...].starts(with: mark) {
        parts.append(Key(String(decoding: bytes[start..<place], as: UTF8.self)))
        place += mark.count
        start = place
      } else {
        place += 1
      }
    }
    parts.append(Key(String(decoding: bytes[start...], as: UTF8.self)))
    return parts
  }
}
