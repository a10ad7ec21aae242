import ArgumentParser
import RefxIO
import RefxStore

struct GraphCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Draw who shares what, in DOT, Mermaid or SVG.",
    discussion: """
      Each shared value is a box, with a line from every group of nodes in which it has a site. Groups that are \
      alike, such as the layers of a transformer, are one box, and so is each subtree that shares nothing. No \
      payload is read.

      Examples:
        refx graph model.refx | dot -Tpng -o model.png
        refx graph model.refx -o model.svg
        refx graph model.refx --format mermaid 'encoder/**'
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "Only values with a site at these paths: * is one key, ** any number.")
  var pattern: [String] = []

  @Option(
    help: ArgumentHelp("dot, mermaid or svg; else by the suffix of OUT, else dot.", valueName: "language"))
  var format: GraphFormat?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write; - is standard output.", valueName: "out"),
    completion: .file())
  var output = "-"

  @Flag(help: "Replace a file that exists.")
  var force = false

  @OptionGroup var patterns: PatternOptions
  @OptionGroup var input: InputOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  func validate() throws {
    if options.json && output != "-" {
      throw ValidationError("--json prints to standard output and takes no -o")
    }
  }

  func run() throws {
    let patterns = try self.patterns.patterns(pattern)
    try Checkpoints.checkOutput(output, force: force, inputs: [file])
    let tree = try input.open(file, options).contents.tree
    var matches = PatternMatches(patterns)
    let graph = try SharingGraph(of: tree, selection: patterns.isEmpty ? nil : { try matches.matches($0) })
    matches.noteOthers(than: try Listing(of: tree).rows.lazy.map(\.path), of: file, options)
    if options.json { return try StandardOutput.write(GraphDocument(file: file, graph: graph).json) }
    let text = text(of: words(of: graph, isSelection: !patterns.isEmpty))
    if output == "-" { return try StandardOutput.write(text) }
    try AtomicFile.replace(output, overwrite: force) { target in
      try Array(text.utf8).withUnsafeBytes { try target.append($0) }
    }
  }

  private func text(of words: GraphWords) -> String {
    switch format ?? GraphFormat(suffixOf: output) ?? .dot {
    case .dot: return GraphDOT(words: words).text
    case .svg: return GraphSVG(words: words).text
    case .mermaid:
      let mermaid = GraphMermaid(words: words)
      if mermaid.edgeCount > GraphMermaid.mostEdges {
        StandardError.note(
          "the graph has \(mermaid.edgeCount) lines, and Mermaid draws \(GraphMermaid.mostEdges) unless its "
            + "maxEdges is raised; a PATTERN makes it smaller", options)
      }
      return mermaid.text
    }
  }

  private func words(of graph: SharingGraph, isSelection: Bool) -> GraphWords {
    GraphWords(
      graph, title: file == "-" ? "standard input" : lastComponent(file), isSelection: isSelection)
  }

  private func lastComponent(_ name: String) -> String {
    name.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(name[name.utf8.index(after: $0)...]) } ?? name
  }
}

/// What a graph is written in.
enum GraphFormat: String, ExpressibleByArgument, CaseIterable {
  case dot, mermaid, svg

  init?(suffixOf name: String) {
    switch name.utf8.lastIndex(of: UInt8(ascii: ".")).map({ name[$0...] }) {
    case ".dot", ".gv": self = .dot
    case ".mmd", ".mermaid": self = .mermaid
    case ".svg": self = .svg
    default: return nil
    }
  }
}
