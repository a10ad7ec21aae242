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

  @OptionGroup var change: ChangeOptions

  func run() throws {
    let format = try change.format()
    if action == .make {
      // To one of the two alone the patch applies, and only with it the other one can be made again.
      for file in try Checkpoints.filesReplaced(by: change.output, as: format, change.writing) {
        try Checkpoints.refuse(file, replacing: [old, other])
      }
    }
    let (before, skipped) = try change.read(old)
    switch action {
    case .make:
      let (after, skippedToo) = try change.read(other)
      let patch = try hashing([before, after]) { try before.patch(to: after, hashes: $0) }
      try change.save(patch.contents, as: format) {
        [
          .init("changed", .integer(Int64(patch.changed))),
          .init("changedBytes", .integer(Int64(patch.changedBytes))),
          .init("unchanged", .integer(Int64(patch.unchanged))),
        ] + change.skip.members(skipped + skippedToo)
      }
      if !change.options.json, !change.options.quiet, change.output != "-" {
        try StandardOutput.write(
          "\(visible(change.output))  \(counted(patch.changed, "array", "arrays")) changed, \(patch.unchanged) not\n"
        )
      }
    case .apply:
      let (patch, skippedToo) = try change.read(other)
      let after = try hashing([before]) { hashes in
        do { return try before.applying(patch, named: other, hashes: hashes) } catch let error as RefxError {
          throw error.inFile(old)
        }
      }
      try change.save(after, as: format) { change.skip.members(skipped + skippedToo) }
    }
  }

  private func hashing<R>(_ contents: [CheckpointContents], _ body: (LeafHashes) throws -> R) throws -> R {
    let bar = ProgressBar("hashing", change.options)
    defer { bar.finish() }
    let total = try contents.reduce(0) { $0.addingSaturated(try Listing(of: $1.tree).uniqueBytes) }
    var done = 0
    return try body(
      LeafHashes { count in
        done += count
        bar.update(done, total)
      })
  }
}
