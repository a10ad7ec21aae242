import ArgumentParser
import Refx
import RefxIO
import RefxStore

/// How a checkpoint is read.
struct InputOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Read this format, whatever the content looks like.", valueName: "format"))
  var from: String?

  @OptionGroup(title: "Limits") var limits: LimitOptions

  /// Opens `name`, `-` being standard input, and says what the format has to say.
  func open(
    _ name: String, _ output: OutputOptions, verify: Verification = .always
  ) throws -> OpenedCheckpoint {
    let opened = try Checkpoints.open(name, format: from, limits: limits.limits, verify: verify)
    for warning in opened.warnings { StandardError.note("\(visible(name)): \(visible(warning))", output) }
    return opened
  }
}

/// What is done about leaves that cannot be represented.
struct SkipOptions: ParsableArguments {
  @Flag(help: "Leave out what cannot be represented, and list it.")
  var skipUnsupported = false

  /// The tree without unsupported leaves.
  ///
  /// - Throws: ``RefxError`` that names each of them, unless they are to be skipped.
  func supported(_ tree: Tree<Leaf>, of file: String, _ output: OutputOptions) throws -> Tree<Leaf> {
    try supported(tree, of: file).tree
  }

  /// The tree without unsupported leaves, and these. They are listed on standard error, `--quiet` or not.
  ///
  /// - Throws: ``RefxError`` that names each of them, unless they are to be skipped.
  func supported(
    _ tree: Tree<Leaf>, of file: String
  ) throws -> (tree: Tree<Leaf>, skipped: [SkippedLeaf]) {
    let unsupported = try tree.unsupportedLeaves()
    if unsupported.isEmpty { return (tree, []) }
    guard skipUnsupported else { throw RefxError.unsupportedLeaves(unsupported).inFile(file) }
    let skipped = unsupported.map { SkippedLeaf(file: file, path: $0.path, leaf: $0.reason) }
    for leaf in skipped { StandardError.loss(leaf.sentence) }
    return (try tree.skippingUnsupported(), skipped)
  }

  /// What was skipped, where that was asked for.
  func members(_ skipped: [SkippedLeaf]) -> [JSONObject.Member] {
    skipUnsupported ? [.init("skipped", .array(skipped.map(\.json)))] : []
  }
}

/// A leaf that was left out because it cannot be represented.
struct SkippedLeaf {
  let file: String
  let path: Path
  let leaf: UnsupportedLeaf

  var sentence: String {
    "\(visible(file)): \(path.shown): skipped: \(visible(leaf.typeName)): \(visible(leaf.reason))"
  }

  var json: JSON {
    [
      "file": .string(file), "path": path.json, "type": .string(leaf.typeName),
      "reason": .string(leaf.reason),
    ]
  }
}

extension InputOptions {
  /// The contents of `name` without what cannot be represented.
  ///
  /// - Throws: ``RefxError`` that names each unsupported leaf, unless they are to be skipped.
  func contents(of name: String, _ skip: SkipOptions, _ output: OutputOptions) throws -> CheckpointContents {
    try read(name, skip, output).contents
  }

  /// The same, and what was left out.
  func read(
    _ name: String, _ skip: SkipOptions, _ output: OutputOptions
  ) throws -> (contents: CheckpointContents, skipped: [SkippedLeaf]) {
    var contents = try open(name, output).contents
    let skipped: [SkippedLeaf]
    (contents.tree, skipped) = try skip.supported(contents.tree, of: name)
    return (contents, skipped)
  }
}

/// How new files are written.
struct WritingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write this format, whatever the name says.", valueName: "format"))
  var to: String?

  @Option(help: ArgumentHelp("How strongly to compress: none, fast or best.", valueName: "level"))
  var compression = Compression.fast

  @Flag(help: "Replace files that exist.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "Spread the values over .safetensors files of at most n bytes of values each, with an index: 5GB, "
        + "500MB (powers of ten), 2GiB, or bytes.", valueName: "n"))
  var maxShardSize: ShardSize?

  /// What a format is told.
  func options(progress: ProgressHandler?) -> WriteOptions {
    WriteOptions(compression: compression, progress: progress, maxShardBytes: maxShardSize?.byteCount)
  }
}

/// A number of bytes, at least 1, such as `5GB`, `512MiB` or `4096`.
struct ShardSize: ExpressibleByArgument {
  let byteCount: Int

  init?(argument: String) {
    let units: [(suffix: String, bytes: Int)] = [
      ("KIB", 1 << 10), ("MIB", 1 << 20), ("GIB", 1 << 30), ("TIB", 1 << 40), ("KB", 1000),
      ("MB", 1_000_000),
      ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]
    let text = argument.uppercased()
    let unit = units.first { text.hasSuffix($0.suffix) }
    guard let number = Int(text.dropLast(unit?.suffix.count ?? 0)), number > 0 else { return nil }
    let (count, overflow) = number.multipliedReportingOverflow(by: unit?.bytes ?? 1)
    guard !overflow else { return nil }
    byteCount = count
  }
}

extension Compression: ExpressibleByArgument {}
extension SharedPolicy: ExpressibleByArgument {}

/// Which paths are meant.
struct PatternOptions: ParsableArguments {
  @Flag(help: "Read each PATTERN as a regular expression over the joined path.")
  var regex = false

  func patterns(_ texts: [String]) throws -> [PathPattern] {
    try texts.map { try regex ? PathPattern(regex: $0) : PathPattern(glob: $0) }
  }
}

/// Reads a path as the command line has it.
func path(from text: String) throws -> Path {
  guard let path = Path(text: text) else { throw RefxError.badPath(text) }
  return path
}
