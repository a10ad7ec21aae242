// swift-format-ignore-file
// Made of the documentation's pages and comments; REFX_UPDATE_FIXTURES=1 swift test --filter PageTests makes it anew.

import RefxDistributed
import RefxIO

#if MPI
import RefxMPI
#endif

/// What needs ranks of MPI, and is there in a build with them alone.
let programsOverRanks: [String] = [
  "Documentation/ranks.md#1",
  "Sources/RefxMPI/MPICommunicator.swift#1",
]

/// Runs the program of that name; false where there is none.
func runPage(_ name: String) throws -> Bool {
  switch name {
  case "README.md#1": try program1()
  case "SECURITY.md#1": try program2()
  case "Documentation/restoring.md#1": try program4()
  case "Documentation/resuming.md#1": try program5()
  case "Documentation/resuming.md#2": try program6()
  case "Documentation/resuming.md#3": try program7()
  case "Documentation/RefxDistributed.docc/OverRanks.md#1": try program8()
  case "Documentation/RefxIO.docc/CollectionsAndPartitions.md#1": try program9()
  case "Documentation/RefxIO.docc/ErrorsExplained.md#1": try program10()
  case "Documentation/RefxIO.docc/FiveMinutes.md#1": try program11()
  case "Documentation/RefxIO.docc/FromRefx.md#1": try program12()
  case "Documentation/RefxIO.docc/FromRefx.md#2": try program13()
  case "Documentation/RefxIO.docc/MigratingModels.md#1": try program14()
  case "Documentation/RefxIO.docc/PartialLoading.md#1": try program15()
  case "Documentation/RefxIO.docc/Performance.md#1": try program16()
  case "Documentation/RefxIO.docc/ReadingFromPython.md#1": try program17()
  case "Documentation/RefxIO.docc/ReferencesAndTrees.md#1": try program18()
  case "Documentation/RefxIO.docc/SavingAndRestoring.md#1": try program19()
  case "Documentation/RefxIO.docc/SharingInFiles.md#1": try program20()
  case "Documentation/RefxIO.docc/TraceLevels.md#1": try program21()
  case "Sources/Refx/Coding/Leniency.swift#1": try program22()
  case "Sources/Refx/Coding/TopologyContract.swift#1": try program23()
  case "Sources/Refx/Operations/TreePartition.swift#1": try program24()
  case "Sources/Refx/References/RefTree.swift#1": try program25()
  case "Sources/RefxIO/Checkpoint/Checkpoint+Restoring.swift#1": try program26()
  case "Sources/RefxIO/Checkpoint/Checkpoint.swift#1": try program27()
  case "Sources/RefxIO/Checkpoint/VersionedModel.swift#1": try program28()
  case "Sources/RefxIO/Manager/CheckpointManager.swift#1": try program29()
  case "Sources/RefxIO/Manager/SavePolicy.swift#1": try program30()
  #if MPI
  case "Documentation/ranks.md#1": try program3()
  case "Sources/RefxMPI/MPICommunicator.swift#1": try program31()
  #endif
  default: return false
  }
  return true
}

private func program1() throws {
  // README.md#1
  struct Model: Codable {
    @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    @RefField(collection: "params") var head = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
    @RefField(collection: "batch_stats") var mean: Float = 0
    var step = 7
  }
  var model = Model()
  model.$head = model.$embedding  // tie two fields: one Ref, two names
  try Checkpoint.save(model, to: "run.refx")  // or run.h5: the suffix decides
  let loaded = try Checkpoint.load(Model.self, from: "run.refx")
  assert(loaded.$head === loaded.$embedding)  // still tied
}

private func program2() throws {
  // SECURITY.md#1
  HDF5Worker.serveIfAsked()  // first of all, so that this very program can be its worker
  func openTheirs(_ path: String) throws -> OpenedCheckpoint {
    var options = OpenOptions(libraries: .worker(executable: "/proc/self/exe"))
    options.limits.bytes = 4 << 30
    options.limits.nodes = 1_000_000
    return try Checkpoint.open(path, options: options)
  }
  try Checkpoint.save(tree: ["w": .leaf([1, 2] as [Float])], to: "theirs.h5")
  let file = try openTheirs("theirs.h5")
  print(try file.contents.tree.sites().map(\.path))
}

