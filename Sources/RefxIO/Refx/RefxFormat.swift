import Refx
import RefxStore

/// The project's own format, `.refx`, version 1: written in one pass, opened by its catalogue alone, every
/// byte under a checksum. `Documentation/refx-format.md` is its specification.
public enum RefxFormat: CheckpointStore {
  public static let format = FormatDescription(name: "refx", suffixes: [".refx"])

  public static func recognises(_ file: InputFile) -> Bool {
    let count = RefxLayout.magic.count
    guard file.byteCount >= count, let start = try? file.bytes(at: 0, count: count) else { return false }
    return start == RefxLayout.magic
  }

  /// Reads trailer, header and catalogue and checks all of them; reads no payload. The time grows with the
  /// number of nodes and chunks, not with the size of the payload.
  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    do {
      let catalogue = try RefxCatalogue(reading: file, options: options)
      let verification = RefxVerification(payload: catalogue.payload, tree: catalogue.tree)
      return OpenedCheckpoint(
        contents: CheckpointContents(
          tree: catalogue.tree, metadata: catalogue.metadata, attributes: catalogue.attributes),
        format: format.name, version: catalogue.version, hasChecksums: true,
        verifyLeaves: { try verification.run(of: $0, progress: $1, report: $2) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    var writer = RefxWriter(to: target, options: options)
    try writer.write(contents)
  }

  public static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
    try RefxWriter.check(contents)
  }
}
