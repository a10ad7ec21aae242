import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Put the parts of a partition together again.",
    discussion: """
      Refuses two parts that fill one site, a hole that no part fills, a cut tie whose values have come apart, \
      and parts of different trees, and says which. The parts may come in any order and format.
      """)

  @Argument(help: "The parts.", completion: .file())
  var part: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - writes to standard output.", valueName: "out"))
  var output: String

  @OptionGroup var input: InputOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  func run() throws {
    try Checkpoints.checkOutput(output, force: writing.force)
    let format = try Checkpoints.format(of: output, asked: writing.to)
    let parts = try part.map { (file: $0, contents: try input.open($0, options).contents) }
    let merged = try CheckpointContents.merged(parts)
    for warning in merged.warnings { StandardError.note(warning, options) }
    let bar = ProgressBar("writing", options)
    defer { bar.finish() }
    for sentence in format.leftOut(of: merged.contents) { StandardError.note(visible(sentence), options) }
    try Checkpoints.save(
      merged.contents, to: output, as: format, options: writing.options(progress: bar.handler),
      force: writing.force, output: options)
    bar.finish()
    if options.json && output != "-" {
      let rows = try Listing(of: merged.contents.tree).rows.count
      try StandardOutput.write([
        "file": .string(output), "leaves": .integer(Int64(rows)),
        "warnings": .array(merged.warnings.map { .string($0) }),
      ])
    }
  }
}
