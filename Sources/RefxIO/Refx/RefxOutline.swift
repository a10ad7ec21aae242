import Refx

/// Everything of a tree but its payload, ready to be written: the sections for names, collections and nodes,
/// and the leaves in the order in which they are stored.
struct RefxOutline {
  private(set) var names = RefxNameTable()
  private(set) var collections = SectionWriter()
  private(set) var nodes = SectionWriter()
  private(set) var leaves: [Leaf] = []

  /// How many of the numbers of names are taken. A dictionary takes those of all its members at once, in both
  /// walks over the tree.
  private var namesTaken = 0
  private var numbersOfCollections: [CollectionTag: Int] = [:]
  /// The tag that was met last, and its number: most Refs have the tag of their neighbour.
  private var lastTag: (tag: CollectionTag, number: Int)?
  /// How far down the walk is, for errors.
  private var steps: [Step] = []
  /// The file's index and the collection of each Ref met so far, by the tree's index.
  private var refs = TableByIndex<(index: Int, collection: CollectionTag?)>()

  /// - Throws: ``RefxError`` where the tree is no dereffed tree, or too deep.
  init(_ tree: Tree<Leaf>) throws {
    var tagsInUse: Set<CollectionTag> = []
    collectWords(of: tree, &tagsInUse, depth: 0)
    names.finish()
    lastTag = nil
    let tags = tagsInUse.sorted()
    collections.add(varint: tags.count)
    for (number, tag) in tags.enumerated() {
      numbersOfCollections[tag] = number
      switch tag {
      case .number(let value):
        collections.add(0)
        collections.add(integer: value)
      case .name(let name):
        collections.add(1)
        collections.add(text: name.string)
      }
    }
    try add(tree)
  }

  /// The first walk: names and collections, each once.
  private mutating func collectWords(of tree: Tree<Leaf>, _ tags: inout Set<CollectionTag>, depth: Int) {
    // A tree that is too deep is refused by the second walk, which gets no farther than this one.
    guard depth <= 2 * maximumTreeDepth + 2 else { return }
    switch tree {
    case .dictionary(let branches):
      names.add(branches.keys)
      for member in branches.members { collectWords(of: member, &tags, depth: depth + 1) }
    case .list(let members), .tuple(let members):
      for member in members { collectWords(of: member, &tags, depth: depth + 1) }
    case .value(let value):
      if let collection = value.collection, collection != lastTag?.tag {
        tags.insert(collection)
        lastTag = (collection, 0)
      }
      collectWords(of: value.value, &tags, depth: depth + 1)
    default: break
    }
  }

  private mutating func add(_ tree: Tree<Leaf>) throws {
    guard steps.count <= maximumTreeDepth else { throw RefxError.tooDeep(maximumTreeDepth, path: path) }
    switch tree {
    case .leaf(let leaf):
      nodes.add(RefxLayout.Node.leaf.rawValue)
      leaves.append(leaf)
    case .dictionary(let branches):
      nodes.add(RefxLayout.Node.dictionary.rawValue)
      nodes.add(varint: branches.count)
      let first = namesTaken
      namesTaken += branches.count
      for position in 0..<branches.count {
        nodes.add(varint: Int(names.numbers[first + position]))
        try add(branches.members[position], below: .key(branches.keys[position]))
      }
    case .list(let members):
      nodes.add(RefxLayout.Node.list.rawValue)
      try addMembers(members)
    case .tuple(let members):
      nodes.add(RefxLayout.Node.tuple.rawValue)
      try addMembers(members)
    case .none: nodes.add(RefxLayout.Node.none.rawValue)
    case .nothing: nodes.add(RefxLayout.Node.nothing.rawValue)
    case .hole: nodes.add(RefxLayout.Node.hole.rawValue)
    case .static(let value): addStatic(value)
    case .value(let value): try addValue(value)
    case .index(let index):
      guard let ref = refs[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: path)
      }
      guard ref.collection == index.collection else {
        throw RefxError.collectionsOfOneRefDiffer(index: index.index, path: path)
      }
      nodes.add(RefxLayout.Node.index.rawValue)
      nodes.add(varint: ref.index)
    }
  }

  private mutating func add(_ tree: Tree<Leaf>, below step: Step) throws {
    steps.append(step)
    try add(tree)
    steps.removeLast()
  }

  private enum Step {
    case key(Key)
    case position(Int)
  }

  private var path: Path {
    Path(
      steps.map { step in
        switch step {
        case .key(let key): key
        case .position(let position): Key(position)
        }
      })
  }

  private mutating func addMembers(_ members: [Tree<Leaf>]) throws {
    nodes.add(varint: members.count)
    for (position, member) in members.enumerated() {
      try add(member, below: .position(position))
    }
  }

  /// A Ref is known under its number before its value is written, so that an index inside may refer to it.
  private mutating func addValue(_ value: Value<Tree<Leaf>>) throws {
    let number = refs.count
    guard refs.insert((number, value.collection), at: value.index) else {
      throw RefxError.valueAlreadyExists(index: value.index, path: path)
    }
    nodes.add(RefxLayout.Node.value.rawValue)
    nodes.add(varint: value.collection.map { numberOfCollection($0) + 1 } ?? 0)
    if value.value.isReference {
      try add(value.value, below: .position(0))
    } else {
      try add(value.value)
    }
  }

  private mutating func numberOfCollection(_ tag: CollectionTag) -> Int {
    if let lastTag, lastTag.tag == tag { return lastTag.number }
    let number = numbersOfCollections[tag] ?? 0
    lastTag = (tag, number)
    return number
  }

  private mutating func addStatic(_ value: StaticValue) {
    switch value {
    case .string(let text):
      nodes.add(RefxLayout.Node.string.rawValue)
      nodes.add(text: text)
    case .int(let number):
      nodes.add(RefxLayout.Node.int.rawValue)
      nodes.add(integer: number)
    case .float(let number):
      nodes.add(RefxLayout.Node.float.rawValue)
      nodes.add(integer: number.bitPattern)
    case .bool(let flag):
      nodes.add((flag ? RefxLayout.Node.true : .false).rawValue)
    }
  }
}
