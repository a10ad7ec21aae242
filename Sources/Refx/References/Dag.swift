/// A tree of shared Refs as one Sendable value, with an index table of its own: it can stand beside other
/// trees, or cross to another task, without its numbers meeting theirs. From refx: `Dag`.
public struct Dag: Sendable {
  /// What the carrier holds: the dereffed tree.
  public let dereffed: Tree<Leaf>

  /// Takes up a tree. Its Refs stay where they are; later writes to them do not reach the carrier.
  ///
  /// - Throws: what ``deref(_:)`` throws.
  public init(_ tree: RefTree) throws {
    dereffed = try deref(tree)
  }

  /// The tree, with new Refs at each call, of the running task's trace level.
  ///
  /// - Throws: what ``reref(_:)-(Tree<Leaf>)`` throws.
  public func value() throws -> RefTree {
    try reref(dereffed)
  }
}
