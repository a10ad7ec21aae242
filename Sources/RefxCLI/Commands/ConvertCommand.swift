import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Write a checkpoint in another format, compression or dtype.",
    discussion: """
      Casts round to the nearest value. A finite value beyond the range of a floating-point dtype becomes infinite, \
      or NaN where the dtype has no infinity, and the arrays are named, with --quiet too; an integer dtype takes only \
      values that it holds exactly, and anything else is an error. Flat names \
      such as model.layers.0.weight stay one key unless --nest . asks for structure. Formats that hold names \
      alone (safetensors, npz) get them joined with . unless --flatten says otherwise.

      npz is compressed by --compression best alone, as numpy.savez_compressed does; otherwise its members are \
      stored, as numpy.savez does. A .npy file holds one array, without metadata; NumPy has no bfloat16 and no \
      float8, so an array of those needs --dtype or another format (npz keeps them).

      Hugging Face's save_model drops all names of a shared tensor but one and says so in the metadata. inspect \
      lists such names as proposed ties; --accept-ties makes them.

      A --tag or --dtype that fits nothing is said on standard error, and is no error.

      --max-shard-size writes OUT-00001-of-0000N.safetensors and an index beside them where the values are more \
      than that, each value whole in one file; with --force the files of an earlier save of that name, in either \
      form, are replaced or removed. An OUT that ends in .safetensors.index.json always has an index.

      --rules acts before --nest, --flatten, --tag and --dtype. --dry-run lists each path's new place, unused \
      rules, half-matched ties, collisions and paths that no rule touches.

      --salvage reads everything first, leaves out what is damaged, lists it, and saves the rest: a lost leaf \
      leaves its dictionary, and a Nothing in a list, at every one of its sites. It exits with 1 where \
      something was lost, and with 2, nothing written, where the catalogue itself is damaged. What keeps no \
      checksums (safetensors, HDF5 of other programs) shows no changed number.

      Examples:
        # by the suffix
        refx convert model.safetensors model.h5
        # half the bytes, and structure out of dotted names
        refx convert model.pt model.refx --dtype float32=bfloat16 --nest .
        # rename and tie by rules: first look, then write
        refx convert a.h5 b.h5 --rules names.toml --dry-run
        # what is sound in a damaged file
        refx convert --salvage broken.refx rest.refx
        # a step of a training that holds only changes, whole
        refx convert --base step-0000000100.refx step-0000000120.refx whole.refx
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "The file to write; - writes .refx to standard output.", completion: .file())
  var out: String

  @Option(help: ArgumentHelp("Cast the arrays of one dtype to another.", valueName: "from=to"))
  var dtype: [String] = []

  @Option(help: ArgumentHelp("Make matching leaves Refs of a collection.", valueName: "pattern=collection"))
  var tag: [String] = []

  @OptionGroup var patterns: PatternOptions

  @OptionGroup var ruleOptions: RuleOptions

  @Option(help: ArgumentHelp("Split keys at SEP into dictionaries.", valueName: "sep"))
  var nest: String?

  @Option(help: ArgumentHelp("Join keys with SEP into one dictionary of names.", valueName: "sep"))
  var flatten: String?

  @Option(
    help: ArgumentHelp(
      "Sharing, for formats that cannot hold it: keep, duplicate or error.", valueName: "policy"))
  var shared = SharedPolicy.keep

  @Flag(help: "Tie the names that the file's metadata says were dropped to the values that it kept.")
  var acceptTies = false

  @Option(
    help: ArgumentHelp(
      "The checkpoint that FILE holds the changes of: a patch, or an incremental step of a training.",
      valueName: "base"),
    completion: .file())
  var base: String?

  @Flag(help: "Say what would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "Leave out leaves that are damaged, and list them; exits with 1 where there are some.")
  var salvage = false

  @OptionGroup var skip: SkipOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  func validate() throws {
    if nest != nil && flatten != nil { throw ValidationError("--nest and --flatten cannot be used together") }
    if base != nil && salvage { throw ValidationError("--base and --salvage cannot be used together") }
    if base == "-" && file == "-" { throw RefxError.standardInputTwice() }
    if nest?.isEmpty ?? false { throw ValidationError("--nest needs a separator") }
    if flatten?.isEmpty ?? false { throw ValidationError("--flatten needs a separator") }
  }

  func run() throws {
    let casts = try casts()
    let rules = try tag.map(rule)
    let changes = try ruleOptions.read()
    try Checkpoints.checkOutput(out, writing, options, dryRun: dryRun)
    let format = try Checkpoints.format(of: out, asked: writing.to)
    try Checkpoints.checkShards(out, as: format, writing)

    let opened = try input.open(file, options, verify: salvage ? .values : .always)
    let saved = salvage ? try Rescue(opened, of: file, options) : nil
    var contents = saved?.contents ?? opened.contents
    if let base {
      do {
        contents = try input.open(base, options).contents.applying(contents, named: file)
      } catch let error as RefxError {
        throw error.inFile(base)
      }
    }
    let skipped: [SkippedLeaf]
    (contents.tree, skipped) = try skip.supported(contents.tree, of: file)
    do { contents = try accepting(opened.proposedTies, contents) } catch let error as RefxError {
      throw error.inFile(file)
    }
    let plan = try changes.map { try RulePlan($0, for: contents, of: file, ruleOptions) }
    if dryRun, let plan, let refusal = plan.refusal {
      try show(plan, format)
      _ = Failure(refusal).report(asJSON: false)
      throw Answer.trouble
    }
    if let plan { contents = try plan.contents(options) }
    var overflowed: @Sendable () -> [Path] = { [] }
    do {
      if let nest { contents = try contents.nested(by: nest) }
      if let flatten, !format.format.holdsNamesAlone { contents = try contents.flattened(by: flatten) }
      for unused in try contents.tree.unusedTags(among: rules) {
        StandardError.note("--tag \(visible(tag[unused])) gives nothing a collection", options)
      }
      if !rules.isEmpty { contents.tree = try contents.tree.tagging(rules) }
      for dtype in try casts.unused(in: contents.tree) {
        StandardError.note("--dtype casts nothing: no array is of \(dtype.name)", options)
      }
      if !casts.wanted.isEmpty { (contents.tree, overflowed) = try contents.tree.applying(casts) }
    } catch let error as RefxError {
      throw error.inFile(file)
    }
    for sentence in format.leftOut(of: contents) { StandardError.loss(visible(sentence)) }
    var writeOptions = writing.options(progress: nil)
    writeOptions.shared = shared
    if let flatten { writeOptions.flattenSeparator = flatten }
    if dryRun {
      let files =
        out == "-" ? [out] : try Checkpoint.files(of: contents, to: out, as: format, options: writeOptions)
      try showPlan(contents, files, format, saved, plan, skipped)
      if let saved { try saved.answer() }
      return
    }

    let bar = ProgressBar("converting", options)
    defer { bar.finish() }
    writeOptions.progress = bar.handler
    let files = try Checkpoints.save(
      contents, to: out, as: format, options: writeOptions, force: writing.force, output: options)
    bar.finish()
    let lossy = try Crews.current.collected(
      overflowed() + (plan?.overflowedCasts ?? []), in: contents.tree)
    for path in lossy {
      StandardError.loss(
        "\(visible(file)): \(path.shown): a value is too large for the new dtype and became infinite or NaN")
    }
    if options.json && out != "-" {
      let rows = try Listing(of: contents.tree).rows.count
      var document: JSONObject = [
        "file": .string(files.last ?? out), "format": .string(format.format.name),
        "leaves": .integer(Int64(rows)),
      ]
      if files.count > 1 { document["files"] = .array(files.map { .string($0) }) }
      if !lossy.isEmpty { document["overflowed"] = .array(lossy.map(\.json)) }
      for member in skip.members(skipped) { document[member.name] = member.value }
      if let saved { document["lost"] = saved.json }
      if let plan { document["rules"] = plan.json }
      try StandardOutput.write(.object(document))
    }
    if let saved { try saved.answer() }
  }

  /// The contents with the ties that the file proposes, where they are asked for; else a word about them.
  private func accepting(
    _ ties: [ProposedTie], _ contents: CheckpointContents
  ) throws -> CheckpointContents {
    guard let first = ties.first else { return contents }
    if acceptTies { return try contents.tying(ties) }
    StandardError.note(
      "\(visible(file)): \(counted(ties.count, "name is", "names are")) not in the tree which, as the metadata says, "
        + "\(ties.count == 1 ? "is" : "are") the same value as another "
        + "(\(first.dropped.shown) as \(first.kept.shown)): --accept-ties ties them", options)
    return contents
  }

  private func casts() throws -> Casts {
    var wanted: [DType: DType] = [:]
    for text in dtype {
      let (from, to) = try cast(text)
      if let other = wanted[from], other != to {
        throw RefxError.badArgument(
          "--dtype", text, expected: "one dtype for \(from.name), which is to be \(other.name) already")
      }
      wanted[from] = to
    }
    return try Casts(wanted)
  }

  private func cast(_ text: String) throws -> (DType, DType) {
    let names = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard names.count == 2 else { throw RefxError.badArgument("--dtype", text, expected: "FROM=TO") }
    let dtypes = try names.map { name in
      guard let dtype = DType(name: name) else { throw RefxError.badDType(name) }
      return dtype
    }
    return (dtypes[0], dtypes[1])
  }

  private func rule(_ text: String) throws -> (pattern: PathPattern, collection: CollectionTag) {
    guard let mark = text.utf8.lastIndex(of: UInt8(ascii: "=")) else {
      throw RefxError.badArgument("--tag", text, expected: "PATTERN=COLLECTION")
    }
    let name = String(text[text.utf8.index(after: mark)...])
    guard let collection = try CollectionTag.choice(text: name) else { throw RefxError.badCollection(name) }
    guard let pattern = try patterns.patterns([String(text[..<mark])]).first else {
      throw RefxError.badCollection(name)
    }
    return (pattern, collection)
  }
}
