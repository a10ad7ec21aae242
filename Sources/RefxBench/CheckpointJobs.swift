import Glibc
import RefxIO

/// Saves and loads of whole checkpoints through the front door, in both containers.
enum CheckpointJobs {
  static let all: [Job] =
    saves + loads + [
      Job("make", "a file for other jobs to work on", keys: "out= compression= in=|leaves=|large=") { run in
        let compression = Compression(rawValue: run["compression"] ?? "none") ?? .none
        try save(run, compression: compression)
      },
      Job("make.changed", "a checkpoint with one element of every leaf changed", keys: "in= out=") { run in
        var tree = try run.model()
        tree = try tree.map { leaf in
          let bytes = try leaf.tensor().bytes
          let changed = MemoryBytes(count: bytes.byteCount) { buffer in
            bytes.withBytes { buffer.copyMemory(from: $0) }
            if !buffer.isEmpty { buffer[buffer.count / 2] ^= 1 }
          }
          return Leaf(dtype: leaf.dtype, shape: leaf.shape, source: changed)
        }
        let changed = tree
        try run.measure {
          try Checkpoint.save(tree: changed, to: run.text("out"), compression: .none, durability: .none)
        }
      },
    ]

  private static let saveKeys = "out= [threads=] [durable=1] in=FILE | leaves= [elements=] | large= in=FILE"

  private static let saves: [Job] = [
    Job("refx.raw.save", "a .refx file without compression", keys: saveKeys) {
      try save($0, compression: .none)
    },
    Job("refx.fast.save", "a compressed .refx file", keys: saveKeys) { try save($0, compression: .fast) },
    Job("refx.best.save", "a .refx file, time for size", keys: saveKeys) { try save($0, compression: .best) },
    Job("h5.raw.save", "an HDF5 file without compression", keys: saveKeys) {
      try save($0, compression: .none)
    },
    Job("h5.fast.save", "a compressed HDF5 file", keys: saveKeys) { try save($0, compression: .fast) },
    Job("h5.best.save", "an HDF5 file, time for size", keys: saveKeys) { try save($0, compression: .best) },
  ]

  private static func save(_ run: Run, compression: Compression) throws {
    let tree = try run.model()
    let out = try run.text("out")
    let options = WriteOptions(compression: compression, threads: try run.threads)
    let durability: Checkpoint.Durability = run.flag("durable") ? .full : .none
    try run.measure {
      try Checkpoint.save(
        contents: CheckpointContents(tree: tree), to: out, options: options, durability: durability)
    }
    run.note("stored", .integer(Int64(try OpenFile(out).byteCount)))
  }

  private static let loadKeys = "in= [threads=] [verify=never]"

  private static let loads: [Job] = [
    Job("refx.raw.load.mapped", "every leaf mapped, a byte of every page looked at", keys: loadKeys) { run in
      let path = try run.text("in")
      let options = try openOptions(run, payload: .map)
      let (tree, sum) = try run.measure {
        let tree = try Checkpoint.open(path, options: options).contents.tree
        var sum = 0
        try tree.forEachLeaf { leaf in sum &+= try leaf.tensor().bytes.withBytes(touch) }
        return (tree, sum)
      }
      run.note(sizeOf: tree)
      run.note("touched", .integer(Int64(sum)))
    },
    Job("refx.raw.load.fresh", "every leaf in memory of its own", keys: loadKeys, body: load),
    Job("refx.fast.load", "every leaf of a compressed .refx file in memory", keys: loadKeys, body: load),
    Job("h5.raw.load", "every leaf of an HDF5 file in memory", keys: loadKeys, body: load),
    Job("h5.fast.load", "every leaf of a compressed HDF5 file in memory", keys: loadKeys, body: load),
    Job("refx.raw.lazy", "a file opened, and one leaf read", keys: "in= path=NAME [map=1]") { run in
      let path = try run.text("in")
      let name = Key(try run.text("path"))
      let options = try openOptions(run, payload: run.flag("map") ? .map : .read)
      let tensor = try run.measure {
        guard case .leaf(let leaf)? = opened(try Checkpoint.open(path, options: options).contents.tree[name])
        else { throw Trouble("\(name) is no leaf of \(path)") }
        let tensor = try leaf.tensor()
        _ = tensor.bytes.withBytes(touch)
        return tensor
      }
      run.bytes = tensor.bytes.byteCount
      run.leaves = 1
    },
    Job("open", "a catalogue read and checked", keys: "in= [threads=] [map=1]") { run in
      let path = try run.text("in")
      let options = try openOptions(run, payload: run.flag("map") ? .map : .read)
      let file = try run.measure { try Checkpoint.open(path, options: options) }
      run.note(sizeOf: file.contents.tree)
    },
  ]

  private static func load(_ run: Run) throws {
    let path = try run.text("in")
    let options = try openOptions(run, payload: .read)
    run.held = try expectedBytes(path)
    let tree = try run.measure {
      try Checkpoint.open(path, options: options).contents.tree.loaded(threads: options.threads)
    }
    run.note(sizeOf: tree)
    try run.check(run.bytes == run.held, "\(run.held) bytes")
  }

  private static func openOptions(_ run: Run, payload: PayloadAccess) throws -> OpenOptions {
    OpenOptions(
      threads: try run.threads, payload: payload, verify: run["verify"] == "never" ? .never : .always)
  }

  /// The logical bytes of a file, by its catalogue.
  private static func expectedBytes(_ path: String) throws -> Int {
    var sum = 0
    try Checkpoint.open(path).contents.tree.forEachLeaf { sum += $0.byteCount }
    return sum
  }

  /// What a Ref holds, where one stands.
  private static func opened(_ place: Tree<Leaf>?) -> Tree<Leaf>? {
    if case .value(let value)? = place { value.value } else { place }
  }
}