private func program4() throws {
  // Documentation/restoring.md#1
  struct Model: Codable {
    @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    @RefField(collection: "params") var output = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
    @RefField(collection: "batch_stats") var mean: [Float] = [0, 0]
    var step = 0
  }
  var model = Model()
  model.$output = model.$embedding  // tied: one Ref at two sites
  try Checkpoint.save(model, to: "run.refx")
  try Checkpoint.restore(&model, from: "run.refx")
  // Documentation/restoring.md#1
  try Checkpoint.restore(&model, from: "run.refx", select: .collections(["params", "batch_stats"]))
  try Checkpoint.restore(&model, from: "run.refx", select: .pattern("emb*"))
  try Checkpoint.restore(
    &model, from: "run.refx", select: [.collection("params"), .pattern("mean")])
  // Documentation/restoring.md#1
  try Checkpoint.restore(
    &model, from: "run.refx",
    allowing: [.missing("head/**"), .unexpected("ema/**"), .shape("classes/**")])
  // Documentation/restoring.md#1
  var untied = Model()
  try Checkpoint.restore(&untied, from: "run.refx", topology: .acceptTies)
  assert(untied.$output !== untied.$embedding)  // still apart, with equal values
  try Checkpoint.save(untied, to: "untied.refx")
  try Checkpoint.restore(&model, from: "untied.refx", topology: .acceptUnties)
  assert(model.$output === model.$embedding)  // still tied
  // Documentation/restoring.md#1
  try Checkpoint.restore(
    &model, from: "run.refx", allowing: .missing, requiring: ["params", "batch_stats"])
  let loaded = try Checkpoint.load(Model.self, from: "run.refx", requiring: ["batch_stats"])
  assert(loaded.$output === loaded.$embedding)
  // Documentation/restoring.md#1
  let contents = try Checkpoint.open("run.refx").contents
  try Checkpoint.restore(&model, from: contents, select: .collection("params"))
}

private func program5() throws {
  // Documentation/resuming.md#1
  struct Training: Codable {
    @RefField(collection: "params") var weights = Tensor([0.5, 0.25] as [Float])
    @RefField(collection: "optimizer") var moments: [Float] = [0, 0]
    var step = 0
    mutating func advance() -> Double {
      weights.withMutableElements(of: Float.self) { for place in $0.indices { $0[place] *= 0.9 } }
      step += 1
      return Double(weights.elements(of: Float.self)[0])
    }
  }
  let manager = try CheckpointManager("run7", keep: .latest(3), .best(2, by: "loss"))
  var training = Training()
  try manager.resume(&training)  // the latest step that is whole; nothing where there is none yet
  while training.step < 100 {
    let loss = training.advance()
    if training.step % 10 == 0 {
      try manager.save(training, step: training.step, metrics: ["loss": loss])
    }
  }
  try manager.finish()  // waits for the last save, and throws where one failed
  assert(manager.steps.map(\.step) == [80, 90, 100])
}

private func program6() throws {
  // Documentation/resuming.md#2
  var settings = CheckpointManager.Settings()
  settings.policies = [
    .collection("optimizer", dtype: .bfloat16),  // half the bytes; the manager gives float32 again
    .collection("embeddings", compression: Compression.none),
    try .path("**/square", dtype: .float16),  // of these, with a finer mantissa
    .leavingOut("cache"),
  ]
  settings.changesBetweenWholes = 9
  let manager = try CheckpointManager("run8", keep: .latest(3), settings: settings)
  struct State: Codable {
    @RefField(collection: "optimizer") var moments = Tensor([1, 2] as [Float])
  }
  let saved = try manager.saveNow(State(), step: 1)
  let dtypes = try Checkpoint.open(saved.path).contents.tree.leaves().map(\.dtype)
  assert(dtypes == [.bfloat16])
}

private func program7() throws {
  // Documentation/resuming.md#3
  struct Network: Codable {
    @RefField(collection: "params") var weights = Tensor([1, 2] as [Float])
    @RefField(collection: "optimizer") var moments: [Float] = [0, 0]
  }
  let parts = try CheckpointManager("run9")
  var network = Network()
  try parts.saveNow(network, step: 40)
  try parts.saveNow(network, step: 50, select: [.collection("params")])
  // `try parts.resume(&network)` throws: step 50 has no optimizer.
  try parts.resume(&network, select: .collection("params"))  // the params of step 50; all else is as it was
  try parts.folder.restore(&network, step: 40)  // or all of step 40
}

