import Refx

/// What kind of thing lint found. The raw values are stable, for scripts.
public enum LintCode: String, Sendable, CaseIterable, Hashable {
  /// Arrays of the same dtype, shape and bytes that are not shared: perhaps a tie that was lost. Constant arrays and
  /// single elements are not among them.
  case equalNotShared = "equal-not-shared"
  /// The same of arrays all of whose elements are the same: fresh biases and scales, moments before the first step.
  case equalConstants = "equal-constants"
  /// The file's metadata says that one name is another, and both are there with different values.
  case aliasDiffers = "alias-differs"
  /// An index whose value does not come before it.
  case danglingIndex = "dangling-index"
  /// A link of an HDF5 file that leads to nothing that is read.
  case danglingLink = "dangling-link"
  /// A leaf of a type that cannot be represented.
  case unsupported
  /// An array whose payload cannot be read, or fails its checksum.
  case unreadable
  /// An array has elements that are not numbers.
  case nan
  /// An array has infinite elements.
  case infinite
  /// Refs without a collection, where other Refs have one.
  case untaggedRef = "untagged-ref"

  /// All but ``equalConstants``, which a fresh model has many of.
  public static let usual = Set(allCases).subtracting([.equalConstants])
}

/// One thing that lint found.
public struct LintFinding: Sendable, Hashable {
  /// What may be done about it.
  public enum Remedy: Sendable, Hashable {
    /// Tying the finding's paths; where their collections differ, with this one.
    case tie(take: Path?, collection: CollectionTag?)
    /// Giving the Refs a collection.
    case tag
    /// Looking at the values.
    case look
    /// Leaving it out when the file is converted.
    case skip
    /// Reading everything, to see what is damaged.
    case verify
    /// Putting the parts together, and tying then.
    case mergeFirst
  }

  /// Which check found it.
  public let code: LintCode
  /// Where; of a shared value all of its sites, of equal values the first site of each.
  public let paths: [Path]
  /// A sentence without capital and full stop, said of the paths.
  public let what: String
  /// What can be done about it.
  public let remedy: Remedy
}

/// What lint found in a checkpoint.
public struct LintReport: Sendable {
  /// By code, in the order of ``LintCode``; within one by path.
  public internal(set) var findings: [LintFinding]
  /// How many groups of equal constant arrays there are that nobody asked for.
  public internal(set) var constantGroups: Int
}
