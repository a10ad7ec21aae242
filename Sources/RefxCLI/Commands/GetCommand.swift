import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Take one leaf out of a checkpoint, as .npy or as text.",
    discussion: """
      bfloat16 is written as raw <V2, as ml_dtypes does, and float8 as |V1; --dtype float32 converts. --slice \
      reads just that part: of each axis a range with a step (0:10, ::2) or one position, which takes the axis \
      away; negative numbers count from the end, and one that comes first is written --slice=-1,:. Text is printed \
      with strings as in JSON.

      --json prints the leaf as {"file", "path", "dtype", "shape", "values"}, where values is one list in C order \
      whatever the shape; "nan", "inf" and "-inf" are strings, a complex number is a list of two. With -o OUT \
      it says what was written: "bytes" and "output" instead of "values".

      Examples:
        # look at one bias
        refx get run.refx layers/0/bias
        # the first ten rows, for NumPy
        refx get run.refx embed/weight --slice 0:10,: -o rows.npy
        # bfloat16 as something NumPy has
        refx get model.safetensors lm_head.weight --dtype float32 -o head.npy
        # every other element of the last row
        refx get run.refx embed/weight --slice=-1,::2
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "The path of the leaf, its keys joined with /.")
  var path: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The .npy file to write; - prints text.", valueName: "out"))
  var output = "-"

  @Option(help: ArgumentHelp("Which part of each axis, as 0:10,:,3.", valueName: "ranges"))
  var slice: String?

  @Option(help: ArgumentHelp("Convert the elements.", valueName: "name"))
  var dtype: String?

  @Flag(help: "Replace the file if it exists.")
  var force = false

  @OptionGroup var input: InputOptions
  @OptionGroup(title: "Output") var options: OutputOptions

  func run() throws {
    let path = try RefxCLI.path(from: self.path)
    let slice = try self.slice.map { try Slice(text: $0) }
    let dtype = try self.dtype.map { name in
      guard let dtype = DType(name: name) else { throw RefxError.badDType(name) }
      return dtype
    }
    try Checkpoints.checkOutput(output, force: force, inputs: [file])
    let opened = try input.open(file, options)
    do {
      try write(try find(path, in: opened.contents.tree), path, slice, dtype)
    } catch let error as RefxError {
      throw error.inFile(file)
    }
  }

  private enum Found {
    case leaf(Leaf)
    case constant(StaticValue)
  }

  private func find(_ path: Path, in tree: Tree<Leaf>) throws -> Found {
    let values = try ValueTable(of: tree)
    guard let place = values.resolve(path, in: tree) else {
      throw RefxError.noSuchPath(path, near: values.names(near: path, in: tree))
    }
    switch place {
    case .leaf(let leaf): return .leaf(leaf)
    case .static(let value): return .constant(value)
    default: throw RefxError.notAnArray(path, found: place.inWords, members: place.memberKeys)
    }
  }

  private func write(_ found: Found, _ path: Path, _ slice: Slice?, _ dtype: DType?) throws {
    switch found {
    case .constant(let value):
      if slice != nil { throw RefxError.staticTakesNo("--slice", path: path) }
      if dtype != nil { throw RefxError.staticTakesNo("--dtype", path: path) }
      guard output == "-" else { throw RefxError.textNeedsTerminal(path, dtype: "a static value") }
      if options.json { return try LeafDocument(file: file, path: path).write(value) }
      let text = if case .string(let string) = value { visible(string) } else { value.description }
      try StandardOutput.write(text + "\n")
    case .leaf(let leaf):
      do { try write(part(of: leaf, path, slice, dtype), path) } catch let error as RefxError {
        throw error.atPath(path)
      }
    }
  }

  private func part(of leaf: Leaf, _ path: Path, _ slice: Slice?, _ dtype: DType?) throws -> Leaf {
    if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeafAlone(reason) }
    let part = try slice.map { try leaf.sliced($0, at: path) } ?? leaf
    return try dtype.map { try part.cast(to: $0, at: path) } ?? part
  }

  private func write(_ leaf: Leaf, _ path: Path) throws {
    let bar = ProgressBar("reading", options)
    defer { bar.finish() }
    let document = LeafDocument(file: file, path: path)
    if output != "-" {
      try AtomicFile.replace(output, overwrite: force) {
        try NumPyStore.write(leaf, to: $0, progress: bar.handler)
      }
      if options.json { try document.write(leaf, output: output) }
      return
    }
    var done = 0
    func advance(_ count: Int) {
      done += count
      bar.update(done, leaf.byteCount)
    }
    if options.json {
      try document.write(leaf, progress: advance)
    } else {
      try LeafText(leaf, at: path).write(progress: advance)
    }
  }
}
