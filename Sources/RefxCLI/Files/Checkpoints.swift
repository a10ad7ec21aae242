import Glibc
import Refx
import RefxIO
import RefxStore

/// What standard output is called where a file's name is expected.
enum StandardOutputFile {
  static let name = "standard output"
}

/// Files as the command line names them: which format, which way in and out.
enum Checkpoints {
  /// The format called `name`; a suffix without its dot names one too.
  static func format(named name: String) throws -> any CheckpointStore.Type {
    let known = Formats.all
    if let bySuffix = known.stores.first(where: { $0.format.suffixes.contains("." + name) }) {
      return bySuffix
    }
    return try known.named(FormatName(rawValue: name))
  }

  /// Opens the checkpoint `name`; `-` is standard input, read into memory.
  static func open(
    _ name: String, format: String? = nil, limits: Limits = Limits(), verify: Verification = .always
  ) throws -> OpenedCheckpoint {
    let store = try format.map { try self.format(named: $0) }
    let named = store.map { FormatName(rawValue: $0.format.name) }
    let options = OpenOptions(
      limits: limits, verify: verify, libraries: .worker(executable: "/proc/self/exe"))
    let crew = Crews.current
    let held = name == "-" ? try crew.standardInput(standardInput) : []
    return try crew.opened {
      let file = name == "-" ? InputFile(inMemory(held), name: "standard input") : try InputFile(path: name)
      return try Checkpoint.open(file, format: named, options: options)
    }
  }

  private static func standardInput() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(0, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw RefxError.system("cannot read", errno: errno, file: "standard input")
      }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }

  private static func inMemory(_ bytes: [UInt8]) -> MemoryBytes {
    MemoryBytes(count: bytes.count) { target in bytes.withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  // MARK: Writing

  /// The format that a new file `name` gets: what was asked for, else by suffix; `.refx` on standard output.
  static func format(of name: String, asked: String?) throws -> any CheckpointStore.Type {
    let asked = try asked.map { FormatName(rawValue: try format(named: $0).format.name) }
    return try Formats.all.store(toWrite: name, as: asked ?? (name == "-" ? .refx : nil))
  }

  /// Refuses what may not be written to, before any work is done.
  ///
  /// - Parameter inputs: files that are read and that what is written cannot stand for: none of them is replaced, by
  ///   whatever name it goes.
  static func checkOutput(_ name: String, force: Bool, inputs: [String] = []) throws {
    if name == "-" { return }
    if name.isEmpty { throw RefxError.badArgument("the file to write", name, expected: "a name") }
    var status = stat()
    guard stat(name, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RefxError.notARegularFile(kind: kind(of: status.st_mode), file: name)
    }
    try refuse(name, replacing: inputs)
    if !force { throw RefxError.fileExists(file: name) }
  }

  /// The same of a file that gets a checkpoint: the folder must be there, and standard output free for it and no
  /// terminal.
  ///
  /// - Parameter dryRun: whether nothing will be written, and standard output is for words.
  static func checkOutput(
    _ name: String, _ writing: WritingOptions, _ output: OutputOptions, dryRun: Bool = false
  ) throws {
    try checkOutput(name, force: writing.force)
    if name != "-" { return try AtomicFile.checkFolder(of: name) }
    if dryRun { return }
    if output.json { throw RefxError.jsonBesideData() }
    if isTerminal(1) { throw RefxError.dataToTerminal() }
  }

  /// Refuses shards over those of an earlier save, before any work is done.
  static func checkShards(
    _ name: String, as store: any CheckpointStore.Type, _ writing: WritingOptions
  ) throws {
    if writing.force || name == "-" { return }
    let earlier = try filesReplaced(by: name, as: store, writing).dropFirst()
    if !earlier.isEmpty { throw RefxError.earlierFiles(Array(earlier), of: name) }
  }

  /// The files that a save to `name` may replace or remove.
  static func filesReplaced(
    by name: String, as store: any CheckpointStore.Type, _ writing: WritingOptions
  ) throws -> [String] {
    guard let sharded = store as? any ShardedStore.Type, writing.maxShardSize != nil || sharded.isIndex(name)
    else { return [name] }
    return [name] + (try sharded.filesOfEarlierSaves(to: name)).filter { $0 != name }
  }

  /// Refuses a file to write that is one of those that are read, by whatever name or link, the shards of an index
  /// among them.
  static func refuse(_ output: String, replacing inputs: [String]) throws {
    guard output != "-", let file = FileIdentity(output) else { return }
    for input in inputs where input != "-" {
      let stores = Formats.all.stores.compactMap { $0 as? any ShardedStore.Type }.filter { $0.isIndex(input) }
      let shards = try stores.flatMap { try $0.filesOfEarlierSaves(to: input) }
      if ([input] + shards).contains(where: { FileIdentity($0) == file }) {
        throw RefxError.outputIsRead(output, input: input)
      }
    }
  }

  private static func kind(of mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a FIFO"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// Writes a checkpoint as a whole or not at all; `-` streams it to standard output.
  ///
  /// - Returns: the files that were written.
  @discardableResult
  static func save(
    _ contents: CheckpointContents, to name: String, as store: any CheckpointStore.Type,
    options: WriteOptions, force: Bool, output: OutputOptions
  ) throws -> [String] {
    let batch = AtomicBatch()
    let saved = try save(contents, to: name, as: store, options: options, force: force, with: batch)
    do { try Crews.current.together { try batch.commit() } } catch let error as RefxError {
      throw error.inFile(name)
    }
    try finish(saved, output)
    return saved.files
  }

  /// Writes a checkpoint that takes its place when `batch` is committed; `-` streams it at once.
  static func save(
    _ contents: CheckpointContents, to name: String, as store: any CheckpointStore.Type,
    options: WriteOptions, force: Bool, with batch: AtomicBatch
  ) throws -> SavedFiles {
    guard name == "-" else {
      return try Crews.current.write(
        contents, to: name, as: store, options: options, overwrite: force, with: batch)
    }
    // Standard output is that of the first rank.
    return try Crews.current.together {
      guard Crews.current.isFirst else { return SavedFiles(files: [name], stale: []) }
      return try stream(contents, as: store, options)
    }
  }

  private static func stream(
    _ contents: CheckpointContents, as store: any CheckpointStore.Type, _ options: WriteOptions
  ) throws -> SavedFiles {
    do {
      guard store.format.streams else { throw RefxError.formatDoesNotStream(store.format.name) }
      try StandardOutput.flush()
      let target = DescriptorTarget(descriptor: 1, name: StandardOutputFile.name)
      try store.write(contents, to: target, options: options)
      try target.flush()
      return SavedFiles(files: ["-"], stale: [])
    } catch let error as RefxError {
      throw error.inFile(StandardOutputFile.name)
    }
  }

  /// Removes what an earlier save left in the place of new files, and says so.
  static func finish(_ saved: SavedFiles, _ output: OutputOptions) throws {
    if Crews.current.isFirst { try saved.removeStale() }
    if saved.files.count > 1, let index = saved.files.last {
      StandardError.note(
        "written as \(counted(saved.files.count - 1, "shard", "shards")) and \(visible(index))", output)
    }
    for file in saved.stale { StandardError.note("removed \(visible(file)), of an earlier save", output) }
  }
}

/// Which file a name stands for, links followed.
private struct FileIdentity: Equatable {
  private let device: dev_t
  private let inode: ino_t

  /// nil where there is no file.
  init?(_ name: String) {
    var status = stat()
    guard stat(name, &status) == 0 else { return nil }
    (device, inode) = (status.st_dev, status.st_ino)
  }
}