private func program8() throws {
  // Documentation/RefxDistributed.docc/OverRanks.md#1
  // A matrix of four rows: rank 0 has the first two, rank 1 the others. The step is whole on both.
  let saved = ThreadCommunicator.run(ranks: 2) { ranks in
    let rows = (0..<8).map { Float(8 * ranks.rank + $0) }
    let mine: Tree<Leaf> = ["weight": .leaf(Leaf(Tensor(rows, shape: [2, 4]))), "step": .leaf(7)]
    let tree = try mine.pieces { path, leaf in
      path.text == "weight" ? PiecedLeaf(leaf, from: 2 * ranks.rank, of: 4) : nil
    }
    try DistributedCheckpoint.save(tree, to: "run.refx", over: ranks)
  }
  for result in saved { try result.get() }
  // Documentation/RefxDistributed.docc/OverRanks.md#1
  let tree = try Checkpoint.open("run.refx").contents.tree
  let weight = try tree.leaves()[1].tensor()
  assert(weight.elements(of: Float.self) == (0..<16).map(Float.init))
  // Documentation/RefxDistributed.docc/OverRanks.md#1
  let loaded = ThreadCommunicator.run(ranks: 4) { ranks in
    try DistributedCheckpoint.load(from: "run.refx", over: ranks) { path, leaf in
      path.text == "weight" ? Block(offset: [ranks.rank, 0], shape: [1, 4]) : nil
    }.tree
  }
  let row = try loaded[3].get().leaves()[1].tensor()
  assert(row.shape == [1, 4])
  assert(row.elements(of: Float.self) == [12, 13, 14, 15])
}

private func program9() throws {
  // Documentation/RefxIO.docc/CollectionsAndPartitions.md#1
  let weight = Ref([1, 2] as [Float], collection: "params")
  let mean = Ref([0, 0] as [Float], collection: "batch_stats")
  let model: RefTree = ["embed": .ref(weight), "head": .ref(weight), "norm": .ref(mean), "step": .leaf(3)]
  // Documentation/RefxIO.docc/CollectionsAndPartitions.md#1
  let (parts, structure) = treePartition(model, byCollection("params"), byCollection("batch_stats"))
  assert(parts.map(\.filledCount) == [2, 1, 1])
  assert(parts[0].paths == parts[1].paths)
  let whole = try mergePartitions(parts, structure)
  assert(whole["head"]?.ref === weight)  // the very Refs, not copies
  // Documentation/RefxIO.docc/CollectionsAndPartitions.md#1
  let newer: RefTree = [
    "embed": .ref(Ref([5, 6] as [Float], collection: "params")), "head": .ref(Ref([5, 6] as [Float])),
    "norm": .ref(Ref([1, 1] as [Float])), "step": .leaf(4),
  ]
  do {
    try updateRefs(model, newer)  // head and embed are one in the model and two in the source
    assert(false)
  } catch let error as RefxError {
    assert(error.code == .refusal)
    assert(weight.value == [1, 2])
  }
  // Documentation/RefxIO.docc/CollectionsAndPartitions.md#1
  try Checkpoint.save(tree: try deref(model), to: "run.refx")
  let contents = try Checkpoint.open("run.refx").contents
  let (byCollection, collections) = try contents.partitionedByCollection()
  assert(byCollection.parts.map(\.name) == ["batch_stats", "params", "rest"])
  assert(collections == ["batch_stats", "params", nil])
  let merged = try CheckpointContents.merged(byCollection.parts.map { ($0.name, $0.contents) })
  let (before, after) = (try contents.tree.sites(), try merged.contents.tree.sites())
  assert(after.map(\.path) == before.map(\.path))
}

private func program10() throws {
  // Documentation/RefxIO.docc/ErrorsExplained.md#1
  struct Model: Codable {
    @RefField(collection: "params") var weight = Tensor([1, 2] as [Float])
  }
  try Checkpoint.save(Model(), to: "run.refx")
  struct Wider: Codable {
    @RefField(collection: "params") var weight = Tensor([1, 2, 3] as [Float])
  }
  var wider = Wider()
  do {
    try Checkpoint.restore(&wider, from: "run.refx")
    assert(false)
  } catch let error as RefxError {
    assert(error.code == .mismatch)
    assert(error.file == "run.refx")
    assert(error.details == ["weight: shape: expected [3], found [2]"])  // a line for each difference
    print(error)
  }
}

