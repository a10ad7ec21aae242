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
  /// The value in an object: of a single leaf the very object that the leaf is, of anything else a box.
  @usableFromInline var content: AnyObject
  public var index: Int
  public var collection: CollectionTag?
  @usableFromInline var isLeaf: Bool

  /// The first sight of Ref `index`, which holds `value`.
  @inlinable
  public init(_ value: Wrapped, index: Int, collection: CollectionTag? = nil) {
    (content, isLeaf) = Value.stored(value)
    self.index = index
    self.collection = collection
  }

  /// What the Ref holds.
  @inlinable
  public var value: Wrapped {
    get {
      guard isLeaf else { return unsafeDowncast(content, to: ValueBox<Wrapped>.self).value }
      // `isLeaf` is set where Wrapped is this type alone.
      return unsafeBitCast(
        Tree<Leaf>.leaf(Leaf(unsafeDowncast(content, to: LeafContent.self))), to: Wrapped.self)
    }
    set { (content, isLeaf) = Value.stored(newValue) }
  }

  /// Nearly every Ref of a dereffed tree holds a single leaf: those cost no box.
  @inlinable
  static func stored(_ value: Wrapped) -> (content: AnyObject, isLeaf: Bool) {
    if Wrapped.self == Tree<Leaf>.self, case .leaf(let leaf) = unsafeBitCast(value, to: Tree<Leaf>.self) {
      return (leaf.content, true)
    }
    return (ValueBox(value), false)
  }
}

extension Value where Wrapped == Tree<Leaf> {
  /// The first sight of a Ref that holds a single leaf.
  @inlinable
  init(_ leaf: Leaf, index: Int, collection: CollectionTag?) {
    content = leaf.content
    isLeaf = true
    self.index = index
    self.collection = collection
  }

  /// What the Ref holds where that is a single leaf; nil elsewhere.
  @inlinable
  var leaf: Leaf? { isLeaf ? Leaf(unsafeDowncast(content, to: LeafContent.self)) : nil }
}

/// The first sight of a Ref that holds a single leaf, counting no reference to that: for a walk that holds the tree
/// it came from; see ``BorrowedRef``.
struct BorrowedSight {
  private let content: Unmanaged<LeafContent>
  let index: Int

  init(_ content: LeafContent, index: Int) {
    self.content = .passUnretained(content)
    self.index = index
  }

  var leaf: Leaf { Leaf(content.takeUnretainedValue()) }
}

// `switch` and not `if case`: with the latter the compiler (6.3) counts references to all of a payload up and down to
// look at a part of it.
extension Tree where Element == Leaf {
  /// The first sight of a Ref that holds a single leaf; good while the tree is held.
  var borrowedSight: BorrowedSight? {
    @inline(__always) get {
      switch self {
      case .value(let value):
        guard value.isLeaf else { return nil }
        return BorrowedSight(unsafeDowncast(value.content, to: LeafContent.self), index: value.index)
      default: return nil
      }
    }
  }

  /// The collection of the Ref whose first sight this is. Asked for on its own, so that nothing else is copied.
  var collectionOfValue: CollectionTag? {
    @inline(__always) get {
      switch self {
      case .value(let value): return value.collection
      default: return nil
      }
    }
  }
}

@usableFromInline
final class ValueBox<Wrapped> {
  @usableFromInline let value: Wrapped

  @inlinable
  init(_ value: Wrapped) {
    self.value = value
  }
}

// Sendable: the object is a LeafContent, which is Sendable, or an immutable box around a Wrapped.
extension Value: @unchecked Sendable where Wrapped: Sendable {}

extension Value: Equatable where Wrapped: Equatable {
  public static func == (a: Value, b: Value) -> Bool {
    a.index == b.index && a.collection == b.collection && a.value == b.value
  }
}

extension Value: Hashable where Wrapped: Hashable {
  public func hash(into hasher: inout Hasher) {
    hasher.combine(value)
    hasher.combine(index)
    hasher.combine(collection)
  }
}

/// A later sight of a Ref in a dereffed tree: the number under which its value was seen, and its collection.
public struct Index: Deref, Hashable, Sendable {
  public var index: Int
  public var collection: CollectionTag?

  /// A later sight of Ref `index`.
  public init(_ index: Int, collection: CollectionTag? = nil) {
    self.index = index
    self.collection = collection
  }
}
