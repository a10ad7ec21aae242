/// How a live tree reads and writes a Ref whose value is of a Codable type of your own.
public enum CodableAccess<Value: Codable>: RefAccess {
  /// The value as a tree with its own Refs as leaves.
  public static func tree(of value: Value) throws -> RefTree {
    try TreeEncoder().refTree(of: value)
  }

  /// The value in `tree`, which takes the Refs of `tree` as they are.
  ///
  /// - Throws: ``RefxError`` with every difference where the tree does not fit the type.
  public static func value(of tree: RefTree) throws -> Value {
    var numbers: [ObjectIdentifier: Int] = [:]
    var live: [AnyRef] = []
    let numbered: Tree<Leaf> = tree.flatMap { leaf in
      switch leaf {
      case .leaf(let leaf): return .leaf(leaf)
      case .ref(let reference):
        let identity = ObjectIdentifier(reference.ref)
        let number = numbers[identity] ?? live.count
        if number == live.count {
          numbers[identity] = number
          live.append(reference.ref)
        }
        return .index(Index(number, collection: reference.ref.collection))
      }
    }
    return try TreeDecoder().decode(
      Value.self, from: numbered, sharing: try SharedValues(of: numbered, live: live))
  }
}

extension TreeEncoder {
  /// The model as a live tree: its own Refs are the leaves, so that `treePartition`, `updateRefs` and the
  /// other operations work on the model itself. A class instance stands at each of its sites with the same
  /// members.
  ///
  /// The values of the Refs are not looked at.
  ///
  /// - Throws: ``RefxError`` as ``encode(_:)`` does, where a Ref holds what is not Codable, and where class
  ///   instances that hold each other twice over would make more than a hundred million nodes.
  public func refTree<Model: Encodable>(of model: Model) throws -> RefTree {
    let session = EncodingSession(looksIntoRefs: false)
    let piece = try session.piece(of: model, at: .root())
    var finisher = LiveTreeFinisher()
    return try finisher.tree(of: piece)
  }
}