private func program11() throws {
  // Documentation/RefxIO.docc/FiveMinutes.md#1
  struct Model: Codable {
    @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    @RefField(collection: "params") var output = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
    @RefField(collection: "batch_stats") var mean: [Float] = [0, 0]
    var step = 7
  }
  var model = Model()
  model.$output = model.$embedding
  model.embedding = Tensor([5, 6, 7, 8] as [Float], shape: [2, 2])
  assert(model.output.elements(of: Float.self) == [5, 6, 7, 8])  // one value, two names
  // Documentation/RefxIO.docc/FiveMinutes.md#1
  try Checkpoint.save(model, to: "run.refx")
  try Checkpoint.save(model, to: "run.h5")  // the suffix decides
  let loaded = try Checkpoint.load(Model.self, from: "run.refx")
  assert(loaded.$output === loaded.$embedding)
  // Documentation/RefxIO.docc/FiveMinutes.md#1
  let file = try Checkpoint.open("run.h5")
  let tree = file.contents.tree
  for site in try tree.sites() { print(site.path, site.reference?.index ?? "-") }
  let embedding = try tree.leaves()[0].tensor()  // payload is read here
  assert(embedding.shape == [2, 2])
  // Documentation/RefxIO.docc/FiveMinutes.md#1
  let cell = model.$embedding
  model.embedding = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
  try Checkpoint.restore(&model, from: "run.refx")
  assert(model.$embedding === cell)
  assert(model.embedding.elements(of: Float.self) == [5, 6, 7, 8])
}

private func program12() throws {
  // Documentation/RefxIO.docc/FromRefx.md#1
  let weight = Ref([1, 2] as [Float], collection: "params")
  let tree = try deref(["w": .ref(weight), "again": .ref(weight), "scale": .leaf(Float(2))])
  let (parts, _) = treePartition(tree, { (node: Tree<Leaf>) in node.isReferential })
  assert(parts.map(\.filledCount) == [2, 1])
}

private func program13() throws {
  // Documentation/RefxIO.docc/FromRefx.md#2
  struct Linear {
    @RefField(collection: "params") var w: [Float]
    @RefField(collection: "params") var b: [Float]
    init(_ w: [Float]) {
      self.w = w
      b = [0]
    }
  }
  let first = Linear([1, 2])
  var second = Linear([3, 4])
  second.$w = first.$w  // ties two fields
  first.w[0] = 9  // writes through
  assert(second.w == [9, 2])
  let live: RefTree = ["first": .ref(first.$w), "second": .ref(second.$w)]
  let dereffed = try deref(live)
  let rereffed = try reref(dereffed)
  assert(rereffed["first"]?.ref === rereffed["second"]?.ref)
  let (parts, structure) = treePartition(rereffed, byCollection("params"))
  let merged = try mergePartitions(parts, structure)
  assert(merged["first"]?.ref === rereffed["first"]?.ref)
  try updateRefs(live, rereffed)
}

private func program14() throws {
  // Documentation/RefxIO.docc/MigratingModels.md#1
  struct First: Codable {
    @RefField(collection: "params") var encoder_w = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    @RefField(collection: "params") var decoder_w = Tensor([0] as [Float])
    var step = 7
  }
  struct Second: Codable, VersionedModel {
    @RefField(collection: "params") var enc = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [2, 3])
    @RefField(collection: "params") var dec = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [2, 3])
    var step = 0
    static var structureVersion: Int { 2 }
    static var migrations: [Migration] {
      get throws { [Migration(from: 1, to: 2, rules: [try .rename("(enc|dec)oder_w", to: "$1")])] }
    }
  }
  var old = First()
  old.$decoder_w = old.$encoder_w
  try Checkpoint.save(old, to: "old.refx")
  let new = try Checkpoint.load(Second.self, from: "old.refx")
  assert(new.$enc === new.$dec)
  assert(new.step == 7)
  // Documentation/RefxIO.docc/MigratingModels.md#1
  struct Third: Codable, VersionedModel {
    @RefField(collection: "params") var enc = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
    @RefField(collection: "params") var dec = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
    var steps = 0
    static var structureVersion: Int { 3 }
    static var migrations: [Migration] {
      get throws {
        [Migration(from: 2, to: 3) { try $0.applying([.transpose("enc|dec"), .rename("step", to: "steps")]) }]
          + (try Second.migrations)
      }
    }
  }
  let third = try Checkpoint.load(Third.self, from: "old.refx")
  assert(third.$enc === third.$dec)
  assert(third.enc.elements(of: Float.self) == [1, 4, 2, 5, 3, 6])
  // Documentation/RefxIO.docc/MigratingModels.md#1
  try Checkpoint.save(third, to: "new.refx")
  do {
    _ = try Checkpoint.load(Second.self, from: "new.refx")
    assert(false)
  } catch let error as RefxError {
    print(error)
  }
}

