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
  /// The contents of `name` without what cannot be represented, and what was left out of them.
  ///
  /// - Throws: ``RefxError`` that names each unsupported leaf, unless they are to be skipped.
  func read(
    _ name: String, _ skip: SkipOptions, _ output: OutputOptions
  ) throws -> (contents: CheckpointContents, skipped: [SkippedLeaf]) {
    var contents = try open(name, output).contents
    let skipped: [SkippedLeaf]
    (contents.tree, skipped) = try skip.supported(contents.tree, of: name)
    return (contents, skipped)
  }
}
