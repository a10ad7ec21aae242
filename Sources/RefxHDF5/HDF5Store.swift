import Refx
import RefxStore

/// HDF5: our own layout, in which sharing is the hard links of the file, and the files of other programs.
///
/// See `Documentation/hdf5-layout.md`.
public enum HDF5Store: CheckpointStore {
  public static let format = FormatDescription(name: "hdf5", suffixes: [".hdf5", ".h5"], streams: false)

  /// Whether the HDF5 signature stands at the start, or behind a user block of 512, 1024, … bytes.
  public static func recognises(_ file: InputFile) -> Bool {
    var offset = 0
    while offset <= file.byteCount - signature.count {
      if let bytes = try? file.bytes(at: offset, count: signature.count), bytes == signature { return true }
      offset = offset == 0 ? 512 : offset * 2
    }
    return false
  }

  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    guard recognises(file) else { throw RefxError.hdf5NotThisFormat(file: file.name) }
    let input = try HDF5Input(file, options: options)
    let budget = Budget(options.limits)
    let graph = try ObjectGraph(input, budget)
    // A tree is at most as deep as it has groups; the stack of the caller may be small.
    guard graph.groupCount > 100 else { return try tree(of: graph, budget) }
    nonisolated(unsafe) let lent = budget
    return try withDeepStack { try tree(of: graph, lent) }
  }

  private static func tree(of graph: ObjectGraph, _ budget: Budget) throws -> OpenedCheckpoint {
    if try OwnTree.isOwn(graph) {
      var tree = OwnTree(graph, budget)
      return try tree.open()
    }
    var tree = ForeignTree(graph, budget)
    return try tree.open()
  }
}