private func program15() throws {
  // Documentation/RefxIO.docc/PartialLoading.md#1
  struct Model: Codable {
    var encoder = ["w": Ref(Tensor((0..<24).map(Float.init), shape: [6, 4]), collection: "params")]
    var head = Ref(Tensor([1, 2] as [Float]), collection: "params")
    var mean = Ref([0.5] as [Float], collection: "batch_stats")
  }
  try Checkpoint.save(Model(), to: "run.refx")
  let tree = try Checkpoint.open("run.refx").contents.tree
  struct NoSuchArray: Error {}
  guard case .value(let sight)? = tree["encoder", "w"], case .leaf(let leaf) = sight.value else { throw NoSuchArray() }
  assert(leaf.shape == [6, 4] && leaf.dtype == .float32)  // nothing was read for this
  let tensor = try leaf.tensor()  // now it was
  assert(tensor.count == 24)
  // Documentation/RefxIO.docc/PartialLoading.md#1
  let rows = try leaf.sliced(Slice([2..<4]))
  assert(rows.shape == [2, 4])
  let elements = try rows.tensor().elements(of: Float.self)
  assert(elements == [8, 9, 10, 11, 12, 13, 14, 15])
  let corner = try leaf.sliced(Slice(text: "-1,0:2")).tensor()
  assert(corner.elements(of: Float.self) == [20, 21])
  // Documentation/RefxIO.docc/PartialLoading.md#1
  var model = Model()
  model.head.value = Tensor([0, 0] as [Float])
  model.mean.value = [9]
  try Checkpoint.restore(&model, from: "run.refx", select: .collection("params"))
  assert(model.head.value.elements(of: Float.self) == [1, 2])
  assert(model.mean.value == [9])
  try Checkpoint.restore(&model, from: "run.refx", select: .pattern("encoder/*"))
  // Documentation/RefxIO.docc/PartialLoading.md#1
  var options = OpenOptions()
  options.payload = .map
  try Checkpoint.save(model, to: "raw.refx", compression: .none)
  let mapped = try Checkpoint.load(Model.self, from: "raw.refx", options: options)
  assert(mapped.head.value.elements(of: Float.self) == [1, 2])
}

private func program16() throws {
  // Documentation/RefxIO.docc/Performance.md#1
  let tree: Tree<Leaf> = ["w": .leaf([1, 2, 3] as [Float])]
  for (name, compression) in [("raw", Compression.none), ("fast", .fast), ("best", .best)] {
    try Checkpoint.save(tree: tree, to: "\(name).refx", compression: compression, durability: .none)
  }
}

private func program17() throws {
  // Documentation/RefxIO.docc/ReadingFromPython.md#1
  struct Model: Codable {
    @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    @RefField(collection: "params") var head = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
  }
  var model = Model()
  model.$head = model.$embedding
  try Checkpoint.save(model, to: "run.refx")
  try Checkpoint.save(model, to: "run.h5")
}

