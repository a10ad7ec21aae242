import ArgumentParser
import Refx
import RefxIO
import RefxStore

/// How a checkpoint is read, and where it goes once something in it was changed.
struct ChangeOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - writes to standard output.", valueName: "out"))
  var output: String

  @OptionGroup var skip: SkipOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  /// In which format the file is written: asked before any work is done, and refused where it may not be written.
  func format() throws -> any CheckpointStore.Type {
    try Checkpoints.checkOutput(output, writing, options)
    return try Checkpoints.format(of: output, asked: writing.to)
  }

  /// The contents of `name`, and what was left out of them.
  func read(_ name: String) throws -> (contents: CheckpointContents, skipped: [SkippedLeaf]) {
    try input.read(name, skip, options)
  }

  /// Writes the contents, and says so in JSON where that is asked for.
  func save(
    _ contents: CheckpointContents, as format: any CheckpointStore.Type, _ more: () -> [JSONObject.Member]
  ) throws {
    let files = try write(contents, as: format)
    guard options.json, output != "-" else { return }
    let rows = try Listing(of: contents.tree).rows.count
    var document = JSONObject(
      [
        .init("file", .string(files.last ?? output)), .init("format", .string(format.format.name)),
        .init("leaves", .integer(Int64(rows))),
      ] + more())
    if files.count > 1 { document["files"] = .array(files.map { .string($0) }) }
    try StandardOutput.write(.object(document))
  }

  /// Writes the contents, with a bar, and says what the format has no place for.
  ///
  /// - Returns: the files, of several the index last.
  func write(_ contents: CheckpointContents, as format: any CheckpointStore.Type) throws -> [String] {
    for sentence in format.leftOut(of: contents) { StandardError.loss(visible(sentence)) }
    let bar = ProgressBar("writing", options)
    defer { bar.finish() }
    return try Checkpoints.save(
      contents, to: output, as: format, options: writing.options(progress: bar.handler),
      force: writing.force, output: options)
  }
}

/// The first few paths, in words.
func firstFew(_ paths: [Path]) -> String {
  paths.prefix(3).map(\.shown).joined(separator: ", ")
    + (paths.count > 3 ? " and \(paths.count - 3) more" : "")
}
