import Refx

/// What a checkpoint holds: a dereffed tree, and whatever its writer said about the file.
public struct CheckpointContents: Sendable {
  /// The dereffed tree; leaves of a file that was opened read when they are asked.
  public var tree: Tree<Leaf>
  /// Free-form words about the file as a whole.
  public var metadata: JSONObject
  /// What the file says about single nodes.
  public var attributes: NodeAttributes

  /// A tree with what is said about it.
  public init(tree: Tree<Leaf>, metadata: JSONObject = [:], attributes: NodeAttributes = NodeAttributes()) {
    self.tree = tree
    self.metadata = metadata
    self.attributes = attributes
  }
}

/// A file that was opened: its contents, with leaves that are read on demand.
public struct OpenedCheckpoint: Sendable {
  /// The tree, whose leaves read the file when they are asked, and the metadata.
  public var contents: CheckpointContents
  /// The format's name.
  public var format: String
  /// The version of the format's layout; nil where the format has none.
  public var version: Int?
  /// What a user should know though nothing failed: what was not checked, what was left out.
  public var warnings: [String]
  /// Ties that the file only hints at: `contents` has none of them.
  public var proposedTies: [ProposedTie]
  /// Whether the format keeps checksums of the values: where it does not, a changed number looks like any other.
  public var hasChecksums: Bool
  /// Whether one stands beside this leaf of the tree, in formats where some have one and some do not.
  package var hasChecksumOf: (@Sendable (Leaf) -> Bool)?
  /// The same as ``verify`` of the leaves alone whose number is chosen, of those that ``Tree/verifiedLeaves()`` lists;
  /// nil where a file is verified as a whole.
  package var verifyLeaves: LeafVerification?
  /// Reads and checks everything; calls back with each problem and goes on.
  public var verify: @Sendable (_ progress: ProgressHandler?, _ report: (Problem) -> Void) throws -> Void

  /// What a format hands on when it has read a catalogue.
  public init(
    contents: CheckpointContents, format: String, version: Int?, warnings: [String] = [],
    proposedTies: [ProposedTie] = [], hasChecksums: Bool = false,
    verify: @escaping @Sendable (_ progress: ProgressHandler?, _ report: (Problem) -> Void) throws -> Void
  ) {
    self.contents = contents
    self.format = format
    self.version = version
    self.warnings = warnings
    self.proposedTies = proposedTies
    self.hasChecksums = hasChecksums
    self.verify = verify
  }
}

/// Verifies the chosen leaves; all where that is nil.
package typealias LeafVerification =
  @Sendable (
    _ chosen: (@Sendable (Int) -> Bool)?, _ progress: ProgressHandler?, _ report: (Problem) -> Void
  ) throws -> Void

extension OpenedCheckpoint {
  /// A file whose leaves can be verified one by one.
  package init(
    contents: CheckpointContents, format: String, version: Int?, warnings: [String] = [],
    proposedTies: [ProposedTie] = [], hasChecksums: Bool = false, verifyLeaves: @escaping LeafVerification
  ) {
    self.init(
      contents: contents, format: format, version: version, warnings: warnings, proposedTies: proposedTies,
      hasChecksums: hasChecksums, verify: { try verifyLeaves(nil, $0, $1) })
    self.verifyLeaves = verifyLeaves
  }
}

/// A name that a file lacks because, as it says, the value stands there under another: what a program that drops
/// all names of a tensor but one leaves of a tie. Nothing proves it, so it is for the user to accept.
public struct ProposedTie: Hashable, Sendable {
  /// Where nothing stands.
  public let dropped: Path
  /// Where the value stands.
  public let kept: Path

  /// A tie of a place where nothing stands to one that has the value.
  public init(dropped: Path, kept: Path) {
    self.dropped = dropped
    self.kept = kept
  }
}

/// Something wrong that verification found.
public struct Problem: Hashable, Sendable {
  /// Where in the tree; nil where it concerns the file as a whole.
  public let path: Path?
  /// A sentence without capital and full stop.
  public let what: String

  /// A problem at `path`; nil where it concerns the file as a whole.
  public init(path: Path?, what: String) {
    self.path = path
    self.what = what
  }
}