private func program18() throws {
  // Documentation/RefxIO.docc/ReferencesAndTrees.md#1
  let shared = Ref([1, 2, 3] as [Float], collection: "params")
  let other = Ref([1, 2, 3] as [Float], collection: "params")
  assert(shared != other)  // equal values, two cells: sharing is identity, never equality
  shared.value[0] = 9  // in place
  assert(shared.value == [9, 2, 3])
  // Documentation/RefxIO.docc/ReferencesAndTrees.md#1
  let live: RefTree = ["encoder": .ref(shared), "decoder": .ref(shared), "scale": .leaf(Float(0.5))]
  assert(live["encoder"]?.ref(as: [Float].self) === shared)
  // Documentation/RefxIO.docc/ReferencesAndTrees.md#1
  let tree = try deref(live)
  let sites = try tree.sites()
  assert(sites.map(\.path.text) == ["", "decoder", "encoder", "scale"])
  assert(sites[1].reference?.isFirst == true)  // "decoder" comes first, so the value is there
  assert(sites[2].reference?.isFirst == false)  // and "encoder" has its number
  // Documentation/RefxIO.docc/ReferencesAndTrees.md#1
  let again = try reref(tree)
  assert(again["encoder"]?.ref === again["decoder"]?.ref)
  assert(again["encoder"]?.ref !== shared)
  // Documentation/RefxIO.docc/ReferencesAndTrees.md#1
  struct Layer: Codable {
    @RefField(collection: "params") var weight: [Float] = [1, 2]
  }
  struct Stack: Codable {
    var first = Layer()
    var second = Layer()
  }
  var stack = Stack()
  stack.second.$weight = stack.first.$weight
  let encoded = try TreeEncoder().encode(stack)
  let decoded = try TreeDecoder().decode(Stack.self, from: encoded)
  assert(decoded.first.$weight === decoded.second.$weight)
}

private func program19() throws {
  // Documentation/RefxIO.docc/SavingAndRestoring.md#1
  struct Model: Codable {
    @RefField(collection: "params") var weight = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    @RefField(collection: "optimizer") var moments: [Float] = [0, 0, 0, 0]
    var step = 10
  }
  var model = Model()
  try Checkpoint.save(model, to: "step.refx", compression: .best, metadata: ["epoch": 3])
  // Documentation/RefxIO.docc/SavingAndRestoring.md#1
  let contents = try Checkpoint.open("step.refx").contents
  assert(contents.metadata["epoch"] == 3)
  let copy = try Checkpoint.load(Model.self, from: "step.refx")
  assert(copy.step == 10)
  model.step = 0
  try Checkpoint.restore(&model, from: "step.refx")
  assert(model.step == 10)
  // Documentation/RefxIO.docc/SavingAndRestoring.md#1
  struct Larger: Codable {
    @RefField(collection: "params") var weight = Tensor([0, 0] as [Float])
    @RefField(collection: "params") var bias: [Float] = [0]
    var step = 0
  }
  var larger = Larger()
  do {
    try Checkpoint.restore(&larger, from: "step.refx")
    assert(false)
  } catch let error as RefxError {
    assert(error.code == .mismatch)
    assert(error.details.count == 3)  // bias is missing, moments unexpected, weight of another shape
    assert(larger.step == 0)
  }
}

private func program20() throws {
  // Documentation/RefxIO.docc/SharingInFiles.md#1
  struct Model: Codable {
    @RefField(collection: "params") var embedding: [Float] = [1, 2, 3]
    @RefField(collection: "params") var head: [Float] = [0, 0, 0]
  }
  var model = Model()
  model.$head = model.$embedding
  for name in ["tied.refx", "tied.h5", "tied.safetensors", "tied.npz"] {
    try Checkpoint.save(model, to: name)
    let loaded = try Checkpoint.load(Model.self, from: name)
    assert(loaded.$head === loaded.$embedding)
  }
  // Documentation/RefxIO.docc/SharingInFiles.md#1
  struct Apart: Codable {
    @RefField(collection: "params") var embedding: [Float] = [1, 2, 3]
    @RefField(collection: "params") var head: [Float] = [1, 2, 3]
  }
  try Checkpoint.save(Apart(), to: "untied.refx")
  let apart = try Checkpoint.load(Apart.self, from: "untied.refx")
  assert(apart.$head !== apart.$embedding)  // equal, and two
}

