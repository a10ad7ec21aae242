import Synchronization

/// What every ``Ref`` is, whatever it holds: an identity with a collection and a trace level.
public class AnyRef: Referential {
  /// The collection it belongs to; nil where it has none. It never changes.
  public final let collection: CollectionTag?
  /// The trace level at which it was made, and at which alone it can be read and written.
  public final let level: TraceLevel
  /// The walk that met this Ref last, and the number it gave it; see ``RefNumbers``.
  final let walk = Atomic<UInt64>(0)
  final let number = Atomic<Int>(0)

  @usableFromInline
  init(collection: consuming CollectionTag?, level: TraceLevel) {
    self.collection = collection
    self.level = level
  }
}

/// Refs are compared by identity, never by value.
extension AnyRef: Hashable {
  public static func == (a: AnyRef, b: AnyRef) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A mutable cell that may stand at several places of a tree: a shared reference.
///
/// Sharing is identity: two Refs with equal values are two. A Ref is not Sendable; what crosses a boundary
/// is the dereffed tree. It can be read and written only at the trace level at which it was made, and
/// written only where its collection is mutable. From refx: `Ref`.
public final class Ref<Value>: AnyRef {
  /// Nil while a decoder closes a cycle (the Ref stands at its sites before its value is there), and in a
  /// field that was declared without a value until it is assigned. Spelled out, since `Value?` would set it to
  /// nil first, and each initializer pay for a second, checked access.
  @usableFromInline var stored: Optional<Value>  // swift-format-ignore: UseShorthandTypeNames

  /// A Ref of the running task's trace level.
  @inlinable
  public init(_ value: consuming Value, collection: consuming CollectionTag? = nil) {
    stored = value
    super.init(collection: collection, level: .current)
  }

  /// A Ref of the running task's trace level whose value comes later.
  init(awaitingValueIn collection: CollectionTag?) {
    stored = nil
    super.init(collection: collection, level: .current)
  }

  /// The value. Reading copies no payload; changing a part of it (`ref.value[3] = 1`) changes it in place.
  ///
  /// A read or write that refx refuses is a programmer's error and stops the program; ``get()`` and
  /// ``set(_:)`` throw instead.
  ///
  /// - Precondition: the running task is at the Ref's trace level. To write: the collection is mutable, and
  ///   the value belongs to no other level.
  @inlinable
  public var value: Value {
    get {
      if level != .current { RefxError.levelOfRead(self).stop() }
      guard let stored else { RefxError.refWithoutValue(collection).stop() }
      return stored
    }
    set {
      // The first value of a field that was declared without one is no change.
      if stored != nil || level != .current, let refusal = refusalToWrite() { refusal.stop() }
      if let refusal = refusalToTake(newValue) { refusal.stop() }
      stored = newValue
    }
    _modify {
      if let refusal = refusalToWrite() { refusal.stop() }
      if stored == nil { RefxError.refWithoutValue(collection).stop() }
      yield &stored!
      if let refusal = refusalToTake(stored!) { refusal.stop() }
    }
  }
}

extension Ref {
  /// The value. Copies no payload.
  ///
  /// - Throws: ``RefxError`` at another trace level than the Ref's.
  @inlinable
  public func get() throws(RefxError) -> Value {
    if level != .current { throw RefxError.levelOfRead(self) }
    guard let stored else { throw RefxError.refWithoutValue(collection) }
    return stored
  }

  /// Takes `value`.
  ///
  /// - Throws: ``RefxError`` at another trace level than the Ref's, where its collection is not mutable, and
  ///   where `value` belongs to another level. The Ref then keeps the value it had.
  @inlinable
  public func set(_ value: Value) throws(RefxError) {
    if let refusal = refusalToWrite() ?? refusalToTake(value) { throw refusal }
    stored = value
  }

  /// Changes the value in place: arrays and tensors that nobody else holds are not copied.
  ///
  /// - Throws: what ``set(_:)`` throws, and what `body` throws. Where `body` leaves a value of another trace
  ///   level, the Ref keeps the value it had.
  public func withValue<R>(_ body: (inout Value) throws -> R) throws -> R {
    if let refusal = refusalToWrite() { throw refusal }
    // Only a type that belongs to levels needs a way back, and pays for it with a copy.
    guard stored != nil else { throw RefxError.refWithoutValue(collection) }
    guard TraceLevel.areMany, Value.self is any Traced.Type else { return try body(&stored!) }
    let before = stored
    let result = try body(&stored!)
    if let refusal = refusalToTake(stored!) {
      stored = before
      throw refusal
    }
    return result
  }
}

extension AnyRef {
  /// Why this Ref cannot be written here; nil where it can.
  @inlinable
  final func refusalToWrite() -> RefxError? {
    guard let scope = ReferenceScope.current else {
      return level == .base ? nil : RefxError.levelOfWrite(self)
    }
    if let isMutable = scope.isMutable, !isMutable(collection) { return RefxError.notMutable(collection) }
    return level == scope.level ? nil : RefxError.levelOfWrite(self)
  }

  /// Why this Ref cannot take `value`; nil where it can. Costs nothing until a second level was made.
  @inlinable
  final func refusalToTake<Value>(_ value: Value) -> RefxError? {
    TraceLevel.areMany ? refusalOfLevels(value) : nil
  }

  @usableFromInline
  final func refusalOfLevels<Value>(_ value: Value) -> RefxError? {
    guard let traced = value as? any Traced else { return nil }
    let others = traced.traceLevels.subtracting([level, .base])
    return others.isEmpty ? nil : RefxError.levelOfValue(self, others: others)
  }
}

extension Ref {
  /// What stands for this Ref at its first sight. From refx: `Ref.to_value`.
  ///
  /// - Throws: ``RefxError`` at another trace level than the Ref's.
  public func toValue(_ index: Int) throws(RefxError) -> Refx.Value<Value> {
    Refx.Value(try get(), index: index, collection: collection)
  }
}

extension AnyRef {
  /// What stands for this Ref at its later sights. From refx: `Ref.to_index`.
  public final func toIndex(_ index: Int) -> Index {
    Index(index, collection: collection)
  }
}

extension Value {
  /// A new Ref with this value. From refx: `Value.to_ref`.
  public func toRef() -> Ref<Wrapped> {
    Ref(value, collection: collection)
  }
}

extension AnyRef: CustomStringConvertible {
  public var description: String { "Ref(\(collection.map { "collection: \($0)" } ?? ""))" }
}
