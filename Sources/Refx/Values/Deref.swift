/// What may stand for a shared reference: a ``Ref`` itself, or, in a dereffed tree, a ``Value`` or an
/// ``Index``.
public protocol Referential {
  /// The collection the reference belongs to; nil where it has none.
  var collection: CollectionTag? { get }
}

/// What stands for a Ref in a dereffed tree. From refx: `Deref`.
public protocol Deref: Referential {
  /// The number of the Ref: counted from 0 in order of first sight.
  var index: Int { get }
}

/// The first sight of a Ref in a dereffed tree: its value, its number and its collection.
public struct Value<Wrapped>: Deref {
  public var value: Wrapped
  public var index: Int
  public var collection: CollectionTag?

  public init(_ value: Wrapped, index: Int, collection: CollectionTag? = nil) {
    self.value = value
    self.index = index
    self.collection = collection
  }
}

extension Value: Sendable where Wrapped: Sendable {}
extension Value: Equatable where Wrapped: Equatable {}
extension Value: Hashable where Wrapped: Hashable {}

/// A later sight of a Ref in a dereffed tree: the number under which its value was seen, and its collection.
public struct Index: Deref, Hashable, Sendable {
  public var index: Int
  public var collection: CollectionTag?

  public init(_ index: Int, collection: CollectionTag? = nil) {
    self.index = index
    self.collection = collection
  }
}
