import Refx
import RefxStore

/// The safetensors format: a row of named tensors after a JSON header, in one file or, with an index, in several.
///
/// A name is one key, whatever dots it has: a foreign file opens as a dictionary of names. Files that this
/// library writes carry the whole tree in the metadata key `refx`, where names alone would lose some of it
/// (see `FlatMetadata`), and open as the tree they were.
public enum SafetensorsStore: CheckpointStore {
  public static let format = FormatDescription(
    name: "safetensors", suffixes: [SafetensorsShardNames.suffix, SafetensorsShardNames.indexSuffix],
    holdsNamesAlone: true)

  static let names = FlatNames.allBut([SafetensorsHeader.metadataName])

  public static func recognises(_ file: InputFile) -> Bool {
    if isIndex(file.name), SafetensorsIndex.recognises(file) { return true }
    guard let count = try? SafetensorsHeader.textByteCount(of: file), count >= 2,
      let first = try? file.bytes(at: 8, count: 1)
    else { return false }
    return first == [UInt8(ascii: "{")]
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    do {
      if isIndex(file.name), SafetensorsIndex.isOtherText(file) { throw RefxError.safetensorsIndexIsNone() }
      return SafetensorsIndex.recognises(file)
        ? try openIndex(file, options: options) : try openFile(file, options: options)
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  private static func openFile(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    let budget = Budget(options.limits)
    let header = try SafetensorsHeader(of: file, budget)
    let leaves = header.tensors.map { leaf(of: $0, in: file, dataStart: header.dataStart) }
    let metadata = FlatMetadata(texts: header.metadata)
    let contents = try metadata.contents(
      of: leaves, describedBy: try metadata.description(budget), budget, names: names, format: format.name)
    return OpenedCheckpoint(
      contents: contents, format: format.name, version: nil,
      proposedTies: metadata.proposedTies(among: leaves),
      // There are no checksums: what can be found is what cannot be read, and a bool that is none.
      verifyLeaves: { try contents.tree.verify(threads: options.threads, of: $0, $1, $2) })
  }

  static func leaf(
    of tensor: SafetensorsHeader.Tensor, in file: InputFile, dataStart: Int
  ) -> (name: Key, leaf: Leaf) {
    let source = SafetensorsSource(tensor, in: file, dataStart: dataStart)
    let dtype: DType = if case .known(let dtype) = tensor.dtype { dtype } else { .unsupported }
    return (tensor.name, Leaf(dtype: dtype, shape: tensor.shape, source: source))
  }
}
