import Refx
import RefxHDF5
import RefxStore

/// The formats that checkpoints are written in and read from.
public struct Formats: Sendable {
  /// Every format of this library. A new one is one more name here.
  public static let all = Formats([
    RefxFormat.self,
    HDF5Store.self,
    SafetensorsStore.self,
    NumPyStore.self,
    NumPyArchiveStore.self,
    KerasStore.self,
    GGUFStore.self,
    PyTorchStore.self,
    // It has no signature, so it is asked last.
    MsgpackStore.self,
  ])

  /// In the order in which they are asked whether a file is theirs.
  public let stores: [any CheckpointStore.Type]

  /// These formats, in the order in which they are asked.
  public init(_ stores: [any CheckpointStore.Type]) {
    self.stores = stores
  }

  /// The format with that name; nil where there is none.
  public subscript(name: FormatName) -> (any CheckpointStore.Type)? {
    stores.first { $0.format.name == name.rawValue }
  }

  /// The format whose suffix `path` has, the longest suffix first; nil where it has none of them.
  public func store(forSuffixOf path: String) -> (any CheckpointStore.Type)? {
    var best: (store: any CheckpointStore.Type, length: Int)?
    for store in stores {
      for suffix in store.format.suffixes
      where hasSuffix(path, suffix) && suffix.utf8.count > best?.length ?? 0 {
        best = (store, suffix.utf8.count)
      }
    }
    return best?.store
  }

  /// The format of a file: by its content first, then by its suffix.
  ///
  /// - Throws: ``RefxError`` with a sentence about what the file seems to be instead.
  public func store(of file: InputFile) throws -> any CheckpointStore.Type {
    let bySuffix = store(forSuffixOf: file.name)
    // Several formats may lie in one container; then the suffix says which.
    if let bySuffix, bySuffix.recognises(file) { return bySuffix }
    if let byContent = stores.first(where: { $0.recognises(file) }) { return byContent }
    if let other = Impostor(of: file) {
      throw RefxError.impostor(other.sentence, advice: other.advice, file: file.name)
    }
    // The format says best what is wrong with a file of its own.
    if let bySuffix { return bySuffix }
    throw RefxError.unknownFormat(file: file.name, known: stores.map { $0.format.name })
  }

  /// The format to write `path` in: `format` where it is named, else that of the suffix.
  ///
  /// - Throws: ``RefxError`` where there is none, or it is read-only.
  public func store(toWrite path: String, as format: FormatName?) throws -> any CheckpointStore.Type {
    let writable = stores.filter { $0.format.canWrite }
    if let format {
      let found = try named(format)
      guard found.format.canWrite else { throw RefxError.formatIsReadOnly(format.rawValue) }
      return found
    }
    guard let found = store(forSuffixOf: path) else {
      throw RefxError.unknownSuffix(file: path, known: writable.compactMap { $0.format.suffixes.first })
    }
    guard found.format.canWrite else { throw RefxError.formatIsReadOnly(found.format.name).inFile(path) }
    return found
  }

  /// - Throws: ``RefxError`` where there is no such format.
  public func named(_ name: FormatName) throws -> any CheckpointStore.Type {
    guard let store = self[name] else {
      throw RefxError.noSuchFormat(name.rawValue, known: stores.map { $0.format.name })
    }
    return store
  }
}

/// What a format is called: `.refx`, `.hdf5`, `.safetensors`, or any name of ``Formats``.
public struct FormatName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }

  /// `.refx`: written and read.
  public static let refx: FormatName = "refx"
  /// HDF5: written and read, files of others too.
  public static let hdf5: FormatName = "hdf5"
  /// safetensors, in one file or in shards: written and read.
  public static let safetensors: FormatName = "safetensors"
  /// NumPy's single array: written and read.
  public static let npy: FormatName = "npy"
  /// NumPy's archive: written and read.
  public static let npz: FormatName = "npz"
  /// Keras 3's archive: read.
  public static let keras: FormatName = "keras"
  /// GGUF: read.
  public static let gguf: FormatName = "gguf"
  /// flax's MessagePack: read.
  public static let msgpack: FormatName = "msgpack"
  /// PyTorch's files: read, without running anything.
  public static let pytorch: FormatName = "pytorch"
}

/// Whether `path` ends in `suffix`, ASCII letters of either case being one.
func hasSuffix(_ path: String, _ suffix: String) -> Bool {
  let tail = path.utf8.suffix(suffix.utf8.count)
  return tail.count == suffix.utf8.count
    && zip(tail, suffix.utf8).allSatisfy { lowercase($0) == lowercase($1) }
}

private func lowercase(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
}
