import Refx

@testable import RefxIO

/// A leaf of one number.
func one(_ number: Float) -> Tree<Leaf> { .leaf(Leaf(number)) }

/// The first sight of a Ref.
func seen(_ tree: Tree<Leaf>, _ index: Int, _ collection: CollectionTag? = nil) -> Tree<Leaf> {
  .value(Value(tree, index: index, collection: collection))
}

/// A later sight of a Ref.
func again(_ index: Int, _ collection: CollectionTag? = nil) -> Tree<Leaf> {
  .index(Index(index, collection: collection))
}

/// The tree after rules.
func after(_ tree: Tree<Leaf>, _ rules: Rule...) throws -> Tree<Leaf> { try tree.applying(Rules(rules)) }

/// What is refused, as a person reads it.
func refusalText(_ act: () throws -> Void) -> String {
  do {
    try act()
    return "nothing was refused"
  } catch {
    return "\(error)"
  }
}

/// A dictionary whose keys no literal can have.
func named(_ members: (Key, Tree<Leaf>)...) -> Tree<Leaf> { .dictionary(members) }
