import Refx

/// What a file may hold before it is refused. Whoever takes files from somewhere that is not trusted sets them
/// lower; the defaults let every real checkpoint pass.
///
/// They are about what a file declares: a reader charges each part to the `Budget` of the file before it takes
/// memory for it. What the file's own size bounds already, such as the payload that is held while it is read, has
/// no limit of its own.
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

  /// The limits that every real checkpoint passes.
  public init() {}
}
