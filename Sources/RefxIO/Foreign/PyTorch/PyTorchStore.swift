import Refx
import RefxStore

/// Files of PyTorch, read only: what `torch.save` writes of tensors, numbers, texts and plain containers.
///
/// Nothing in a file is ever run, and no class of it is brought to life: a pickle that names another class than
/// those of tensors and plain containers is refused, with the names of all of them.
public enum PyTorchStore: CheckpointStore {
  public static let format = FormatDescription(
    name: "pytorch", suffixes: [".ckpt", ".pth", ".bin", ".pt"], canWrite: false)

  /// Whether it is an archive that begins with torch's pickle, or a file with torch's magic number. An archive with
  /// one of torch's suffixes may have the pickle elsewhere.
  public static func recognises(_ file: InputFile) -> Bool {
    if LegacyFile.recognises(file) || isTar(file) { return true }
    guard let name = ZipArchive.firstName(of: file) else { return false }
    if isPickle(name) { return true }
    guard hasSuffix(file.name), !name.suffix(4).elementsEqual(".npy".utf8),
      let archive = try? ZipArchive(of: file, Budget(Limits()))
    else { return false }
    return archive.members.contains { isPickle(Array($0.name.utf8)) }
  }

  private static func isPickle(_ name: [UInt8]) -> Bool { name.suffix(9).elementsEqual("/data.pkl".utf8) }

  private static func hasSuffix(_ name: String) -> Bool {
    format.suffixes.contains { name.utf8.suffix($0.utf8.count).elementsEqual($0.utf8) }
  }

  /// The form of the first months of torch.
  private static func isTar(_ file: InputFile) -> Bool {
    guard let head = try? file.bytes(at: 0, count: 262), head[257...].elementsEqual("ustar".utf8) else {
      return false
    }
    let name = head.prefix { $0 != 0 }
    return ["sys_info", "pickle", "tensors", "storages"].contains { name.elementsEqual($0.utf8) }
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    do {
      let budget = Budget(options.limits)
      if ZipArchive.recognises(file) {
        let archive = try TorchArchive(ZipArchive(of: file, budget), in: file, verify: options.verify)
        let (objects, root) = try archive.objects(budget)
        return try opened(
          objects, root, archive, file, options, version: archive.version,
          hasChecksums: archive.hasChecksums, warnings: archive.unread(objects).map { [$0] } ?? [])
      }
      if LegacyFile.recognises(file) {
        let legacy = try LegacyFile(file, budget)
        return try opened(legacy.objects, legacy.root, legacy, file, options)
      }
      if isTar(file) { throw RefxError.torchTar() }
      let bare = try BarePickle(file, budget)
      return try opened(bare.objects, bare.root, bare, file, options)
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  private static func opened(
    _ objects: TorchObjects, _ root: PickleValue, _ payload: any TorchPayload, _ file: InputFile,
    _ options: OpenOptions, version: Int? = nil, hasChecksums: Bool = false, warnings: [String] = []
  ) throws -> OpenedCheckpoint {
    var making = TorchTree(objects, payload: payload, fileBytes: file.byteCount)
    let contents = CheckpointContents(tree: try making.tree(of: root))
    return OpenedCheckpoint(
      contents: contents, format: format.name, version: version, warnings: making.warnings + warnings,
      hasChecksums: hasChecksums,
      verifyLeaves: { try contents.tree.verify(threads: options.threads, of: $0, $1, $2) })
  }
}

/// A pickle that nothing of torch's surrounds: read where it holds plain values and arrays of NumPy.
struct BarePickle: TorchPayload {
  let objects: TorchObjects
  let root: PickleValue

  /// - Throws: ``RefxError`` where the file is no pickle, or one of other things.
  init(_ file: InputFile, _ budget: Budget) throws {
    let head = try file.bytes(at: 0, count: min(file.byteCount, 8))
    guard head.count >= 3, head[0] == 0x80, head[1] <= 5 else {
      throw RefxError.noPyTorch(NoPyTorch.guess(file))
    }
    var machine = PickleMachine(PickleInput(file, budget), TorchObjects(budget, hasStorages: false))
    root = try machine.runOrRefuse()
    guard machine.input.bytesLeft == 0 else {
      throw RefxError.torchTrailing(machine.input.bytesLeft, at: machine.input.place)
    }
    objects = machine.objects
  }

  func place(of storage: TorchStorage, number: Int) throws -> StoragePlace {
    throw RefxError.torchStorageMissing(storage.key.string)
  }
}

/// What often has one of torch's suffixes and is something else.
enum NoPyTorch {
  /// A guess by the first and last bytes, as the end of a sentence; nil where they say nothing.
  static func guess(_ file: InputFile) -> String? {
    if let tail = try? file.bytes(at: file.byteCount - 8, count: 8),
      tail == [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
    {
      return "a table of TensorFlow's, as its checkpoints are"
    }
    guard let head = try? file.bytes(at: 0, count: min(file.byteCount, 8)) else { return nil }
    for (start, guess) in [
      ("ggml", "a model of GGML of before GGUF"), ("lmgg", "a model of GGML of before GGUF"),
      ("fmgg", "a model of GGML of before GGUF"), ("tjgg", "a model of GGML of before GGUF"),
      ("Rar!", "a RAR archive"), ("7z\u{BC}", "a 7z archive"), ("BZh", "a bzip2 archive"),
    ] where head.starts(with: start.unicodeScalars.map { UInt8($0.value) }) {
      return guess
    }
    if head.starts(with: [0x1F, 0x8B]) { return "a gzip archive" }
    if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]) { return "an xz archive" }
    if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "a zstd archive" }
    return nil
  }
}
