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

      --by-collection writes one file for each collection into DIR, and 'rest' for everything else.

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
    let part: PartitionedCheckpoint.Part
    let file: String?
    let format: any CheckpointStore.Type
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
    if !unsupported.isEmpty { throw RefxError.unsupportedLeaves(unsupported).inFile(file) }
    let (parts, targets) = try byCollection ? partsByCollection(contents) : partsBySelection(contents, chosen)
    try check(targets)
    for target in targets {
      guard let file = target.file else { continue }
      for sentence in target.format.leftOut(of: target.part.contents) {
        StandardError.note("\(visible(file)): \(visible(sentence))", options)
      }
    }
    try write(targets)
    try report(parts, targets)
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

  private func partsByCollection(
    _ contents: CheckpointContents
  ) throws -> (PartitionedCheckpoint, [Target]) {
    let format = try Checkpoints.format(of: "part.refx", asked: writing.to ?? "refx")
    let (parts, collections) = try contents.partitionedByCollection()
    // The suffix that was asked for, such as .h5, where the format has it.
    let suffix =
      writing.to.map { "." + $0 }.flatMap { asked in format.format.suffixes.first { $0 == asked } }
      ?? format.format.suffixes.first ?? ".refx"
    let folder = output ?? "."
    let targets = zip(parts.parts, collections).map { part, collection in
      Target(part: part, file: "\(folder)/\(collection?.fileName ?? "rest")\(suffix)", format: format)
    }
    return (parts, targets)
  }

  private func partsBySelection(
    _ contents: CheckpointContents, _ chosen: [(selector: Selector, file: String)]
  ) throws -> (PartitionedCheckpoint, [Target]) {
    let files: [String?] = chosen.map(\.file) + [rest]
    let formats = try files.map {
      try $0.map { try Checkpoints.format(of: $0, asked: writing.to) } ?? RefxFormat.self
    }
    let parts = try contents.partitioned(by: chosen.map { ($0.file, $0.selector) })
    let targets = zip(parts.parts, zip(files, formats)).map { Target(part: $0, file: $1.0, format: $1.1) }
    return (parts, targets)
  }

  /// Looks at every file before the first is written.
  private func check(_ targets: [Target]) throws {
    var taken: Set<Key> = []
    for file in targets.compactMap(\.file) {
      guard taken.insert(Key(realName(of: file))).inserted else { throw RefxError.sameOutput(file) }
      try Checkpoints.checkOutput(file, force: writing.force)
    }
    if byCollection, let output { try AtomicFile.makeFolder(output) }
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

  /// Writes all parts; none takes its place before the last is whole.
  private func write(_ targets: [Target]) throws {
    let bar = ProgressBar("writing", options)
    defer { bar.finish() }
    let sizes = try targets.map { $0.file == nil ? 0 : try Listing(of: $0.part.contents.tree).uniqueBytes }
    let total = sizes.reduce(0, +)
    var before = 0
    let batch = AtomicBatch()
    var saved: [SavedFiles] = []
    for (target, size) in zip(targets, sizes) {
      guard let file = target.file else { continue }
      let start = before
      let progress: ProgressHandler = { done, _ in bar.update(start + done, total) }
      saved.append(
        try Checkpoints.save(
          target.part.contents, to: file, as: target.format, options: writing.options(progress: progress),
          force: writing.force, with: batch))
      before += size
    }
    try batch.commit()
    for files in saved { try Checkpoints.finish(files, options) }
  }

  private func report(_ parts: PartitionedCheckpoint, _ targets: [Target]) throws {
    for cut in parts.cuts {
      let places = cut.sites.prefix(6).map { site in
        "\(site.path.shown) in \(visible(targets[site.part].file ?? "no file"))"
      }
      let more = cut.sites.count > 6 ? " and \(cut.sites.count - 6) more" : ""
      StandardError.note(
        "a shared value was cut, merge ties it again: \(places.joined(separator: ", "))\(more)", options)
    }
    if let lost = targets.first(where: { $0.file == nil && $0.part.siteCount > 0 }) {
      StandardError.note(
        "\(counted(lost.part.siteCount, "site matches", "sites match")) no selector and went nowhere; "
          + "--rest OUT keeps them", options)
    }
    if options.json { return try StandardOutput.write(json(parts, targets)) }
    if options.quiet || targets.contains(where: { $0.file == "-" }) { return }
    for target in targets {
      guard let file = target.file else { continue }
      try StandardOutput.write("\(visible(file))  \(counted(target.part.siteCount, "site", "sites"))\n")
    }
  }

  private func json(_ parts: PartitionedCheckpoint, _ targets: [Target]) -> JSON {
    let written = targets.compactMap { target -> JSON? in
      guard let file = target.file else { return nil }
      return [
        "file": .string(file), "name": .string(target.part.name),
        "sites": .integer(Int64(target.part.siteCount)),
      ]
    }
    let cuts = parts.cuts.map { cut -> JSON in
      let sites = cut.sites.map { site -> JSON in
        ["path": site.path.json, "file": targets[site.part].file.map { .string($0) } ?? .null]
      }
      return ["collection": CollectionTag.json(cut.collection), "sites": .array(sites)]
    }
    return ["parts": .array(written), "cuts": .array(cuts)]
  }
}
