import Refx
import RefxStore

/// The inverse of a partition.
public struct MergedCheckpoint: Sendable {
  /// The origin's tree and metadata.
  public let contents: CheckpointContents
  /// What a user should know though nothing failed.
  public let warnings: [String]
}

extension CheckpointContents {
  /// Puts the parts of one partition together again: the tree of the origin, its ties and its metadata.
  ///
  /// Payload is read only where a cut tie has to be checked and no stored hash decides.
  ///
  /// - Parameter parts: the parts in any order, each with the name of its file.
  /// - Throws: ``RefxError`` where two parts fill one site, no part fills a hole, the copies of a cut tie
  ///   differ, or the parts are of different trees.
  public static func merged(_ parts: [(file: String, contents: CheckpointContents)]) throws
    -> MergedCheckpoint
  {
    try merged(parts) { $0 }
  }

  /// The same of parts that are opened one after the other; what they have in common is held once.
  public static func merged(
    files: [String], opening open: (String) throws -> CheckpointContents
  ) throws -> MergedCheckpoint {
    try merged(files) { ($0, try open($0)) }
  }

  private static func merged<Input>(
    _ inputs: [Input], _ open: (Input) throws -> (file: String, contents: CheckpointContents)
  ) throws -> MergedCheckpoint {
    var merge = try PartMerge(inputs, open)
    let tree = try merge.tree()
    var warnings: [String] = []
    let first = merge.parts[0]
    let metadata = first.contents.metadata
    for part in merge.parts.dropFirst() {
      if part.contents.metadata != metadata {
        warnings.append(
          "\(visible(part.file)): its metadata is not that of \(visible(first.file)), which was taken")
      }
    }
    let digest = try tree.structureDigest()
    if hexadecimal(digest.topology) != first.record.topology {
      warnings.append("the sharing or the collections are not the origin's any more: a part was changed")
    } else if hexadecimal(digest.structure) != first.record.structure {
      warnings.append("dtypes, shapes or static values are not the origin's any more: a part was changed")
    }
    // Each part has all of the origin's.
    var attributes = first.contents.attributes
    for part in merge.parts.dropFirst() {
      let others = part.contents.attributes
      for path in others.paths where attributes[path].isEmpty { attributes[path] = others[path] }
    }
    return MergedCheckpoint(
      contents: CheckpointContents(tree: tree, metadata: metadata, attributes: attributes),
      warnings: warnings)
  }
}
