import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "One HTML page about a checkpoint, or about two and what differs.",
    discussion: """
      The page stands alone: it asks no network for anything and is the same for the same files. It has the tree \
      with search, who shares what, sizes by collection and dtype, statistics and a histogram of each array (up \
      to 20000 of them), and with OTHER what changed, by kind, the largest changes first.

      The payload of FILE is read once. With OTHER, arrays without stored hashes, or with other ones, are read \
      again from both.

      Examples:
        refx report model.refx -o model.html
        refx report before.refx after.h5 -o changes.html
        refx report large.refx --no-values -o - > catalogue.html
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "A second checkpoint: what changed from FILE to it.", completion: .file())
  var other: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The page; - is standard output.", valueName: "out"),
    completion: .file())
  var output: String?

  @Flag(help: "Replace a file that exists.")
  var force = false

  @Flag(help: "Read no payload: no statistics, histograms, digest, nor changes of values.")
  var noValues = false

  @OptionGroup var input: InputOptions
  @OptionGroup var skip: SkipOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  func validate() throws {
    if options.json, output != nil {
      throw ValidationError("--json prints to standard output and takes no -o")
    }
    if !options.json, output == nil {
      throw ValidationError("say where the page goes: -o OUT.html, or -o - for standard output")
    }
    if file == "-" && other == "-" { throw ValidationError("standard input can be one of the two, not both") }
  }

  func run() throws {
    if let output {
      try Checkpoints.checkOutput(output, force: force, inputs: [file] + (other.map { [$0] } ?? []))
    }
    if options.json { StandardOutput.hold() }
    let report = try make()
    guard let output else { return try ReportDocument(report: report).write() }
    let page = ReportPage(report: report)
    if output == "-" { return try page.write { try StandardOutput.write($0) } }
    try AtomicFile.replace(output, overwrite: force) { target in
      try page.write { bytes in try bytes.withUnsafeBytes { try target.append($0) } }
    }
    if !options.quiet {
      try StandardOutput.write("\(visible(output))  \(Report.accounting(report.listing))\n")
    }
  }

  private func make() throws -> Report {
    let side = try open(file)
    var (second, diff): (Report.Side?, TreeDiff?) = (nil, nil)
    if let other { second = try open(other) }
    let (survey, digest) = try noValues ? (nil, nil) : look(at: side)
    if let second, let other {
      let before = try skip.supported(side.opened.contents.tree, of: file).tree
      let after = try skip.supported(second.opened.contents.tree, of: other).tree
      var wanted = DiffOptions()
      if noValues { wanted.kinds.remove(.value) }
      let bar = ProgressBar("comparing", options)
      defer { bar.finish() }
      diff = try before.diff(to: after, options: wanted, progress: bar.handler)
    }
    return Report(side: side, survey: survey, digest: digest, other: second, diff: diff)
  }

  private func open(_ name: String) throws -> Report.Side {
    let opened = try input.open(name, options)
    return Report.Side(name: name, opened: opened, listing: try Listing(of: opened.contents.tree))
  }

  /// Reads the payload, once.
  private func look(at side: Report.Side) throws -> (LeafSurvey?, TreeDigest?) {
    let bar = ProgressBar("reading", options)
    defer { bar.finish() }
    let tree = side.opened.contents.tree
    do {
      let survey = try LeafSurvey(of: tree, progress: bar.handler)
      let isWhole = try tree.unsupportedLeaves().isEmpty
      return (survey, isWhole ? try tree.digest(hashes: survey.hashes) : nil)
    } catch let error as RefxError {
      throw error.inFile(side.name)
    }
  }
}