private func program21() throws {
  // Documentation/RefxIO.docc/TraceLevels.md#1
  let weight = Ref([1, 2] as [Float], collection: "params")
  let model: RefTree = ["w": .ref(weight), "again": .ref(weight)]
  let trained = try crossingBoundary(model) { (inside: RefTree) in
    let cell = inside["w"]!.ref!
    assert(cell !== weight && cell.level != weight.level)
    assert(cell === inside["again"]!.ref)  // ties are kept on the way
    do {
      _ = try weight.get()  // the outside's Ref: refused here
      assert(false)
    } catch let error as RefxError {
      assert(error.code == .traceLevel)
    }
    return inside
  }
  assert(trained["w"]?.ref === trained["again"]?.ref)
  try updateRefs(model, trained)  // back into the Refs that are there
  // Documentation/RefxIO.docc/TraceLevels.md#1
  let made = withTraceLevel { Ref(1) }
  do {
    _ = try made.get()
    assert(false)
  } catch {
    assert(error.code == .traceLevel)
  }
  // Documentation/RefxIO.docc/TraceLevels.md#1
  let statistics = Ref(Float(0), collection: "batch_stats")
  try mutable({ $0 == "batch_stats" }) {
    try statistics.set(1)
    do {
      try weight.set([0, 0])
      assert(false)
    } catch let error as RefxError {
      assert(error.code == .notMutable)
    }
  }
  try weight.set([3, 4])
}

private func program22() throws {
  // Sources/Refx/Coding/Leniency.swift#1
  struct Model: Codable {
    var body: [Float] = [0, 0]
    var head: [Float] = [3, 4]
  }
  var model = Model()
  let tree: Tree<Leaf> = ["body": .leaf([1, 2] as [Float]), "ema": .leaf([9] as [Float])]
  let aNewHead = Leniency.missing.only(at: "the head") { $0.keys.first == "head" }
  try TreeDecoder(allowing: [aNewHead, .unexpected]).restore(&model, from: tree)
  assert(model.body == [1, 2] && model.head == [3, 4])
}

private func program23() throws {
  // Sources/Refx/Coding/TopologyContract.swift#1
  struct Model: Codable {
    @RefField var embedding: [Float] = [1, 2]
    @RefField var head: [Float] = [0, 0]
  }
  var tied = Model()
  tied.$head = tied.$embedding
  try Checkpoint.save(tied, to: "tied.refx")
  var model = Model()
  try Checkpoint.restore(&model, from: "tied.refx", topology: .acceptTies)
  assert(model.head == [1, 2] && model.$head !== model.$embedding)
}

private func program24() throws {
  // Sources/Refx/Operations/TreePartition.swift#1
  let weight = Ref([1, 2] as [Float], collection: "params")
  let tree: RefTree = ["embedding": .ref(weight), "head": .ref(weight), "step": .leaf(3)]
  let (parts, structure) = treePartition(tree, byCollection("params"), byCollection("batch_stats"))
  assert(parts.map(\.filledCount) == [2, 0, 1])
  let whole = try mergePartitions(parts, structure)
  assert(whole["head"]?.ref === weight)
}

private func program25() throws {
  // Sources/Refx/References/RefTree.swift#1
  let (one, two) = (Ref(1), Ref(2))
  let tree: RefTree = ["a": [.ref(one), .ref(one), .ref(two)], "b": .ref(two), "scale": .leaf(0.5)]
  assert(tree["a", 1]?.ref(as: Int.self) === one)
}

private func program26() throws {
  // Sources/RefxIO/Checkpoint/Checkpoint+Restoring.swift#1
  struct Model: Codable {
    @RefField(collection: "params") var weight = Tensor([1, 2] as [Float])
    @RefField(collection: "batch_stats") var mean: [Float] = [0]
    var step = 7
  }
  try Checkpoint.save(Model(), to: "run7.refx")
  var model = Model()
  model.step = 0
  try Checkpoint.restore(
    &model, from: "run7.refx", select: [.collections(["params", "batch_stats"]), .pattern("step")],
    allowing: [.missing("head/**"), .unexpected("ema/**")], requiring: ["batch_stats"])
  assert(model.step == 7)
}

private func program27() throws {
  // Sources/RefxIO/Checkpoint/Checkpoint.swift#1
  struct Model: Codable {
    @RefField(collection: "params") var embedding = Tensor([1, 2] as [Float])
    @RefField(collection: "params") var head = Tensor([0, 0] as [Float])
  }
  var model = Model()
  model.$head = model.$embedding  // one Ref, two names
  try Checkpoint.save(model, to: "run7.refx")  // .refx, .h5 or .safetensors by suffix
  let loaded = try Checkpoint.load(Model.self, from: "run7.refx")
  assert(loaded.$head === loaded.$embedding)  // ties are ties again
  try Checkpoint.restore(&model, from: "run7.refx", select: .collection("params"))
  let leaves = try Checkpoint.open("run7.refx").contents.tree.leaves()  // lazy: no payload is read
  assert(leaves.count == 1)
}

