import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct PatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "patch", abstract: "Keep only what changed, and put it back.",
    discussion: """
      'patch make OLD NEW -o P' writes what NEW has and OLD has not: the arrays whose bytes changed, and all of NEW's \
      structure, ties, collections, static values and metadata. P is a checkpoint with a hole for each array that stayed \
      as it was at its path; inspect lists it. One array is the least that is kept: of an array in which one element \
      changed all are, and an array that was renamed is stored again under its new path.

      'patch apply OLD P -o NEW' writes NEW again. It refuses every checkpoint but OLD, by its digest, in whatever \
      format or compression it is; so OLD may be converted in between, and must not be changed.

      To make a patch, OLD is read once, and NEW where both files do not keep a hash of an array; then what changed. The \
      patch may not replace OLD or NEW, --force or not.

      With --json it prints {"file", "format", "leaves"}, and make also "changed", "changedBytes" and "unchanged".

      Examples:
        refx patch make base.refx finetuned.refx -o delta.refx
        refx patch apply base.refx delta.refx -o finetuned.refx
        refx patch apply base.h5 delta.refx -o finetuned.safetensors
      """)

  enum Action: String, ExpressibleByArgument, CaseIterable { case make, apply }

  @Argument(help: "make or apply.")
  var action: Action

  @Argument(help: "The checkpoint that the patch leads from.", completion: .file())
  var old: String

  @Argument(
    help: ArgumentHelp(
      "To make: the checkpoint that it leads to. To apply: the patch.", valueName: "new|patch"),
    completion: .file())
  var other: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - writes to standard output.", valueName: "out"))
  var output: String

  @OptionGroup var skip: SkipOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  func run() throws {
    try Checkpoints.checkOutput(output, writing, options)
    let format = try Checkpoints.format(of: output, asked: writing.to)
    if action == .make {
      // To one of the two alone the patch applies, and only with it the other one can be made again.
      for file in try Checkpoints.filesReplaced(by: output, as: format, writing) {
        try Checkpoints.refuse(file, replacing: [old, other])
      }
    }
    let (before, skipped) = try input.read(old, skip, options)
    switch action {
    case .make:
      let (after, skippedToo) = try input.read(other, skip, options)
      let patch = try hashing([before, after]) { try before.patch(to: after, hashes: $0) }
      try write(patch.contents, format) {
        [
          .init("changed", .integer(Int64(patch.changed))),
          .init("changedBytes", .integer(Int64(patch.changedBytes))),
          .init("unchanged", .integer(Int64(patch.unchanged))),
        ] + skip.members(skipped + skippedToo)
      }
      if !options.json, !options.quiet, output != "-" {
        try StandardOutput.write(
          "\(visible(output))  \(counted(patch.changed, "array", "arrays")) changed, \(patch.unchanged) not\n"
        )
      }
    case .apply:
      let (patch, skippedToo) = try input.read(other, skip, options)
      let after = try hashing([before]) { hashes in
        do { return try before.applying(patch, named: other, hashes: hashes) } catch let error as RefxError {
          throw error.inFile(old)
        }
      }
      try write(after, format) { skip.members(skipped + skippedToo) }
    }
  }

  private func hashing<R>(_ contents: [CheckpointContents], _ body: (LeafHashes) throws -> R) throws -> R {
    let bar = ProgressBar("hashing", options)
    defer { bar.finish() }
    let total = try contents.reduce(0) { $0.addingSaturated(try Listing(of: $1.tree).uniqueBytes) }
    var done = 0
    return try body(
      LeafHashes { count in
        done += count
        bar.update(done, total)
      })
  }

  private func write(
    _ contents: CheckpointContents, _ format: any CheckpointStore.Type, _ more: () -> [JSONObject.Member]
  ) throws {
    try ChangedCheckpoint(contents: contents, file: output, format: format, writing: writing)
      .save(options, label: "writing", more)
  }
}
