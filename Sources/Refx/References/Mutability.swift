/// Says of a collection (nil: of Refs without one) whether its Refs may be written.
public typealias MutablePredicate = @Sendable (CollectionTag?) -> Bool

/// Runs `body`, in which only the Refs of matching collections can be written. Where it is nested, the
/// innermost alone decides. It follows the task: other tasks are not concerned, child tasks inherit it.
/// From refx: `mutable`, which is one stack for the whole process.
public func mutable<R>(_ predicate: @escaping MutablePredicate, _ body: () throws -> R) rethrows -> R {
  try ReferenceScope.$innermost.withValue(.mutating(predicate), operation: body)
}

/// Runs an asynchronous `body`, in which, and in whose child tasks, only matching collections can be written.
public func mutable<R>(
  _ predicate: @escaping MutablePredicate, isolation: isolated (any Actor)? = #isolation,
  _ body: () async throws -> R
) async rethrows -> R {
  try await ReferenceScope.$innermost.withValue(.mutating(predicate), operation: body, isolation: isolation)
}

/// Whether the Refs of `collection` may be written here. From refx: `is_mutable`.
@inlinable
public func isMutable(_ collection: CollectionTag?) -> Bool {
  ReferenceScope.current?.isMutable?(collection) ?? true
}

/// The predicate in force: the innermost, or one that allows everything. From refx: `mutable_predicate`.
public func mutablePredicate() -> MutablePredicate {
  if let predicate = ReferenceScope.current?.isMutable { return predicate }
  return { _ in true }
}