private func program28() throws {
  // Sources/RefxIO/Checkpoint/VersionedModel.swift#1
  struct Model: Codable, VersionedModel {
    var enc: [String: [Float]]
    static var structureVersion: Int { 2 }
    static var migrations: [Migration] {
      get throws { [Migration(from: 1, to: 2, rules: [try .rename("encoder/(.*)", to: "enc/$1")])] }
    }
  }
  try Checkpoint.save(tree: ["encoder": ["w": .leaf([1, 2] as [Float])]], to: "old.refx")
  let model = try Checkpoint.load(Model.self, from: "old.refx")
  assert(model.enc["w"] == [1, 2])
}

private func program29() throws {
  // Sources/RefxIO/Manager/CheckpointManager.swift#1
  struct Model: Codable {
    @RefField(collection: "params") var weight = Tensor([1, 2] as [Float])
    mutating func train() -> Double {
      weight.withMutableElements(of: Float.self) { $0[0] *= 0.99 }
      return Double(weight.elements(of: Float.self)[0])
    }
  }
  let manager = try CheckpointManager("run7", keep: .latest(3), .best(2, by: "loss"))
  var model = Model()
  var step = try manager.resume(&model)?.step ?? 0  // 0 where no step was saved yet
  while step < 100 {
    let loss = model.train()
    step += 1
    if step % 10 == 0 { try manager.save(model, step: step, metrics: ["loss": loss]) }
  }
  try manager.finish()
  assert(manager.steps.map(\.step) == [80, 90, 100])
}

private func program30() throws {
  // Sources/RefxIO/Manager/SavePolicy.swift#1
  struct Model: Codable {
    var optimizer = [
      "embedding": Ref(Tensor([1, 2] as [Float]), collection: "optimizer"),
      "head": Ref(Tensor([3, 4] as [Float]), collection: "optimizer"),
    ]
    var cache = ["keys": Tensor([5, 6] as [Float])]
  }
  var settings = CheckpointManager.Settings()
  settings.policies = [
    .collection("optimizer", dtype: .bfloat16),
    try .path("optimizer/embedding/**"),  // as it is
    try .leavingOut(path: "cache/**"),
  ]
  let step = try CheckpointManager("run7", settings: settings).saveNow(Model(), step: 1)
  let leaves = try Checkpoint.open(step.path).contents.tree.leaves()
  assert(leaves.map(\.dtype) == [.float32, .bfloat16])
}

#if MPI

private func program3() throws {
  // Documentation/ranks.md#1
  struct Model: Codable {
    @RefField(collection: "params") var weight = Tensor([] as [Float])
    var step = 7
  }
  let ranks = try MPICommunicator.world()
  defer { try? MPICommunicator.finish() }
  // Each rank holds two rows of four columns.
  let (firstRow, allRows) = (2 * ranks.rank, 2 * ranks.size)
  let mine = (0..<8).map { Float(4 * firstRow + $0) }
  let model = Model()
  model.weight = Tensor(mine, shape: [2, 4])
  // Of every weight these are rows; all else is whole on every rank.
  let tree = try TreeEncoder().encode(model).pieces { path, leaf in
    path.keys.last == "weight" ? PiecedLeaf(leaf, from: firstRow, of: allRows) : nil
  }
  try DistributedCheckpoint.save(tree, to: "run7.refx", over: ranks)
  // Documentation/ranks.md#1
  let loaded = try DistributedCheckpoint.load(Model.self, from: "run7.refx", over: ranks) { path, leaf in
    path.keys.last == "weight" ? Block(offset: [firstRow, 0], shape: [2, leaf.shape[1]]) : nil
  }
  assert(loaded.weight.elements(of: Float.self) == mine)
  let whole = try Checkpoint.load(Model.self, from: "run7.refx")  // the file does not know of ranks
  assert(whole.weight.shape == [allRows, 4])
}

private func program31() throws {
  // Sources/RefxMPI/MPICommunicator.swift#1
  let ranks = try MPICommunicator.world()
  defer { try? MPICommunicator.finish() }
  let names = try ranks.gatherToAll(Array("rank \(ranks.rank)".utf8))
  assert(names.count == ranks.size && names[0] == Array("rank 0".utf8))
}
#endif
