import Synchronization

/// What the running task says about Refs: at which trace level it is and which collections it may write.
///
/// One object for each `withTraceLevel` or `mutable` that is open; it names what the ones outside it said
/// as well, so that only the innermost is asked.
@usableFromInline
final class ReferenceScope: Sendable {
  @TaskLocal static var innermost: ReferenceScope?

  /// How many scopes are alive. A task that outlives the scope it was started in keeps that scope alive, so
  /// where this is 0 no task is inside one, and the task local, ten times as slow, need not be asked.
  @usableFromInline static let living = Atomic<Int>(0)

  @usableFromInline let level: TraceLevel
  @usableFromInline let isMutable: MutablePredicate?

  private init(level: TraceLevel, isMutable: MutablePredicate?) {
    self.level = level
    self.isMutable = isMutable
    ReferenceScope.living.add(1, ordering: .relaxed)
  }

  deinit {
    ReferenceScope.living.subtract(1, ordering: .relaxed)
  }

  /// The innermost scope of this task; nil outside of all.
  @inlinable
  static var current: ReferenceScope? {
    living.load(ordering: .relaxed) == 0 ? nil : fromTask
  }

  @usableFromInline
  static var fromTask: ReferenceScope? { innermost }

  static func at(_ level: TraceLevel) -> ReferenceScope {
    ReferenceScope(level: level, isMutable: current?.isMutable)
  }

  static func mutating(_ predicate: @escaping MutablePredicate) -> ReferenceScope {
    ReferenceScope(level: .current, isMutable: predicate)
  }
}
