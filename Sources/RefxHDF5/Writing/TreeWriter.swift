import CHDF5
import Refx
import RefxStore

/// Lays a tree down as groups, datasets and hard links.
///
/// Every object is made where it is met first, so that the order of the bytes is that of the tree.
final class TreeWriter {
  private let file: FileWriter
  /// The numbers that the file gives to Refs, in order of first sight, by those of the tree.
  private var numbers: [Int: Int] = [:]
  private var refs: HDF5Handle?

  init(_ file: FileWriter) {
    self.file = file
  }

  func write(_ tree: Tree<Leaf>) throws {
    let root = try file.openRoot()
    try write(tree, as: LayoutNames.tree, in: root.id, at: .root, depth: 0)
  }

  private func write(_ tree: Tree<Leaf>, as name: String, in group: hid_t, at path: Path, depth: Int) throws {
    do {
      switch tree {
      case .value(let value): try write(value, as: name, in: group, at: path, depth: depth)
      case .index(let index):
        guard let number = numbers[index.index] else {
          throw RefxError.indexWithoutValue(index: index.index, path: path)
        }
        try link(number, as: name, in: group, at: path)
      default: _ = try makeObject(tree, as: name, in: group, at: path, depth: depth)
      }
    } catch let error as RefxError {
      throw error.atPath(path)
    }
  }

  /// A Ref: one object under /refs, and a hard link here.
  private func write(
    _ value: Value<Tree<Leaf>>, as name: String, in group: hid_t, at path: Path, depth: Int
  ) throws {
    guard numbers[value.index] == nil else {
      throw RefxError.valueAlreadyExists(index: value.index, path: path)
    }
    let number = numbers.count
    numbers[value.index] = number
    let refs = try openRefs()
    try file.tagNext(index: number, collection: value.collection)
    let inner = value.value
    if inner.isReference {
      let object = try file.makeGroup(String(number), in: refs.id, kind: .reference, at: path)
      try link(number, as: name, in: group, at: path)
      try write(inner, as: "0", in: object.id, at: path.appending("0"), depth: depth + 1)
    } else {
      try makeObject(inner, as: String(number), in: refs.id, at: path, depth: depth) {
        try self.link(number, as: name, in: group, at: path)
      }
    }
  }

  private func link(_ number: Int, as name: String, in group: hid_t, at path: Path) throws {
    let refs = try openRefs()
    try file.context.check(
      "H5Lcreate_hard", at: file.place(path),
      H5Lcreate_hard(refs.id, String(number), group, name, file.linkProperties.id, 0))
  }

  private func openRefs() throws -> HDF5Handle {
    if let refs { return refs }
    let root = try file.openRoot()
    let made = try file.makeGroup(LayoutNames.refs, in: root.id, kind: nil, at: .root)
    refs = made
    return made
  }

  /// Makes the object of a node that is no Ref, and then those below it.
  private func makeObject(
    _ tree: Tree<Leaf>, as name: String, in group: hid_t, at path: Path, depth: Int,
    beforeMembers: () throws -> Void = {}
  ) throws {
    switch tree {
    case .dictionary(let branches):
      let object = try file.makeGroup(name, in: group, kind: .dictionary, at: path)
      try beforeMembers()
      for (key, member) in zip(branches.keys, branches.members) {
        let below = path.appending(key)
        try write(member, as: try file.linkName(key, at: below), in: object.id, at: below, depth: depth + 1)
      }
    case .list(let members), .tuple(let members):
      let kind: NodeKind = if case .list = tree { .list } else { .tuple }
      let object = try file.makeGroup(name, in: group, kind: kind, at: path)
      try beforeMembers()
      for (position, member) in members.enumerated() {
        try write(
          member, as: String(position), in: object.id, at: path.appending(Key(position)), depth: depth + 1)
      }
    case .none: try file.makeEmpty(name, in: group, kind: .none, at: path)
    case .nothing: try file.makeEmpty(name, in: group, kind: .nothing, at: path)
    case .hole: try file.makeEmpty(name, in: group, kind: .hole, at: path)
    case .static(let value): try file.makeStatic(value, as: name, in: group, at: path)
    case .leaf(let leaf): try file.makeLeaf(leaf, as: name, in: group, at: path)
    case .value, .index: throw RefxError.hdf5CannotHold("a Ref that was met twice", file: file.context.file)
    }
    if !tree.hasMembers { try beforeMembers() }
  }
}

extension Tree {
  fileprivate var hasMembers: Bool {
    switch self {
    case .dictionary, .list, .tuple: true
    default: false
    }
  }
}
