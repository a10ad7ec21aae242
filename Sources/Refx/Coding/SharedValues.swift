/// The shared values of a tree by index, found before anything is decoded: a model asks for its properties in
/// the order of its declaration, so an index may come before its value.
struct SharedValues {
  struct Entry {
    let content: Tree<Leaf>
    let collection: CollectionTag?
    /// How the tree calls it.
    var index = 0
    /// Whether a plain value was made of it: then no object is.
    var isCopied = false
    /// The Ref or the class instance, once it is made.
    var object: AnyObject?
    /// Where it was asked for first.
    var place: Place?
    /// Set while a class instance decodes itself and is not there yet: its type, and how many Refs were open
    /// when it began.
    var opening: (type: Any.Type, openRefs: Int)?
  }

  private(set) var entries: [Entry] = []
  /// At how many sites the shared values stand in all.
  private(set) var siteCount = 0
  private var others: [Int: Int] = [:]
  /// For each entry the one at the end of Refs that hold Refs; -1 where they hold each other and nothing else.
  /// Empty where no Ref holds a Ref.
  private var ends: [Int] = []

  /// Reads `tree`, of which nothing is trusted.
  ///
  /// - Throws: ``RefxError`` where the tree is too deep, an index has two values, or comes before its value.
  init(of tree: Tree<Leaf>) throws {
    try scan(tree, depth: 0)
    findEnds()
  }

  /// The same for a tree whose first indexes stand for objects that are there already.
  init(of tree: Tree<Leaf>, live: [AnyRef]) throws {
    entries = live.map { Entry(content: .none, collection: $0.collection, object: $0) }
    try scan(tree, depth: 0)
    findEnds()
  }

  /// The objects of a live model, which hold `contents` from now on.
  init(holding objects: [LiveModel.Entry], contents: [Tree<Leaf>]) {
    entries = zip(objects, contents).map { object, content in
      Entry(content: content, collection: object.ref?.collection, object: object.object)
    }
    findEnds()
  }

  /// The position of the entry of `index`; nil where there is none. Indexes mostly count from 0.
  func position(of index: Int) -> Int? {
    if others.isEmpty { return entries.indices.contains(index) ? index : nil }
    return others[index]
  }

  /// The entry of the Ref that stands at a node; nil where none does.
  func position(of node: Tree<Leaf>) -> Int? {
    switch node {
    case .value(let value): position(of: value.index)
    case .index(let index): position(of: index.index)
    default: nil
    }
  }

  /// A later sight of an entry.
  func index(at position: Int) -> Tree<Leaf> { .index(Index(entries[position].index)) }

  subscript(position: Int) -> Entry {
    _read { yield entries[position] }
    _modify { yield &entries[position] }
  }

  /// What stands at a node once every Ref is looked through; nil where Refs hold each other and nothing else.
  func plain(_ node: Tree<Leaf>) -> Tree<Leaf>? {
    guard let position = position(of: node) else { return node }
    if ends.isEmpty { return entries[position].content }
    return ends[position] < 0 ? nil : entries[ends[position]].content
  }

  /// Each chain of Refs is followed once, however many lead into it.
  private mutating func findEnds() {
    guard entries.contains(where: { $0.content.isReference }) else { return }
    let unknown = -2
    ends = Array(repeating: unknown, count: entries.count)
    for start in entries.indices where ends[start] == unknown {
      var chain: [Int] = []
      var here = start
      while ends[here] == unknown {
        // A ring comes back to here and finds this.
        ends[here] = -1
        chain.append(here)
        guard let next = position(of: entries[here].content) else {
          ends[here] = here
          break
        }
        here = next
      }
      for position in chain { ends[position] = ends[here] }
    }
  }

  private mutating func scan(_ tree: Tree<Leaf>, depth: Int) throws {
    switch tree {
    case .dictionary(let branches):
      if depth >= maximumTreeDepth, branches.count > 0 { throw RefxError.tooDeep() }
      for position in branches.members.indices {
        try under(branches.keys[position]) { try scan(branches.members[position], depth: depth + 1) }
      }
    case .list(let members), .tuple(let members):
      if depth >= maximumTreeDepth, !members.isEmpty { throw RefxError.tooDeep() }
      for position in members.indices {
        try under(Key(position)) { try scan(members[position], depth: depth + 1) }
      }
    case .value(let value):
      if depth >= maximumTreeDepth { throw RefxError.tooDeep() }
      siteCount += 1
      guard register(value) else { throw RefxError.valueAlreadyExists(index: value.index, path: .root) }
      if value.value.isReference {
        try under("0") { try scan(value.value, depth: depth + 1) }
      } else {
        try scan(value.value, depth: depth + 1)
      }
    case .index(let index):
      siteCount += 1
      if position(of: index.index) == nil {
        throw RefxError.indexWithoutValue(index: index.index, path: .root)
      }
    default: break
    }
  }

  private mutating func register(_ value: Value<Tree<Leaf>>) -> Bool {
    if position(of: value.index) != nil { return false }
    if !others.isEmpty || value.index != entries.count {
      if others.isEmpty { for position in entries.indices { others[position] = position } }
      others[value.index] = entries.count
    }
    entries.append(Entry(content: value.value, collection: value.collection, index: value.index))
    return true
  }
}

/// Runs `body`, which deals with what stands under `key`, and says so in its errors.
@inline(__always)
private func under(_ key: @autoclosure () -> Key, _ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as RefxError {
    throw error.under(key())
  }
}
