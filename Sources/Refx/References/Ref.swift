/// What every ``Ref`` is, whatever it holds: an identity with a collection.
public class AnyRef: Referential {
  public let collection: CollectionTag?

  fileprivate init(collection: CollectionTag?) {
    self.collection = collection
  }
}

/// A mutable cell that may stand at several places of a tree: a shared reference.
///
/// Sharing is identity: two Refs with equal values are two. A Ref is not Sendable; what crosses a boundary
/// is the dereffed tree. From refx: `Ref`.
public final class Ref<Value>: AnyRef {
  private var stored: Value

  public init(_ value: Value, collection: CollectionTag? = nil) {
    stored = value
    super.init(collection: collection)
  }

  /// The value. Reading copies no payload.
  public var value: Value {
    get { stored }
    set { stored = newValue }
  }
}
