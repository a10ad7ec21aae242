/// A property whose value lies in a ``Ref``: `@RefField(collection: "params") var w: Tensor`.
///
/// Reading the property reads the Ref, assigning writes through it. `$w` is the Ref itself, and
/// `b.$w = a.$w` ties two fields. A Ref cannot be assigned to the property: the types differ. Copies of a
/// struct share the Refs of its fields. From refx: `RefField`.
///
/// A field that names a collection and has no default value gets its value, and with it its Ref, in an
/// initializer (`init(w: Tensor) { self.w = w }`) or at the first assignment.
@propertyWrapper
public struct RefField<Value> {
  @usableFromInline var storage: Storage

  @usableFromInline
  enum Storage {
    case ref(Ref<Value>)
    /// Declared with a collection and without a value: there is no Ref yet, or it came later.
    case later(RefSlot<Value>)
  }

  /// A field with a Ref of its own.
  @inlinable
  public init(wrappedValue: Value, collection: CollectionTag? = nil) {
    storage = .ref(Ref(wrappedValue, collection: collection))
  }

  /// A field that gets its Ref at the first assignment.
  @inlinable
  public init(collection: CollectionTag?) {
    storage = .later(RefSlot(collection: collection))
  }

  /// A field that is assigned before it is first read, as in an initializer: what
  /// `@RefField(collection: "params") var w: Tensor` declares.
  public init(collection: CollectionTag?) {
    projectedValue = Ref(awaitingValueIn: collection)
  }

  /// A field that shares `projectedValue`.
  @inlinable
  public init(projectedValue: Ref<Value>) {
    storage = .ref(projectedValue)
  }

  /// The Ref; assigning another one shares it.
  ///
  /// - Precondition: the field was assigned before, where it has no default value.
  @inlinable
  public var projectedValue: Ref<Value> {
    get {
      guard let ref else { RefxError.fieldNotSet(collection: slot?.collection).stop() }
      return ref
    }
    set { storage = .ref(newValue) }
  }

  /// The Ref; nil where the field was declared without a value and not assigned yet.
  @inlinable
  public var ref: Ref<Value>? {
    switch storage {
    case .ref(let ref): ref
    case .later(let slot): slot.ref
    }
  }

  @usableFromInline
  var slot: RefSlot<Value>? {
    if case .later(let slot) = storage { slot } else { nil }
  }

  /// The Ref's value; see ``Ref/value`` for where it can be read and written.
  ///
  /// - Precondition: to read, the field was assigned before, where it has no default value.
  @inlinable
  public var wrappedValue: Value {
    get { projectedValue.value }
    nonmutating set {
      if case .later(let slot) = storage, slot.ref == nil {
        slot.ref = Ref(newValue, collection: slot.collection)
      } else {
        projectedValue.value = newValue
      }
    }
    nonmutating _modify { yield &projectedValue.value }
  }
}

/// Where the Ref of a field comes to lie that was declared without a value.
@usableFromInline
final class RefSlot<Value> {
  @usableFromInline let collection: CollectionTag?
  @usableFromInline var ref: Ref<Value>?

  @usableFromInline
  init(collection: CollectionTag?) {
    self.collection = collection
  }
}
