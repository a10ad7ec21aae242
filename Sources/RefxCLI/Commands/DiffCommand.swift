import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What changed from one checkpoint to another, in five kinds.",
    discussion: """
      structure   added, removed, of another kind, other static values
      topology    tied, untied, tied otherwise
      collection  a value belongs to another one
      type        another dtype or shape
      value       other elements: how many, and how far apart

      A shared value has one row, at its first site in A. Where several arrays stand for it in B the row has \
      the one farthest off, at its path in B, and says how many more differ ("more" in JSON). Max rel is \
      relative to A's element; zeros of A are left out of it. --rtol is relative to B's.

      With --renames what moved is one row, > OLD → NEW: whole subtrees, and what is inside of those that \
      changed. Its ties and collections are compared as if it had stayed.

      Stored hashes decide where both files have them, so a damaged file may be equal: verify finds that, and \
      --exact reads all. The two may be of different formats. Exits 0 where nothing differs, 1 where \
      something does; --quiet prints nothing and stops at the first difference.

      Examples:
        # has anything but the values changed?
        refx diff before.refx after.refx --ignore value
        # across formats, within a tolerance
        refx diff model.safetensors model.h5 --rtol 1e-3 --atol 1e-6
        # every row, what moved as well
        refx diff a.refx b.refx --renames --all
        # for a script
        refx diff --quiet a.refx b.refx || echo "they differ"
      """)

  @Argument(help: "The first checkpoint; - reads standard input.", completion: .file())
  var a: String

  @Argument(help: "The second checkpoint; - reads standard input.", completion: .file())
  var b: String

  @Option(help: ArgumentHelp("Look for these kinds alone.", valueName: "kind,…"))
  var only: String?

  @Option(help: ArgumentHelp("Leave these kinds out.", valueName: "kind,…"))
  var ignore: String?

  @Option(help: ArgumentHelp("An element is the same within R × |b|.", valueName: "r"))
  var rtol: Double?

  @Option(help: ArgumentHelp("An element is the same within A.", valueName: "a"))
  var atol: Double?

  @Flag(help: "Every NaN equals every other. NaN of the same bits are equal anyhow.")
  var equalNan = false

  @Flag(help: "Find what moved: removed here and added there with the same contents.")
  var renames = false

  @Flag(help: "Compare bytes even where stored hashes would decide.")
  var exact = false

  @Flag(help: "Show every row in the order of the tree, not twelve of each kind; of values the largest.")
  var all = false

  @OptionGroup var input: InputOptions
  @OptionGroup var skip: SkipOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    var options = DiffOptions()
    options.kinds = try kinds()
    options.relativeTolerance = try tolerance("--rtol", rtol)
    options.absoluteTolerance = try tolerance("--atol", atol)
    options.nanIsNaN = equalNan
    options.exact = exact
    options.findsRenames = renames

    if a == "-" && b == "-" { throw RefxError.standardInputTwice() }
    let first = try input.open(a, output).contents.tree
    let second = try input.open(b, output).contents.tree
    let before = try skip.supported(first, of: a).tree
    let after = try skip.supported(second, of: b).tree
    let bar = ProgressBar("comparing", output)
    defer { bar.finish() }
    let sharing = Crews.current.sharing
    if output.quiet && !output.json {
      if try before.differs(from: after, options: options, sharing: sharing, progress: bar.handler) {
        throw Answer.no
      }
      return
    }
    let diff = try before.diff(to: after, options: options, sharing: sharing, progress: bar.handler)
    bar.finish()
    if output.json {
      try StandardOutput.write(DiffDocument(diff).json)
    } else {
      try DiffText(diff, style: Style(isColoured: output.isColoured), showsAll: all).write()
    }
    if !diff.isEmpty { throw Answer.no }
  }

  private func kinds() throws -> Set<TreeDiff.Kind> {
    func read(_ option: String, _ text: String) throws -> Set<TreeDiff.Kind> {
      Set(
        try text.split(separator: ",", omittingEmptySubsequences: false).map { name in
          guard let kind = TreeDiff.Kind(rawValue: String(name)) else {
            throw RefxError.valueNotKnown(
              String(name), of: option, known: TreeDiff.Kind.allCases.map(\.rawValue))
          }
          return kind
        })
    }
    var kinds = try only.map { try read("--only", $0) } ?? Set(TreeDiff.Kind.allCases)
    if let ignore { kinds.subtract(try read("--ignore", ignore)) }
    return kinds
  }

  private func tolerance(_ option: String, _ value: Double?) throws -> Double? {
    guard let value else { return nil }
    guard value >= 0, value.isFinite else {
      throw RefxError.badArgument(option, "\(value)", expected: "a number of at least 0")
    }
    return value
  }
}
