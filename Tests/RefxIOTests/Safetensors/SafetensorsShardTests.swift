import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite("safetensors in shards")
struct SafetensorsShardTests {
  private static func leaf(_ number: Float, _ count: Int = 2) -> Leaf {
    Leaf(Tensor((0..<count).map { number + Float($0) }))
  }

  /// Tied across what will be two shards, with a list and metadata of every kind.
  private static let contents = CheckpointContents(
    tree: [
      "a": .value(Value(.leaf(leaf(1)), index: 0, collection: "params")),
      "b": [.leaf(leaf(3, 100)), .leaf(leaf(4, 2)), .static("relu")],
      "z": .index(Index(0, collection: "params")),
    ], metadata: ["format": "pt", "total_size": "a user's own", "step": 3])

  @discardableResult
  private static func save(
    _ folder: ScratchFolder, _ limit: Int?, name: String = "m.safetensors", overwrite: Bool = false
  ) throws -> [String] {
    try Checkpoint.save(
      contents: contents, to: folder.file(name), options: WriteOptions(maxShardBytes: limit),
      durability: .none, overwrite: overwrite)
    return folder.contents()
  }

  private static let three = (1...3).map { "m-0000\($0)-of-00003.safetensors" } + ["m.safetensors.index.json"]

  @Test("values are spread in the order of the tree, none is split, and all comes back")
  func roundTrip() throws {
    let folder = ScratchFolder()
    #expect(try Self.save(folder, 16) == Self.three)
    let opened = try Checkpoint.open(folder.file("m.safetensors.index.json"))
    #expect(try firstDifference(opened.contents.tree, Self.contents.tree) == nil)
    #expect(opened.contents.metadata == Self.contents.metadata)
    #expect(opened.warnings.isEmpty && opened.format == "safetensors" && opened.proposedTies.isEmpty)
    #expect(try opened.contents.tree.digest() == Self.contents.tree.digest())
    let index = try JSON.parse(Array(Data(contentsOf: URL(filePath: folder.file(Self.three[3])))))
    guard case .object(let object) = index, case .object(let map)? = object["weight_map"],
      case .object(let metadata)? = object["metadata"]
    else {
      Issue.record("\(index)")
      return
    }
    #expect(map.members.map(\.name) == ["a", "b.0", "b.1"])
    #expect(map["b.0"] == .string(Self.three[1]))
    #expect(metadata["total_size"] == 416 && metadata["z"] == "a")
    // One shard alone is a row of names that proposes the tie.
    let one = try Checkpoint.open(folder.file(Self.three[0]))
    #expect(try firstDifference(one.contents.tree, ["a": .leaf(Self.leaf(1))]) == nil)
    #expect(one.proposedTies == [ProposedTie(dropped: ["z"], kept: ["a"])])
    #expect(one.contents.metadata == ["format": "pt", "z": "a"])
  }

