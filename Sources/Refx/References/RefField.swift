/// A property whose value lies in a ``Ref``: `@RefField(collection: "params") var w: Tensor`.
///
/// Reading the property reads the Ref, assigning writes through it. `$w` is the Ref itself, and
/// `b.$w = a.$w` ties two fields. A Ref cannot be assigned to the property: the types differ. Copies of a
/// struct share the Refs of its fields. From refx: `RefField`.
@propertyWrapper
public struct RefField<Value> {
  /// The Ref.
  public var projectedValue: Ref<Value>

  /// A field with a Ref of its own.
  @inlinable
  public init(wrappedValue: Value, collection: CollectionTag? = nil) {
    projectedValue = Ref(wrappedValue, collection: collection)
  }

  /// A field that is assigned before it is first read, as in an initializer: what
  /// `@RefField(collection: "params") var w: Tensor` declares. The first assignment gives it its value
  /// wherever the collection is mutable or not.
  public init(collection: CollectionTag?) {
    projectedValue = Ref(awaitingValueIn: collection)
  }

  /// A field that shares `projectedValue`.
  @inlinable
  public init(projectedValue: Ref<Value>) {
    self.projectedValue = projectedValue
  }

  /// The Ref's value; see ``Ref/value`` for where it can be read and written.
  @inlinable
  public var wrappedValue: Value {
    get { projectedValue.value }
    nonmutating set { projectedValue.value = newValue }
    nonmutating _modify { yield &projectedValue.value }
  }
}
