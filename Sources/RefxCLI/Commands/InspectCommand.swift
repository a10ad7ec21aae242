import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List the leaves of a checkpoint.",
    discussion: """
      One row for each site: its path, what stands there, the #index of a shared value, collection, dtype, \
      shape, bytes, and bytes on disk. Without --stats and --hash no payload is read.

      A Ref that holds a subtree has the dtype 'tree' and 0 bytes; what is inside is listed once. Of the sums, \
      logical is what the tree would take if nothing were shared, with a copy of everything for each site.

      Statistics are over finite values; of complex numbers the magnitude counts, of booleans 0 and 1.

      Examples:
        # what is in it, and what sharing saves
        refx inspect run.refx
        # the weights alone, with their statistics
        refx inspect run.refx '**/weight' --stats
        # who is tied to whom
        refx inspect run.refx --shared --tree
        # the largest arrays, for a script
        refx inspect run.refx --json | jq '.leaves | max_by(.bytes) | .path'
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "Only these paths: * is one key, ** any number.")
  var pattern: [String] = []

  @OptionGroup var patterns: PatternOptions

  @Option(
    help: ArgumentHelp(
      "Only the Refs of this collection; - is none. Several add up.", valueName: "name"))
  var collection: [String] = []

  @Flag(help: "Only values with more than one site.")
  var shared = false

  @Flag(help: "Minimum, maximum, mean, standard deviation, zeros, NaN and infinite values.")
  var stats = false

  @Flag(help: "SHA-256 of the little-endian C-order bytes.")
  var hash = false

  @Flag(help: "Draw the tree, each shared value once.")
  var tree = false

  @Flag(help: "What the file says of its nodes beside: attributes of HDF5 objects, types of GGUF.")
  var attributes = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let patterns = try self.patterns.patterns(pattern)
    let wanted = try Set(collection.map { try CollectionTag.choice(text: $0) })
    let opened = try input.open(file, output)
    let listing = try Listing(of: opened.contents.tree)
    var matches = PatternMatches(patterns)
    var rows = try listing.rows.filter { try matches.matches($0.path) }
    let attributes = self.attributes ? try AttributeListing(opened.contents.attributes, &matches) : nil
    matches.noteOthers(
      than: listing.rows.lazy.map(\.path), of: file, output)
    noteUnknown(wanted, listing)
    if !wanted.isEmpty { rows = rows.filter { $0.reference.map { wanted.contains($0.collection) } ?? false } }
    if shared { rows = rows.filter { listing.isShared($0) } }

    let style = Style(isColoured: output.isColoured)
    let details = LeafDetails(stats: stats, hash: hash, rows: rows, output: output)
    if output.json {
      // What is read may turn out to be damaged: then an error takes the place of the document.
      if details.readsPayload { StandardOutput.hold() }
      try InspectDocument(file: file, opened: opened, listing: listing, attributes: attributes)
        .write(rows, details)
      return
    }
    let frame = InspectFrame(file: file, opened: opened, listing: listing, style: style)
    if tree {
      try TreeDrawing(rows, in: frame).write(details)
    } else {
      try InspectTable(frame: frame).write(rows, details)
    }
    try attributes?.write(style)
  }

  /// Says of each collection that is asked for and has no Ref that it is so.
  private func noteUnknown(_ wanted: Set<CollectionTag?>, _ listing: Listing) {
    let known = listing.collections.map(\.collection)
    for tag in wanted.subtracting(known).sorted(by: {
      CollectionTag.text(of: $0) < CollectionTag.text(of: $1)
    }) {
      let sentence = RefxError.collectionWithoutRef(
        CollectionTag.text(of: tag), known: known.map(CollectionTag.text(of:)))
      StandardError.note("\(visible(file)): \(visible(sentence))", output)
    }
  }
}

/// What only the payload says, read once for each array however many sites it has.
final class LeafDetails {
  let stats: Bool
  let hash: Bool
  private let bar: ProgressBar
  private let total: Int
  private var done = 0
  private var hashes = LeafHashes()
  private var statistics: [ObjectIdentifier: ElementStatistics?] = [:]

  init(stats: Bool, hash: Bool, rows: [Listing.Row], output: OutputOptions) {
    self.stats = stats
    self.hash = hash
    bar = ProgressBar("reading", output)
    let passes = (stats ? 1 : 0) + (hash ? 1 : 0)
    total = passes == 0 ? 0 : passes * rows.reduce(0) { $0 + ($1.reference?.isFirst ?? true ? $1.bytes : 0) }
    hashes = LeafHashes(progress: { [weak self] in self?.advance($0) })
  }

  var readsPayload: Bool { stats || hash }

  private func advance(_ count: Int) {
    done += count
    bar.update(done, total)
  }

  func finish() { bar.finish() }

  /// Hexadecimal; nil where there is no array, and for text.
  func sha256(_ row: Listing.Row) throws -> String? {
    guard let leaf = row.leaf, leaf.dtype != .string, leaf.source.unsupported == nil else { return nil }
    return hexadecimal(try hashes.sha256(of: leaf, at: row.path))
  }

  func statistics(_ row: Listing.Row) throws -> ElementStatistics? {
    guard let leaf = row.leaf, leaf.source.unsupported == nil else { return nil }
    let identity = ObjectIdentifier(leaf.source)
    if let known = statistics[identity] { return known }
    do {
      let found = try leaf.statistics { self.advance($0) }
      // The listing keeps the source alive, so that no other takes its identity.
      statistics[identity] = .some(found)
      return found
    } catch let error as RefxError {
      throw error.atPath(row.path)
    }
  }
}