  @Test("one file where all fits, an index where it is asked for, and never two saves beside each other")
  func files() throws {
    let folder = ScratchFolder()
    #expect(try Self.save(folder, 10_000) == ["m.safetensors"])
    #expect(try #require(throws: RefxError.self) { try Self.save(folder, 16) }.code == .exists)
    #expect(folder.contents() == ["m.safetensors"])
    try Data().write(to: URL(filePath: folder.file("m-1-of-2.safetensors")))
    try Data().write(to: URL(filePath: folder.file("mm-00001-of-00002.safetensors")))
    let others = ["m-1-of-2.safetensors", "mm-00001-of-00002.safetensors"]
    #expect(try Self.save(folder, 16, overwrite: true) == (Self.three + others).sorted())
    #expect(throws: RefxError.self) { try Self.save(folder, 410) }
    #expect(
      try Self.save(folder, 410, overwrite: true)
        == (["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors", Self.three[3]] + others).sorted()
    )
    #expect(try Self.save(folder, .max, overwrite: true) == (["m.safetensors"] + others).sorted())
    let index = ScratchFolder()
    #expect(
      try Self.save(index, nil, name: Self.three[3]) == ["m-00001-of-00001.safetensors", Self.three[3]])
    #expect(
      try firstDifference(Checkpoint.open(index.file(Self.three[3])).contents.tree, Self.contents.tree) == nil
    )
    for name in ["m.refx", "m.npz"] {
      #expect(throws: RefxError.self) { try Self.save(index, 16, name: name) }
    }
    #expect(throws: RefxError.self) {
      try Checkpoint.encode(
        contents: Self.contents, as: .safetensors, options: WriteOptions(maxShardBytes: 16))
    }
  }

  @Test("a leaf that cannot be read leaves nothing behind")
  func failure() throws {
    let folder = ScratchFolder()
    let broken = Leaf(dtype: .float32, shape: [4], source: BrokenSource(byteCount: 16))
    let error = try #require(throws: RefxError.self) {
      try Checkpoint.save(
        tree: ["a": .leaf(Self.leaf(1)), "b": .leaf(broken)], to: folder.file("m.safetensors"),
        durability: .none, maxShardBytes: 8)
    }
    #expect(error.path == ["b"] && folder.contents().isEmpty)
  }

  // MARK: Foreign and hostile indexes

  /// Two shards with one tensor each, `a` and `b`, and an index.
  private static func foreign(_ index: String) throws -> (folder: ScratchFolder, path: String) {
    let folder = ScratchFolder()
    for name in ["a", "b"] {
      let header =
        #"{"__metadata__":{"format":"pt"},"\#(name)":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
      let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
      try (length + Data(header.utf8) + Data([7])).write(to: URL(filePath: folder.file("\(name).st")))
    }
    let path = folder.file("x.safetensors.index.json")
    try Data(index.utf8).write(to: URL(filePath: path))
    return (folder, path)
  }

  @Test("a foreign index is a dictionary of names; the total is not believed, and what is unknown is said")
  func foreignIndex() throws {
    let (folder, path) = try Self.foreign(
      #" {"metadata":{"total_size":99,"parameters":2,"lm":"a"},"weight_map":{"b":"b.st","a":"a.st"},"other":[1]}"#
    )
    let opened = try Checkpoint.open(path)
    let one = Tree<Leaf>.leaf(Leaf(Tensor([7] as [UInt8])))
    #expect(try firstDifference(opened.contents.tree, ["a": one, "b": one]) == nil)
    #expect(opened.contents.metadata == ["lm": "a", "format": "pt", "parameters": 2])
    #expect(opened.proposedTies == [ProposedTie(dropped: ["lm"], kept: ["a"])])
    #expect(opened.warnings.count == 1 && opened.warnings[0].contains("\"other\""))
    // Shards may be links, as in the caches that hubs keep.
    try FileManager.default.moveItem(atPath: folder.file("a.st"), toPath: folder.file("blob"))
    try FileManager.default.createSymbolicLink(atPath: folder.file("a.st"), withDestinationPath: "blob")
    #expect(try Checkpoint.open(path).contents.tree.sites().count == 3)
    var limits = Limits()
    limits.nodes = 2
    let error = try #require(throws: RefxError.self) {
      _ = try Checkpoint.open(path, options: OpenOptions(limits: limits))
    }
    #expect(error.code == .limit)
  }

  @Test(
    "an index that leads elsewhere or does not fit its shards is refused",
    arguments: [
      #"{"weight_map":{"a":"a.st"}"#, #"{"weight_map":{"a":"a.st","a":"a.st"}}"#, "{}", "[]", "{ nothing",
      #"{"weight_map":[]}"#, #"{"weight_map":{"a":1}}"#, #"{"weight_map":{},"weight_map":{}}"#,
      #"{"weight_map":{"a":"../x/a.st"}}"#, #"{"weight_map":{"a":"/etc/passwd"}}"#,
      #"{"weight_map":{"a":".."}}"#, #"{"weight_map":{"a":"."}}"#, #"{"weight_map":{"a":""}}"#,
      #"{"weight_map":{"a":"a.st\u0000"}}"#, #"{"weight_map":{"a":"./a.st"}}"#,
      #"{"weight_map":{"a":"missing.st"}}"#, #"{"weight_map":{"a":"x.safetensors.index.json"}}"#,
      #"{"weight_map":{"a":"b.st"}}"#, #"{"weight_map":{"a":"a.st","c":"a.st"}}"#,
      #"{"weight_map":{"c":"a.st"}}"#, #"{"weight_map":{"a":"b.st","b":"a.st"}}"#,
      #"{"weight_map":{"a":"a.st","b":"link.st"}}"#, #"{"weight_map":{"a":"fifo.st"}}"#,
      #"{"metadata":{"refx":"{}"},"weight_map":{"a":"a.st"}}"#, #"{"metadata":[],"weight_map":{"a":"a.st"}}"#,
    ])
  func hostile(index: String) throws {
    let (folder, path) = try Self.foreign(index)
    try FileManager.default.createSymbolicLink(atPath: folder.file("link.st"), withDestinationPath: "a.st")
    #expect(mkfifo(folder.file("fifo.st"), 0o600) == 0)
    let error = try #require(throws: RefxError.self) { _ = try Checkpoint.open(path) }
    #expect(error.file != nil && !error.summary.isEmpty)
  }

  @Test(
    "text that is no object is said to be no index", arguments: ["[]", "[1, 2, 3, 4]", "\"weight_map\"", "x"])
  func noObject(text: String) throws {
    let (folder, path) = try Self.foreign(text)
    let error = try #require(throws: RefxError.self) { _ = try Checkpoint.open(path) }
    #expect(
      error.code == .notACheckpoint && error.summary.contains("no index of safetensors files"), "\(error)")
    #expect(folder.contents().contains("x.safetensors.index.json"))
  }

  @Test("an index without a folder is refused by name")
  func alone() throws {
    let memory = InputFile(
      MemoryBytes(sharing: Array(#"{"weight_map":{"a":"a.st"}}"#.utf8)), name: "x.safetensors.index.json")
    #expect(SafetensorsStore.recognises(memory))
    let error = try #require(throws: RefxError.self) { _ = try Checkpoint.open(memory) }
    #expect(error.summary.contains("lies in no folder"))
  }

  // MARK: Proposals

  @Test("proposed ties become further sites of one value, and leave the metadata")
  func ties() throws {
    let opened = try open(
      safetensors(
        #"{"__metadata__":{"format":"pt","z":"e","a":"e","gone":"x"},"e":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
        data: [1]))
    #expect(opened.proposedTies.map(\.dropped) == [["z"], ["a"]])
    let tied = try opened.contents.tying(opened.proposedTies)
    let one = Leaf(Tensor([1] as [UInt8]))
    #expect(
      try firstDifference(
        tied.tree, ["a": .value(Value(.leaf(one), index: 0)), "e": .index(Index(0)), "z": .index(Index(0))])
        == nil)
    #expect(tied.metadata == ["format": "pt", "gone": "x"])
    // A tensor of that name is no proposal.
    let present = try open(
      safetensors(
        #"{"__metadata__":{"b":"a"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        data: [1, 1]))
    #expect(present.proposedTies.isEmpty)
    #expect(throws: RefxError.self) {
      try present.contents.tying([ProposedTie(dropped: ["b"], kept: ["a"])])
    }
    #expect(try opened.contents.tying([ProposedTie(dropped: ["q"], kept: ["lost"])]).tree.sites().count == 2)
  }

  // MARK: The reference libraries

  @Test(
    "safetensors reads each shard",
    .enabled(if: ReferencePython.has("safetensors.numpy"), ReferencePython.absent("safetensors")))
  func pythonReads() throws {
    let folder = ScratchFolder()
    try Self.save(folder, 16)
    let sums = try ReferencePython.json(
      """
      import sys, json, os, safetensors
      index = json.load(open(sys.argv[1]))
      sums, size = {}, 0
      for name, shard in index["weight_map"].items():
        with safetensors.safe_open(os.path.join(os.path.dirname(sys.argv[1]), shard), "np") as file:
          assert name in file.keys() and file.metadata()["format"] == "pt"
          sums[name] = float(file.get_tensor(name).sum())
          size += file.get_tensor(name).nbytes
      assert size == index["metadata"]["total_size"]
      print(json.dumps(sums))
      """, [folder.file(Self.three[3])])
    #expect(sums as? [String: Double] == ["a": 3, "b.0": 5250, "b.1": 9])
  }

  @Test(
    "Hugging Face's load_model takes a file with ties, and what its save_model writes proposes them",
    .enabled(
      if: ReferencePython.has("torch, safetensors.torch"), ReferencePython.absent("torch, safetensors.torch"))
  )
  func loadModel() throws {
    let folder = ScratchFolder()
    let model = """
      import sys, torch, safetensors.torch
      class Model(torch.nn.Module):
        def __init__(self):
          super().__init__()
          self.embed = torch.nn.Embedding(4, 3)
          self.head = torch.nn.Linear(3, 4, bias=False)
          self.head.weight = self.embed.weight
      model = Model()

      """
    let values = Leaf(Tensor((0..<12).map { Float($0) }, shape: [4, 3]))
    let tree: Tree<Leaf> = [
      "embed": ["weight": .value(Value(.leaf(values), index: 0, collection: "params"))],
      "head": ["weight": .index(Index(0, collection: "params"))],
    ]
    try Checkpoint.save(tree: tree, to: folder.file("ours.safetensors"), metadata: ["format": "pt"])
    let sum = try ReferencePython.json(
      model + """
        missing, unexpected = safetensors.torch.load_model(model, sys.argv[1])
        assert not missing and not unexpected and model.head.weight is model.embed.weight
        safetensors.torch.save_model(model, sys.argv[2])
        print(float(model.head.weight.sum()))
        """, [folder.file("ours.safetensors"), folder.file("theirs.safetensors")])
    #expect(sum as? Double == 66)
    let theirs = try Checkpoint.open(folder.file("theirs.safetensors"))
    #expect(theirs.proposedTies.count == 1)
    let tied = try theirs.contents.tying(theirs.proposedTies)
    #expect(
      try firstDifference(
        tied.tree,
        ["embed.weight": .value(Value(.leaf(values), index: 0)), "head.weight": .index(Index(0))]) == nil)
  }

  // MARK: Golden files

  private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/named/v1").standardizedFileURL

  @Test("what released versions wrote is read for ever, and written the same")
  func goldenFiles() throws {
    let files: [(name: String, contents: CheckpointContents, options: WriteOptions)] = [
      ("tree.npz", Self.contents, WriteOptions()),
      (
        "types.npz",
        CheckpointContents(tree: [
          "b": .leaf(Leaf(dtype: .bfloat16, shape: [2], bytes: [1, 2, 3, 4])),
          "t": .leaf(.text(["a\0", "é"], shape: [2])), "..": ["x": .leaf(.text(["ä", "long"], shape: [2]))],
        ]), WriteOptions()
      ),
      (
        "array.npy",
        CheckpointContents(tree: .leaf(Leaf(Tensor([1, 2, 3, 4, 5, 6] as [Int32], shape: [2, 3])))),
        WriteOptions()
      ),
      ("shards/m.safetensors", Self.contents, WriteOptions(maxShardBytes: 16)),
    ]
    for (name, contents, options) in files {
      let file = Self.golden.appending(path: name)
      let isSharded = options.maxShardBytes != nil
      let opened = isSharded ? file.path + ".index.json" : file.path
      if ProcessInfo.processInfo.environment["REFX_WRITE_GOLDEN"] == "1",
        !FileManager.default.fileExists(atPath: opened)
      {
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Checkpoint.save(contents: contents, to: file.path, options: options)
      }
      let read = try Checkpoint.open(opened)
      #expect(try firstDifference(read.contents.tree, contents.tree) == nil, "\(name)")
      #expect(read.contents.metadata == contents.metadata, "\(name)")
      let folder = ScratchFolder()
      try Checkpoint.save(
        contents: contents, to: folder.file(file.lastPathComponent), options: options, durability: .none)
      for written in folder.contents() {
        #expect(
          try Data(contentsOf: URL(filePath: folder.file(written)))
            == Data(contentsOf: file.deletingLastPathComponent().appending(path: written)), "\(written)")
      }
    }
  }
}
