import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Put the parts of a partition together again, or join two edits.",
    discussion: """
      Refuses two parts that fill one site, a hole that no part fills, a cut tie whose values have come apart, \
      and parts of different trees, and says which. The parts may come in any order and format.

      With --base the two files are edits of one checkpoint, BASE: what one of them changed is taken from it, \
      ties and collections too. What both changed, each in its own way, is a conflict: all are listed by kind, \
      nothing is written, and it exits with 1.

      Examples:
        # the inverse of partition
        refx merge parts/*.refx -o whole.refx
        # two edits of one checkpoint
        refx merge --base old.refx mine.refx theirs.refx -o new.refx
        # the conflicts, for a program
        refx merge --base old.refx a.refx b.refx -o new.refx --json | jq .conflicts
      """)

  @Argument(help: "The parts, or two edits of BASE.", completion: .file())
  var part: [String]

  @Option(
    help: ArgumentHelp("Join two edits of this checkpoint.", valueName: "base"), completion: .file())
  var base: String?

  @OptionGroup var change: ChangeOptions

  func run() throws {
    if base != nil && part.count != 2 { throw RefxError.threeWayNeedsTwo(found: part.count) }
    if (part + [base].compactMap { $0 }).count(where: { $0 == "-" }) > 1 {
      throw RefxError.standardInputTwice()
    }
    let format = try change.format()
    if let base { return try join(base, part[0], part[1], as: format) }
    let merged = try CheckpointContents.merged(files: part) { try change.read($0).contents }
    for warning in merged.warnings { StandardError.note(warning, change.options) }
    try save(merged.contents, as: format, [.init("warnings", .array(merged.warnings.map { .string($0) }))])
  }

  private func save(
    _ contents: CheckpointContents, as format: any CheckpointStore.Type, _ more: [JSONObject.Member]
  ) throws {
    let files = try change.write(contents, as: format)
    if change.options.json && change.output != "-" {
      let rows = try Listing(of: contents.tree).rows.count
      try StandardOutput.write(
        .object(
          JSONObject(
            [.init("file", .string(files.last ?? change.output)), .init("leaves", .integer(Int64(rows)))]
              + more)))
    }
  }
}

// MARK: Three-way

extension MergeCommand {
  private func join(
    _ base: String, _ a: String, _ b: String, as format: any CheckpointStore.Type
  ) throws {
    let before = try change.read(base).contents
    let merge = try CheckpointContents.merging(
      try change.read(a).contents, try change.read(b).contents, base: before,
      names: names(of: a, b))
    let taken: JSON = ["a": .integer(Int64(merge.taken.a)), "b": .integer(Int64(merge.taken.b))]
    guard let contents = merge.contents else {
      try show(merge.conflicts, taken: taken)
      throw Answer.no
    }
    try save(contents, as: format, [.init("conflicts", []), .init("taken", taken)])
  }

  private func show(_ conflicts: [ThreeWayMerge.Conflict], taken: JSON) throws {
    if change.options.json {
      let rows = conflicts.map { conflict -> JSON in
        [
          "kind": .string(conflict.kind.rawValue), "path": conflict.path.json,
          "what": .string(conflict.what),
        ]
      }
      return try StandardOutput.write(["conflicts": .array(rows), "taken": taken])
    }
    for kind in TreeDiff.Kind.allCases {
      let rows = conflicts.filter { $0.kind == kind }
      if rows.isEmpty { continue }
      try StandardOutput.write("\(kind.rawValue): \(counted(rows.count, "conflict", "conflicts"))\n")
      for row in rows { try StandardOutput.write("  \(row.path.shown): \(visible(row.what))\n") }
    }
    try StandardOutput.write("nothing was written\n")
  }

  /// The files' own names where they differ, else the whole paths; A and B where it is one file.
  private func names(of a: String, _ b: String) -> ThreeWayMerge.Names {
    func last(_ name: String) -> String { name.split(separator: "/").last.map(String.init) ?? name }
    if last(a) != last(b) { return ThreeWayMerge.Names(a: last(a), b: last(b)) }
    return a == b ? ThreeWayMerge.Names() : ThreeWayMerge.Names(a: a, b: b)
  }
}
