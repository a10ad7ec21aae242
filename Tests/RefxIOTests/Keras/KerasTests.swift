import Foundation
import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite struct KerasTests {
  private static let foreign = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/foreign").standardizedFileURL
  private static let folder = foreign.appending(path: "keras")

  private func bytes(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: Self.foreign.appending(path: name)))
  }

  private func open(_ archive: [UInt8], _ options: OpenOptions = OpenOptions()) throws -> OpenedCheckpoint {
    try KerasStore.open(InputFile(MemoryBytes(sharing: archive), name: "a.keras"), options: options)
  }

  private func problems(of opened: OpenedCheckpoint) throws -> [Problem] {
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    return problems
  }

  // MARK: What Keras writes

  @Test(arguments: ["model.keras", "deflated.keras", "model.weights.h5", "legacy.h5"])
  func filesOfKerasRead(_ name: String) throws {
    let path = Self.folder.appending(path: name).path
    let expected = try Array(Data(contentsOf: URL(filePath: path + ".json")))
    let found = try #require(try JSONSerialization.jsonObject(with: Data(expected)) as? [String: Any])
    let opened = try Checkpoint.open(path)
    let isArchive = name.hasSuffix(".keras")
    #expect(opened.format == (isArchive ? "keras" : "hdf5") && opened.hasChecksums == isArchive)
    #expect(KerasStore.recognises(try InputFile(path: path)) == isArchive)
    let datasets = try #require(found["datasets"] as? [[String: Any]])
    for dataset in datasets {
      let place = Path(try #require(dataset["path"] as? [String]).map { Key($0) })
      guard case .leaf(let leaf)? = opened.contents.tree[place] else {
        Issue.record("no leaf at \(place.text)")
        continue
      }
      #expect(leaf.dtype.name == dataset["dtype"] as? String && leaf.shape == dataset["shape"] as? [Int])
      let sum = hexadecimal(try LeafHashes().sha256(of: leaf, at: place))
      #expect(sum == dataset["sha256"] as? String, "\(place.text)")
    }
    var leaves = 0
    opened.contents.tree.forEachLeaf { _ in leaves += 1 }
    #expect(leaves == datasets.count)
    #expect(try problems(of: opened).isEmpty)
    guard isArchive, case .object(let facts) = try JSON.parse(expected) else { return }
    #expect(opened.contents.metadata["keras_config"] == facts["config"])
    #expect(opened.contents.metadata["keras_metadata"] == facts["metadata"])
    let assets = "these members of the archive are not read: assets/vocabulary.txt, assets/more/table.bin"
    #expect(opened.warnings == (name == "deflated.keras" ? [assets] : []))
  }

  /// What Keras writes of a shared layer: once where it looks at layers, and once for each model that has it in the
  /// older format, as datasets that nothing ties.
  @Test func aSharedLayerIsWhereKerasWroteIt() throws {
    let archive = try Checkpoint.open(Self.folder.appending(path: "model.keras").path).contents.tree
    #expect(archive["layers", "dense", "vars", "0"] != nil)
    #expect(archive["layers", "sequential", "layers", "dense_1"] == nil)
    let legacy = try Checkpoint.open(Self.folder.appending(path: "legacy.h5").path).contents.tree
    let one = legacy["model_weights", "shared", "inner", "shared", "kernel"]
    let other = legacy["model_weights", "inner", "inner", "shared", "kernel"]
    #expect(try NumPyFiles.values(one) == NumPyFiles.values(other))
    var shared = 0
    try legacy.forEachSite { if $0.reference != nil { shared += 1 } }
    #expect(shared == 0)
  }

  // MARK: Archives of all kinds

  private func archive(
    weights: [UInt8], config: String = "{}", more: [(name: String, bytes: [UInt8])] = []
  ) -> [UInt8] {
    NumPyFiles.archive(
      [
        ("metadata.json", Array("{}".utf8)), ("config.json", Array(config.utf8)),
        ("model.weights.h5", weights),
      ]
        + more)
  }

  /// What our own reader of HDF5 leaves to the library, which can read whole files alone.
  @Test func theLibraryReadsAMemberToo() throws {
    let weights = try bytes("committed-types.h5")
    let plain = try HDF5Store.open(
      InputFile(MemoryBytes(sharing: weights), name: "a.h5"), options: OpenOptions())
    let opened = try open(archive(weights: weights))
    let difference = try firstDifference(
      plain.contents.tree.skippingUnsupported(), opened.contents.tree.skippingUnsupported())
    #expect(difference == nil)
    #expect(opened.warnings == plain.warnings)
    #expect(try problems(of: opened).isEmpty)
  }

  @Test func aConfigurationThatIsNoJSONIsKept() throws {
    let weights = try bytes("keras/model.weights.h5")
    let opened = try open(archive(weights: weights, config: "{\"rate\": Infinity}"))
    #expect(opened.contents.metadata["keras_config"] == .string("{\"rate\": Infinity}"))
    #expect(opened.warnings.count == 1 && opened.warnings[0].contains("config.json"))
  }

  @Test func whatIsMissingIsSaid() throws {
    let weights = try bytes("keras/model.weights.h5")
    let bare = try open(NumPyFiles.archive([("model.weights.h5", weights)]))
    #expect(bare.warnings == ["the archive has no metadata.json", "the archive has no config.json"])
    let error = #expect(throws: RefxError.self) {
      try open(NumPyFiles.archive([("config.json", [0x7B, 0x7D]), ("model.weights.npz", [1])]))
    }
    #expect(error?.summary.contains("model.weights.npz") == true && error?.file == "a.keras")
    #expect(throws: RefxError.self) { try open(archive(weights: [])) }
    #expect(throws: RefxError.self) { try open(archive(weights: Array(weights.dropLast(100)))) }
  }

  // MARK: Damage

  /// A changed byte in the weights changes no value that is given away, whatever it is.
  @Test func noDamageToTheWeightsIsGivenAway() throws {
    let whole = try bytes("keras/model.keras")
    let healthy = try open(whole)
    let digest = try healthy.contents.tree.digest()
    var refused = 0
    for place in stride(from: 400, to: whole.count, by: 97) {
      var damaged = whole
      damaged[place] ^= 0x10
      guard let opened = try? open(damaged) else {
        refused += 1
        continue
      }
      let found = try problems(of: opened)
      let values = try? opened.contents.tree.digest()
      #expect(values == nil || values == digest, "byte \(place)")
      #expect(found.isEmpty == (values == digest), "byte \(place)")
      if !found.isEmpty { refused += 1 }
    }
    #expect(refused > 250)
  }

  @Test func checksumsCanBeWaived() throws {
    var archive = try bytes("keras/model.keras")
    let opened = try open(archive)
    guard case .leaf(let leaf)? = opened.contents.tree["layers", "dense_1", "vars", "0"] else {
      throw NumPyFiles.Missing()
    }
    let values = try NumPyFiles.values(.leaf(leaf))
    // The first number of one array, which lies in the archive as it is.
    let place = try #require(
      (0..<(archive.count - values.count)).first { archive[$0..<($0 + values.count)] == values[...] })
    archive[place] ^= 1
    #expect(throws: RefxError.self) {
      try NumPyFiles.values(open(archive).contents.tree["layers", "dense_1", "vars", "0"])
    }
    #expect(try problems(of: open(archive)).map(\.path) == [nil])
    let trusted = try open(archive, OpenOptions(verify: .never))
    var changed = values
    changed[0] ^= 1
    #expect(try NumPyFiles.values(trusted.contents.tree["layers", "dense_1", "vars", "0"]) == changed)
  }

  @Test func limitsHold() throws {
    let whole = try bytes("keras/model.keras")
    func opens(_ change: (inout Limits) -> Void) -> Bool {
      var limits = Limits()
      change(&limits)
      return (try? open(whole, OpenOptions(limits: limits))) != nil
    }
    #expect(opens { _ in })
    #expect(!opens { $0.metadataBytes = 4096 } && !opens { $0.nodes = 10 } && !opens { $0.bytes = 64 })
    #expect(!opens { $0.depth = 2 } && !opens { $0.nameBytes = 4 } && !opens { $0.rank = 1 })
  }

  // MARK: Real files

  @Test(
    "real archives read as h5py reads their weights",
    .enabled(if: SharedFiles.has("corpus/manifest.json.gz"), SharedFiles.absent("corpus")))
  func corpus() throws {
    let folder = try #require(SharedFiles.folder).appending(path: "corpus")
    var seen = 0
    for entry in try SharedCorpus.entries() where entry["kind"] as? String == "keras" {
      let path = try #require(entry["path"] as? String)
      let oracle = try #require(entry["oracle"] as? [String: Any])
      let hdf5 = try #require(oracle["hdf5"] as? [String: Any])
      let datasets = try #require((hdf5["datasets"] ?? hdf5["tensors"]) as? [[String: Any]])
      let opened = try Checkpoint.open(folder.appending(path: path).path)
      #expect(opened.format == "keras")
      for dataset in datasets {
        let name = try #require(dataset["path"] as? String)
        let place = Path(name.split(separator: "/").map { Key(String($0)) })
        guard case .leaf(let leaf)? = opened.contents.tree[place] else {
          Issue.record("\(path): no leaf \(name)")
          continue
        }
        #expect(leaf.shape == dataset["shape"] as? [Int])
        #expect(
          hexadecimal(try LeafHashes().sha256(of: leaf, at: place)) == dataset["sha256_le_c"] as? String,
          "\(path): \(name)")
      }
      var leaves = 0
      opened.contents.tree.forEachLeaf { _ in leaves += 1 }
      #expect(leaves == datasets.count && leaves > 0)
      guard case .object(let metadata)? = opened.contents.metadata["keras_metadata"],
        let expected = oracle["metadata"] as? [String: String]
      else { throw NumPyFiles.Missing() }
      for (name, text) in expected { #expect(metadata[Key(name)] == .string(text)) }
      #expect(opened.contents.metadata["keras_config"] != nil)
      seen += 1
    }
    #expect(seen >= 1)
  }
}
