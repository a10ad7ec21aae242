import Synchronization

/// The level of tracing at which a Ref was made, and at which alone it can be read and written.
///
/// A boundary (a traced or differentiated function, say) runs at a level of its own, so that shared state
/// cannot leak through it unseen: what crosses is the dereffed tree. Levels follow the task, not the thread:
/// a child task is at the level at which it was started. From refx: the traces of `tracers`.
public struct TraceLevel: Hashable, Sendable {
  /// 0 outside of every boundary; every other level has a number that comes once.
  @usableFromInline let number: UInt64

  @usableFromInline
  init(number: UInt64) {
    self.number = number
  }

  /// The level outside of every boundary.
  @inlinable
  public static var base: TraceLevel { TraceLevel(number: 0) }

  /// The level of the running task. About 2 ns while neither a level nor a `mutable` is open anywhere in the
  /// process, 20 to 40 ns otherwise.
  @inlinable
  public static var current: TraceLevel { ReferenceScope.current?.level ?? .base }

  @usableFromInline static let made = Atomic<UInt64>(0)

  /// A level that nothing belongs to yet.
  public static func fresh() -> TraceLevel {
    TraceLevel(number: made.add(1, ordering: .relaxed).newValue)
  }

  /// Whether any level but ``base`` was ever made; until then nothing can belong to another one.
  @inlinable
  static var areMany: Bool { made.load(ordering: .relaxed) != 0 }
}

extension TraceLevel: CustomStringConvertible {
  public var description: String { number == 0 ? "the base level" : "level \(number)" }
}

/// Runs `body` at a trace level: inside it, Refs from outside can neither be read nor written, and outside
/// those made inside. From refx: `tracers.refx_trace`.
public func withTraceLevel<R>(_ level: TraceLevel = .fresh(), _ body: () throws -> R) rethrows -> R {
  try ReferenceScope.$innermost.withValue(.at(level), operation: body)
}

/// Runs an asynchronous `body`, and the child tasks it starts, at a trace level.
public func withTraceLevel<R>(
  _ level: TraceLevel = .fresh(), isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
) async rethrows -> R {
  try await ReferenceScope.$innermost.withValue(.at(level), operation: body, isolation: isolation)
}

/// A value that belongs to trace levels: what a tracing library hands to the function it traces. A Ref takes
/// only values of its own level.
public protocol Traced {
  /// The levels that this value belongs to, ``TraceLevel/base`` aside; empty where it belongs to none.
  var traceLevels: Set<TraceLevel> { get }
}

extension Array: Traced where Element: Traced {
  public var traceLevels: Set<TraceLevel> { reduce(into: []) { $0.formUnion($1.traceLevels) } }
}

extension Optional: Traced where Wrapped: Traced {
  public var traceLevels: Set<TraceLevel> { self?.traceLevels ?? [] }
}

extension Dictionary: Traced where Value: Traced {
  public var traceLevels: Set<TraceLevel> { values.reduce(into: []) { $0.formUnion($1.traceLevels) } }
}

extension AnyRef: Traced {
  /// A Ref belongs to the level at which it was made.
  public final var traceLevels: Set<TraceLevel> { level == .base ? [] : [level] }
}

extension RefLeaf: Traced {
  public var traceLevels: Set<TraceLevel> { ref?.traceLevels ?? [] }
}

extension Tree: Traced where Element: Traced {
  public var traceLevels: Set<TraceLevel> {
    var levels: Set<TraceLevel> = []
    forEachLeaf { levels.formUnion($0.traceLevels) }
    return levels
  }
}
