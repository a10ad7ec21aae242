import Refx
import RefxStore

/// Whether all ranks mean the same tree.
enum StructureAgreement {
  /// - Parameter tree: dtype and shape of the whole arrays at its leaves.
  /// - Throws: ``RefxError``, on every rank the same, that names a rank and where its tree differs from rank 0's.
  static func check(_ tree: Tree<Leaf>, over ranks: any Communicator) throws {
    let digest = try ranks.agree { try tree.structureDigest().combined }
    let digests = try ranks.gatherToAll(digest)
    guard let other = digests.firstIndex(where: { $0 != digests[0] }) else { return }
    // Only now is it worth sending a tree.
    let described = tree.map { "\($0.dtype.name) \($0.shape)" }
    let first = try ranks.broadcast(TreeDescription.json(of: described) { $0 }.bytes(), from: 0)
    try ranks.agree {
      guard ranks.rank == other else { return }
      let theirs: Tree<String> = try TreeDescription.tree(
        of: try JSON.parse(first, limits: TreeDescription.parsingLimits(for: Limits()))
      ) { name, _ in name }
      throw described.disagreement(with: theirs, at: .root)
        ?? RefxError.ranksDisagree(expected: "the tree of rank 0", found: "another one", path: .root)
    }
    throw RefxError.ranksOutOfStep()
  }
}

extension Tree where Element == String {
  /// The first place where this differs from rank 0's tree.
  fileprivate func disagreement(with first: Tree<String>, at path: Path) -> RefxError? {
    func differs(_ expected: String, _ found: String) -> RefxError {
      RefxError.ranksDisagree(expected: expected, found: found, path: path)
    }
    switch (self, first) {
    case (.leaf(let mine), .leaf(let theirs)): return mine == theirs ? nil : differs(theirs, mine)
    case (.none, .none), (.nothing, .nothing), (.hole, .hole): return nil
    case (.static(let mine), .static(let theirs)):
      return mine == theirs ? nil : differs("the static value \(theirs)", "\(mine)")
    case (.index(let mine), .index(let theirs)):
      return mine.index == theirs.index
        ? nil : differs("what value \(theirs.index) is tied to", "what value \(mine.index) is tied to")
    case (.value(let mine), .value(let theirs)):
      guard mine.index == theirs.index else { return differs("value \(theirs.index)", "value \(mine.index)") }
      guard mine.collection == theirs.collection else {
        return differs(theirs.collection.inWords, mine.collection.inWords)
      }
      let inside = mine.value.isReference ? path.appending("0") : path
      return mine.value.disagreement(with: theirs.value, at: inside)
    case (.dictionary(let mine), .dictionary(let theirs)):
      for (key, member) in zip(theirs.keys, theirs.members) {
        let place = path.appending(key)
        guard let own = mine[key] else {
          return RefxError.ranksDisagree(expected: member.inAWord, found: "nothing", path: place)
        }
        if let found = own.disagreement(with: member, at: place) { return found }
      }
      for (key, member) in zip(mine.keys, mine.members) where theirs[key] == nil {
        return RefxError.ranksDisagree(expected: "nothing", found: member.inAWord, path: path.appending(key))
      }
      return nil
    case (.list(let mine), .list(let theirs)), (.tuple(let mine), .tuple(let theirs)):
      guard mine.count == theirs.count else { return differs("\(theirs.count) members", "\(mine.count)") }
      for place in mine.indices {
        if let found = mine[place].disagreement(with: theirs[place], at: path.appending(Key(place))) {
          return found
        }
      }
      return nil
    default: return differs(first.inAWord, inAWord)
    }
  }

  private var inAWord: String {
    switch self {
    case .leaf(let leaf): leaf
    case .value: "a Ref"
    case .index: "a Ref that is tied to another"
    default: kindName
    }
  }
}

extension CollectionTag? {
  fileprivate var inWords: String {
    self.map { "a Ref of collection \($0)" } ?? "a Ref of no collection"
  }
}
