import Refx
import RefxStore

extension StoreContract {
  /// What a format has a place for, and its words for what it has none for. The default holds everything.
  public struct Room: Sendable {
    /// The words for a dtype that the format lacks.
    public var lacks: [DType: String] = [:]
    /// The words for a tree that is not one array, where that is all that the format holds.
    public var oneArray: String?

    public init() {}

    public init(lacks names: Set<DType>, words: (DType) -> String, oneArray: String? = nil) {
      lacks = Dictionary(uniqueKeysWithValues: names.map { ($0, words($0)) })
      self.oneArray = oneArray
    }
  }
}

extension StoreContract.Room {
  /// The words with which the format must refuse `tree`; nil where it must hold it.
  func refusal(of tree: Tree<Leaf>) -> String? {
    if let oneArray {
      guard case .leaf(let leaf) = tree else { return oneArray }
      return lacks[leaf.dtype]
    }
    return tree.leaves().lazy.compactMap { lacks[$0.dtype] }.first
  }

  /// What of `tree` the format must refuse: all of it, and where it holds arrays alone, each that it lacks the dtype of.
  func refused(of tree: Tree<Leaf>) -> [Tree<Leaf>] {
    guard refusal(of: tree) != nil else { return [] }
    guard oneArray != nil, case let leaves = tree.leaves().map(Tree.leaf), leaves.count > 1 else {
      return [tree]
    }
    return [tree] + leaves.filter { refusal(of: $0) != nil }.prefix(20)
  }

  /// What of `tree` the format must hold: the tree with numbers in the place of leaves that it lacks the dtype of, or
  /// the first twenty arrays of dtypes that it has, each by itself.
  func parts(of tree: Tree<Leaf>) -> [Tree<Leaf>] {
    if refusal(of: tree) == nil { return [tree] }
    guard oneArray != nil else {
      return [tree.map { lacks[$0.dtype] == nil ? $0 : Leaf(UInt8(7)) }]
    }
    return tree.leaves().filter { lacks[$0.dtype] == nil }.prefix(20).map { .leaf($0) }
  }

  /// One tree that the format must hold, with the largest array of `tree`.
  func fitted(_ tree: Tree<Leaf>) -> Tree<Leaf> {
    guard oneArray != nil else { return parts(of: tree)[0] }
    let held = tree.leaves().filter { lacks[$0.dtype] == nil }
    return .leaf(held.max { $0.source.byteCount < $1.source.byteCount } ?? StoreContract.one)
  }
}
