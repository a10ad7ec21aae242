/// A model as a tree in which every object, also a class instance with a single site, is a shared value whose
/// number leads to the object itself.
struct LiveModel {
  let tree: Tree<Leaf>
  /// The Refs and class instances by number, and what they hold.
  let objects: [Entry]

  struct Entry {
    let object: AnyObject
    let content: Tree<Leaf>
    /// Whether it stands as a shared value in a checkpoint as well.
    let isShared: Bool
    let firstPlace: Place

    /// The object as a Ref; nil where it is a class instance.
    let ref: AnyRef?
    var firstPath: Path { firstPlace.path }
  }

  init<Model: Encodable>(_ model: Model) throws {
    let session = EncodingSession()
    let piece = try session.piece(of: model, at: .root())
    var finisher = TreeFinisher(marksEveryObject: true)
    tree = try finisher.tree(of: piece)
    objects = finisher.entries
  }
}
