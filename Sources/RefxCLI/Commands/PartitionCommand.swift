import ArgumentParser
import Glibc
import Refx
import RefxIO
import RefxStore

struct PartitionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "partition", abstract: "Take a checkpoint apart; merge is the exact inverse.",
    discussion: """
      Each part keeps the whole structure, with holes where a site went elsewhere. A SELECTOR is \
      collection:NAME, path:PATTERN or dtype:NAME; the first that matches wins. A Ref goes with all that it \
      holds. A shared value whose sites fall into several parts is in each of them; merge ties it again.

      --by-collection writes one file for each collection into DIR, and 'rest' for everything else. With --select \
      and no --rest, what no SELECTOR chooses goes nowhere: how much that is, is said, with --quiet too. No part may \
      replace the input. Leaves that cannot be represented are left out by refx convert --skip-unsupported first, so \
      that the parts make up the whole.

      With --json it prints {"parts": [{"file": what merge takes, "name", "sites", "files": all, of shards}], "cuts", \
      "dropped": how many sites went nowhere}.

      Examples:
        # parts/params.refx, parts/batch_stats.refx, parts/rest.refx
        refx partition run.refx --by-collection -o parts
        # the adapters alone, and the rest to merge them with later
        refx partition run.refx --select 'path:**/lora/**=lora.refx' --rest base.refx
        # parts that HDF5 tools can read
        refx partition run.refx --by-collection -o parts --to h5
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Flag(help: "One part for each collection.")
  var byCollection = false

  @Option(name: .shortAndLong, help: ArgumentHelp("The folder for --by-collection.", valueName: "dir"))
  var output: String?

  @Option(help: ArgumentHelp("A part, and the file it goes to.", valueName: "selector=out"))
  var select: [String] = []

  @Option(help: ArgumentHelp("The file for what no selector chooses.", valueName: "out"))
  var rest: String?

  @OptionGroup var input: InputOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  /// A part, and the file it goes to; nil where it goes nowhere.
  private struct Target {
    let position: Int
    let file: String?
    let format: any CheckpointStore.Type
    /// What merge can be given: the file, or the index of its shards.
    var main: String?
    /// All that was written.
    var files: [String] = []
  }

  func validate() throws {
    if byCollection {
      if output == nil { throw ValidationError("--by-collection needs the folder for the parts: -o DIR") }
      if !select.isEmpty || rest != nil {
        throw ValidationError("--by-collection and --select cannot be used together")
      }
    } else if select.isEmpty {
      throw ValidationError(
        "say how to take the checkpoint apart: --by-collection -o DIR or --select SELECTOR=OUT")
    }
  }

  func run() throws {
    let chosen = try select.map(selection)
    let contents = try input.open(file, options).contents
    let unsupported = try contents.tree.unsupportedLeaves()
    if !unsupported.isEmpty {
      throw RefxError.unsupportedLeaves(
        unsupported, advice: "leave them out first: refx convert --skip-unsupported"
      ).inFile(file)
    }
    var (plan, targets) = try byCollection ? planByCollection(contents) : planBySelection(contents, chosen)
    try check(targets)
    for (choice, count) in zip(select, plan.siteCounts) where count == 0 {
      StandardError.note("--select \(visible(choice)) chooses nothing", options)
    }
    // All have looked, and find the folder there.
    let folder = try Crews.current.together { try byCollection ? output.map { try NewFolder($0) } : nil }
    do { try write(plan, &targets) } catch {
      folder?.removeIfEmpty()
      throw error
    }
    try report(plan, targets)
  }

  private func selection(_ text: String) throws -> (selector: Selector, file: String) {
    guard let mark = text.utf8.lastIndex(of: UInt8(ascii: "=")) else {
      throw RefxError.badArgument("--select", text, expected: "SELECTOR=OUT")
    }
    let file = String(text[text.utf8.index(after: mark)...])
    guard !file.isEmpty else {
      throw RefxError.badArgument("--select", text, expected: "a file behind the =")
    }
    return (try Selector(text: String(text[..<mark])), file)
  }

  private func planByCollection(_ contents: CheckpointContents) throws -> (PartitionPlan, [Target]) {
    let format = try Checkpoints.format(of: "part.refx", asked: writing.to ?? "refx")
    let (plan, collections) = try contents.planningPartitionByCollection()
    // The suffix that was asked for, such as .h5, where the format has it.
    let suffix =
      writing.to.map { "." + $0 }.flatMap { asked in format.format.suffixes.first { $0 == asked } }
      ?? format.format.suffixes.first ?? ".refx"
    let folder = output ?? "."
    let targets = collections.enumerated().map { position, collection in
      Target(
        position: position, file: "\(folder)/\(collection?.fileName ?? "rest")\(suffix)", format: format)
    }
    return (plan, targets)
  }

  private func planBySelection(
    _ contents: CheckpointContents, _ chosen: [(selector: Selector, file: String)]
  ) throws -> (PartitionPlan, [Target]) {
    let files: [String?] = chosen.map(\.file) + [rest]
    let formats = try files.map {
      try $0.map { try Checkpoints.format(of: $0, asked: writing.to) } ?? RefxFormat.self
    }
    let plan = try contents.planningPartition(by: chosen.map { ($0.file, $0.selector) })
    let targets = zip(files, formats).enumerated().map { Target(position: $0, file: $1.0, format: $1.1) }
    return (plan, targets)
  }

  /// Looks at every file before the first is written.
  private func check(_ targets: [Target]) throws {
    var taken: Set<Key> = []
    for target in targets {
      guard let file = target.file else { continue }
      guard taken.insert(Key(realName(of: file))).inserted else { throw RefxError.sameOutput(file) }
      if byCollection {
        try Checkpoints.checkOutput(file, force: writing.force)
      } else {
        try Checkpoints.checkOutput(file, writing, options)
      }
      // A part is never all of the input.
      for replaced in try Checkpoints.filesReplaced(by: file, as: target.format, writing) {
        try Checkpoints.refuse(replaced, replacing: [self.file])
      }
    }
  }

  /// Where the file is in truth, so that two spellings of one name, or a link and its target, are seen to be
  /// one file.
  private func realName(of file: String) -> String {
    func resolved(_ path: String) -> String? {
      guard let name = realpath(path, nil) else { return nil }
      defer { free(name) }
      return String(cString: name)
    }
    if file == "-" { return file }
    if let name = resolved(file) { return name }
    guard let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else {
      return (resolved(".") ?? ".") + "/" + file
    }
    let folder = slash == file.startIndex ? "/" : String(file[..<slash])
    return (resolved(folder) ?? folder) + String(file[slash...])
  }

  /// Writes all parts, one of them in memory at a time; none takes its place before the last is whole.
  private func write(_ plan: PartitionPlan, _ targets: inout [Target]) throws {
    let bar = ProgressBar("writing", options)
    defer { bar.finish() }
    // Who sees no bar need not wait for the sizes, for which each part is built.
    let sizes = try targets.map { target in
      guard options.showsProgress, target.file != nil else { return 0 }
      return try Listing(of: plan.part(target.position).contents.tree).uniqueBytes
    }
    let total = sizes.reduce(0, +)
    var before = 0
    let batch = AtomicBatch()
    var saved: [SavedFiles] = []
    var losses: [String] = []
    for (place, size) in sizes.enumerated() {
      let target = targets[place]
      guard let file = target.file else { continue }
      let start = before
      let progress: ProgressHandler = { done, _ in bar.update(start + done, total) }
      let contents = try plan.part(target.position).contents
      losses += target.format.leftOut(of: contents).map { "\(visible(file)): \(visible($0))" }
      let files = try Checkpoints.save(
        contents, to: file, as: target.format, options: writing.options(progress: progress),
        force: writing.force, with: batch)
      targets[place].files = files.files
      targets[place].main = files.files.last
      saved.append(files)
      before += size
    }
    try Crews.current.together { try batch.commit() }
    bar.finish()
    for loss in losses { StandardError.loss(loss) }
    for files in saved { try Checkpoints.finish(files, options) }
  }

  private func report(_ plan: PartitionPlan, _ targets: [Target]) throws {
    for cut in plan.cuts {
      let places = cut.sites.prefix(6).map { site in
        "\(site.path.shown) in \(visible(targets[site.part].main ?? "no file"))"
      }
      let more = cut.sites.count > 6 ? " and \(cut.sites.count - 6) more" : ""
      StandardError.note(
        "a shared value was cut, merge ties it again: \(places.joined(separator: ", "))\(more)", options)
    }
    let dropped = dropped(plan, targets)
    if dropped > 0 {
      StandardError.loss(
        "\(counted(dropped, "site matches", "sites match")) no selector and went nowhere; --rest OUT keeps "
          + (dropped == 1 ? "it" : "them"))
    }
    if options.json { return try StandardOutput.write(json(plan, targets, dropped: dropped)) }
    if options.quiet || targets.contains(where: { $0.file == "-" }) { return }
    for target in targets {
      guard let file = target.main else { continue }
      let sites = plan.siteCounts[target.position]
      try StandardOutput.write("\(visible(file))  \(counted(sites, "site", "sites"))\n")
    }
  }

  /// How many sites went nowhere.
  private func dropped(_ plan: PartitionPlan, _ targets: [Target]) -> Int {
    targets.filter { $0.file == nil }.reduce(0) { $0 + plan.siteCounts[$1.position] }
  }

  private func json(_ plan: PartitionPlan, _ targets: [Target], dropped: Int) -> JSON {
    let written = targets.compactMap { target -> JSON? in
      guard let file = target.main else { return nil }
      var row: JSONObject = [
        "file": .string(file), "name": .string(plan.names[target.position]),
        "sites": .integer(Int64(plan.siteCounts[target.position])),
      ]
      if target.files.count > 1 { row["files"] = .array(target.files.map { .string($0) }) }
      return .object(row)
    }
    let cuts = plan.cuts.map { cut -> JSON in
      let sites = cut.sites.map { site -> JSON in
        ["path": site.path.json, "file": targets[site.part].main.map { .string($0) } ?? .null]
      }
      return ["collection": CollectionTag.json(cut.collection), "sites": .array(sites)]
    }
    return ["parts": .array(written), "cuts": .array(cuts), "dropped": .integer(Int64(dropped))]
  }
}

/// The folder for the files of a run.
private struct NewFolder {
  private let path: String
  private let isNew: Bool

  /// Makes it where it is not there. A signal that ends the process takes it away again while it is empty.
  init(_ path: String) throws {
    self.path = path
    isNew = try Crews.current.isFirst && AtomicFile.makeFolder(path, removingEmpty: true)
  }

  /// Where this run made it, and nothing came to be in it.
  func removeIfEmpty() {
    if isNew { rmdir(path) }
  }
}
