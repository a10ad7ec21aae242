/// Runs `body` behind a boundary: it gets a copy of `tree` with Refs of its own, at a trace level of its own,
/// so that it can neither see nor change the Refs outside; what it returns comes back with Refs of the
/// caller's level. In Python this is what JAX's transformations do between `deref` and `reref`.
///
/// Payload is not copied.
///
/// - Throws: what `body`, ``deref(_:)`` and ``reref(_:)-(Tree<Leaf>)`` throw.
public func crossingBoundary(
  _ tree: RefTree, level: TraceLevel = .fresh(), _ body: (RefTree) throws -> RefTree
) throws -> RefTree {
  let crossing = try deref(tree)
  let returned = try withTraceLevel(level) { try deref(body(reref(crossing))) }
  return try reref(returned)
}

/// Runs an asynchronous `body` behind a boundary; see the synchronous form. Inside, on whatever actor `body`
/// runs, it rerefs the dereffed tree, which is Sendable, and returns one.
public func crossingBoundary(
  _ tree: RefTree, level: TraceLevel = .fresh(), isolation: isolated (any Actor)? = #isolation,
  _ body: @Sendable (Tree<Leaf>) async throws -> Tree<Leaf>
) async throws -> RefTree {
  let crossing = try deref(tree)
  let returned = try await withTraceLevel(level, isolation: isolation) { try await body(crossing) }
  return try reref(returned)
}
