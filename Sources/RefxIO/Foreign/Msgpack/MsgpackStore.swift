import Refx
import RefxStore

/// MessagePack as flax writes it: a state dictionary whose arrays are extensions of the format.
///
/// See `Documentation/msgpack.md`.
public enum MsgpackStore: CheckpointStore {
  public static let format = FormatDescription(name: "msgpack", suffixes: [".msgpack"], canWrite: false)

  /// The most bytes of a first key that is looked at.
  private static let mostKeyBytes = 1024

  /// Whether the file begins as a map does whose first key is a text. The format has no signature, and by that
  /// no other format's files are taken for it.
  public static func recognises(_ file: InputFile) -> Bool {
    var reader = ForwardReader(file, isBigEndian: true)
    guard case .map(let count)? = try? MsgpackHead(&reader), count <= reader.left / 2 else { return false }
    if count == 0 { return reader.left == 0 }
    guard case .text(let length)? = try? MsgpackHead(&reader), (1...mostKeyBytes).contains(length),
      let key = try? reader.text(length), !key.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }),
      (try? MsgpackHead(&reader)) != nil
    else { return false }
    return true
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    do {
      var reader = MsgpackReader(file, Budget(options.limits))
      let contents = CheckpointContents(tree: try reader.document())
      return OpenedCheckpoint(
        contents: contents, format: format.name, version: nil,
        // There are no checksums: what can be found is what cannot be read, and a bool that is none.
        verifyLeaves: { try contents.tree.verify(threads: options.threads, of: $0, $1, $2) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }
}
