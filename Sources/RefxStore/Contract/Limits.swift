import Refx

/// What a file may hold before it is refused. Whoever takes files from somewhere that is not trusted sets them
/// lower; the defaults let every real checkpoint pass.
///
/// They are about what a file declares, and looked at before memory is taken for it. What the file's own size bounds
/// already, such as the payload that is held while it is read, has no limit of its own.
public struct Limits: Sendable, Equatable {
  /// Levels of the tree. More than ``maximumTreeDepth`` are never read.
  public var depth = maximumTreeDepth {
    didSet { depth = min(depth, maximumTreeDepth) }
  }
  /// Nodes of the tree, containers and leaves together, each shared value once.
  public var nodes = 50_000_000
  /// Dimensions of a leaf.
  public var rank = 64
  /// Bytes of one name, be it a key or a collection.
  public var nameBytes = 1 << 20
  /// Bytes of the metadata, as the format keeps them; in HDF5 also of the text that is read with the catalogue.
  public var metadataBytes = 256 << 20
  /// Logical bytes of all leaves together, each shared value once: what a model that is loaded takes. No limit,
  /// unless one is set.
  public var bytes = Int.max

  public init() {}
}

extension Tree where Element == Leaf {
  /// Checks what a file turned out to hold. The formats have looked at what they must before they took memory; this
  /// makes one of all of them. Reads no payload.
  ///
  /// - Throws: ``RefxError`` where something is beyond a limit.
  package func check(_ limits: Limits) throws {
    if limits == Limits() { return }
    var nodes = 0
    var bytes = 0
    try check(limits, depth: 0, &nodes, &bytes)
  }

  private func check(_ limits: Limits, depth: Int, _ nodes: inout Int, _ bytes: inout Int) throws {
    guard depth <= limits.depth else {
      throw RefxError.moreThanAllowed("levels", limit: limits.depth, found: depth)
    }
    nodes += 1
    guard nodes <= limits.nodes else {
      throw RefxError.moreThanAllowed("nodes", limit: limits.nodes, found: nil)
    }
    switch self {
    case .leaf(let leaf):
      guard leaf.shape.count <= limits.rank else {
        throw RefxError.moreThanAllowed("dimensions of a leaf", limit: limits.rank, found: leaf.shape.count)
      }
      bytes = bytes.addingSaturated(leaf.byteCount)
      guard bytes <= limits.bytes else {
        throw RefxError.moreThanAllowed("bytes of values", limit: limits.bytes, found: nil)
      }
    case .dictionary(let branches):
      for position in branches.members.indices {
        let length = branches.keys[position].string.utf8.count
        guard length <= limits.nameBytes else {
          throw RefxError.moreThanAllowed("bytes of a name", limit: limits.nameBytes, found: length)
        }
        try branches.members[position].check(limits, depth: depth + 1, &nodes, &bytes)
      }
    case .list(let members), .tuple(let members):
      for member in members { try member.check(limits, depth: depth + 1, &nodes, &bytes) }
    case .value(let value):
      if case .name(let name)? = value.collection, name.string.utf8.count > limits.nameBytes {
        throw RefxError.moreThanAllowed(
          "bytes of a name", limit: limits.nameBytes, found: name.string.utf8.count)
      }
      // A Ref is no node of its own, unless it holds another one.
      if !value.value.isReference { nodes -= 1 }
      try value.value.check(limits, depth: value.value.isReference ? depth + 1 : depth, &nodes, &bytes)
    default: break
    }
  }
}
