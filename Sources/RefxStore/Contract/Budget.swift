import Refx

/// What the reading of one file may still take: made once for each file that is opened, handed to every reader
/// of a part of it, and charged before memory is taken.
///
/// All readers of a file draw on one budget, so that nothing gets past a limit by standing in several tables.
/// A charge is an addition and a comparison; whoever reads a table charges it as a whole. One thread reads a
/// catalogue, so a budget is not Sendable.
package final class Budget {
  package let limits: Limits
  private var nodes = 0
  private var bytes = 0
  private var metadataBytes = 0
  /// Whether something was refused: a reader that lists what it cannot read does not list that.
  package private(set) var isExceeded = false

  package init(_ limits: Limits) {
    self.limits = limits
  }

  // MARK: The tree

  /// Takes `count` nodes of the tree, all at one level.
  ///
  /// - Parameter offset: where in the file they are announced, for the error.
  /// - Throws: ``RefxError`` where that is beyond a limit, as all of these do.
  package func charge(nodes count: Int, depth: Int, at offset: Int? = nil) throws {
    if count > 0 { try check(depth: depth, at: offset) }
    try charge(nodes: count, at: offset)
  }

  /// Takes `count` nodes whose level is not known yet.
  package func charge(nodes count: Int, at offset: Int? = nil) throws {
    nodes = nodes.addingSaturated(count)
    guard nodes <= limits.nodes else {
      throw refusal("nodes", limit: limits.nodes, found: nil, at: offset)
    }
  }

  /// Checks a table of `count` entries, each of which stands for a node at least; the nodes are charged where
  /// they stand in the tree.
  package func check(nodes count: Int, at offset: Int? = nil) throws {
    guard count <= limits.nodes else {
      throw refusal("nodes", limit: limits.nodes, found: count, at: offset)
    }
  }

  package func check(depth: Int, at offset: Int? = nil) throws {
    guard depth <= limits.depth else {
      throw refusal("levels", limit: limits.depth, found: depth, at: offset)
    }
  }

  /// Checks the length of a key or of a collection's name.
  package func check(nameBytes count: Int, at offset: Int? = nil) throws {
    guard count <= limits.nameBytes else {
      throw refusal("bytes of a name", limit: limits.nameBytes, found: count, at: offset)
    }
  }

  /// Checks the name of a collection; the others are short.
  package func check(_ collection: CollectionTag?) throws {
    if case .name(let name)? = collection { try check(nameBytes: name.string.utf8.count) }
  }

  // MARK: Leaves

  package func check(rank: Int, at offset: Int? = nil) throws {
    guard rank <= limits.rank else {
      throw refusal("dimensions of a leaf", limit: limits.rank, found: rank, at: offset)
    }
  }

  /// Takes the logical bytes of a leaf.
  package func charge(bytes count: Int, at offset: Int? = nil) throws {
    bytes = bytes.addingSaturated(count)
    guard bytes <= limits.bytes else {
      throw refusal("bytes of values", limit: limits.bytes, found: nil, at: offset)
    }
  }

  // MARK: Metadata

  package func charge(metadataBytes count: Int, at offset: Int? = nil) throws {
    metadataBytes = metadataBytes.addingSaturated(count)
    guard metadataBytes <= limits.metadataBytes else {
      throw refusal("bytes of metadata", limit: limits.metadataBytes, found: nil, at: offset)
    }
  }

  /// The bytes that metadata may still take.
  package var metadataBytesLeft: Int { limits.metadataBytes - metadataBytes }

  /// What to throw where metadata turned out, while it was read, to be more than ``metadataBytesLeft``.
  package func refusalOfMetadata() -> RefxError {
    refusal("bytes of metadata", limit: limits.metadataBytes, found: nil, at: nil)
  }

  private func refusal(_ what: String, limit: Int, found: Int?, at offset: Int?) -> RefxError {
    isExceeded = true
    return .moreThanAllowed(what, limit: limit, found: found, at: offset)
  }
}
