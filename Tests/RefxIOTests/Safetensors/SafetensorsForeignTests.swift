import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite("safetensors of others")
struct SafetensorsForeignTests {
  // MARK: Real files

  @Test(
    "real files read as the reference library reads them",
    .enabled(if: SharedFiles.has("corpus/manifest.json.gz"), SharedFiles.absent("corpus")))
  func corpus() throws {
    let folder = try #require(SharedFiles.folder).appending(path: "corpus")
    var seen = 0
    for entry in try SharedCorpus.entries() where entry["kind"] as? String == "safetensors" {
      let path = try #require(entry["path"] as? String)
      guard path.hasPrefix("safetensors/") else { continue }
      let oracle = try #require(entry["oracle"] as? [String: Any])
      let tensors = try #require(oracle["tensors"] as? [[String: Any]])
      let file = try InputFile(path: folder.appending(path: path).path)
      #expect(SafetensorsStore.recognises(file))
      let opened = try open(file)
      #expect(try opened.contents.tree.sites().count == tensors.count + 1, "\(path)")
      for tensor in tensors {
        let name = try #require(tensor["path"] as? String)
        let dtype = try #require(tensor["dtype"] as? String)
        try expectLeaf(
          named: name, of: opened.contents.tree, dtype: dtype, shape: tensor["shape"] as? [Int],
          sha256: tensor["sha256_le_c"] as? String)
      }
      let metadata = oracle["metadata"] as? [String: String] ?? [:]
      #expect(opened.contents.metadata.members.count == metadata.count)
      for (name, text) in metadata { #expect(opened.contents.metadata[Key(name)] == .string(text)) }
      seen += 1
    }
    #expect(seen >= 19)
  }

  private func expectLeaf(
    named name: String, of tree: Tree<Leaf>, dtype: String, shape: [Int]?, sha256: String?
  ) throws {
    guard case .leaf(let leaf)? = tree[[Key(name)]] else {
      Issue.record("no leaf \(name)")
      return
    }
    let names = [
      "BOOL": "bool", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
      "C64": "complex64",
    ]
    let long = dtype.hasPrefix("F") ? "float" : dtype.hasPrefix("I") ? "int" : "uint"
    #expect(
      leaf.dtype.name == names[dtype]
        ?? (dtype.first?.isUppercase == true ? long + dtype.drop { !$0.isNumber } : dtype))
    #expect(leaf.shape == shape)
    #expect(hexadecimal(try LeafHashes().sha256(of: leaf, at: [Key(name)])) == sha256, "\(name)")
  }

  // MARK: Hostile files

  @Test(
    "hostile files are refused, odd ones read, and none traps",
    .enabled(if: SharedFiles.has("hostile/files.tar.xz"), SharedFiles.absent("hostile/files.tar.xz")),
    .timeLimit(.minutes(2)))
  func hostile() throws {
    let archive = try #require(SharedFiles.folder).appending(path: "hostile/files.tar.xz").path
    let scratch = ScratchFolder()
    _ = try #require(
      try SharedFiles.output(
        of: "/bin/tar", ["-xJf", archive, "-C", scratch.path, "files/manifest.json", "files/safetensors"])
    )
    let folder = URL(fileURLWithPath: scratch.file("files"))
    let manifest =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: folder.appending(path: "manifest.json"))) as? [String: Any]
    let entries = try #require(manifest?["entries"] as? [[String: Any]])
    var seen = 0
    for entry in entries where entry["format"] as? String == "safetensors" {
      let path = try #require(entry["path"] as? String)
      let file = try InputFile(path: folder.appending(path: path).path)
      _ = SafetensorsStore.recognises(file)
      switch entry["expect"] as? String {
      case "error":
        let error = #expect(throws: RefxError.self, "\(path)") { try open(file) }
        #expect(error?.file != nil && error?.summary.isEmpty == false, "\(path)")
      case "read":
        let tree = try open(file).contents.tree
        for (name, value) in entry["values"] as? [String: [String: Any]] ?? [:] {
          try expectLeaf(
            named: name, of: tree, dtype: try #require(value["dtype"] as? String),
            shape: value["shape"] as? [Int],
            sha256: value["sha256_le_c"] as? String)
        }
      default:
        do { _ = try loaded(try open(file).contents.tree) } catch is RefxError {}
      }
      seen += 1
    }
    #expect(seen >= 70)
  }

  // MARK: The reference library

  @Test(
    "the reference library reads what is written here",
    .enabled(if: ReferencePython.has("safetensors"), ReferencePython.absent("safetensors")))
  func pythonReads() throws {
    let scratch = ScratchFolder()
    for (name, tree) in SafetensorsWritingTests.trees {
      let bytes = try written(tree, metadata: ["format": "pt", "step": 3])
      let path = scratch.file("written.safetensors")
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let read = try #require(
        try ReferencePython.json(
          """
          import sys, json, hashlib, safetensors
          data = open(sys.argv[1], "rb").read()
          tensors = {n.encode().hex(): [t["dtype"], t["shape"], hashlib.sha256(bytes(t["data"])).hexdigest()]
                     for n, t in safetensors.deserialize(data)}
          with safetensors.safe_open(sys.argv[1], "np") as f: metadata = f.metadata()
          print(json.dumps([tensors, metadata]))
          """, [path]) as? [[String: Any]])
      let opened = try open(inMemory(bytes))
      var count = 0
      try opened.contents.tree.forEachSite { site in
        guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { return }
        var joined = site.path.isRoot ? "value" : site.path.keys.map(\.string).joined(separator: ".")
        if joined == "__metadata__" { joined += "_" }
        let tensor = try #require(read[0][hexadecimal(joined.utf8)] as? [Any], "\(name): \(joined)")
        #expect(tensor[1] as? [Int] == leaf.shape)
        #expect(tensor[2] as? String == hexadecimal(try LeafHashes().sha256(of: leaf, at: site.path)))
        count += 1
      }
      #expect(count == read[0].count, "\(name)")
      #expect(read[1]["format"] as? String == "pt")
    }
  }

  @Test(
    "what the reference library writes is read here",
    .enabled(
      if: ReferencePython.has("safetensors.numpy, ml_dtypes"),
      ReferencePython.absent("safetensors, numpy, ml_dtypes")))
  func pythonWrites() throws {
    let scratch = ScratchFolder()
    let path = scratch.file("reference.safetensors")
    let facts = try #require(
      try ReferencePython.json(
        """
        import sys, json, hashlib, numpy, ml_dtypes, safetensors.numpy
        random = numpy.random.default_rng(5)
        kinds = ("bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 "
                 "bfloat16 float8_e4m3fn float8_e5m2").split()
        tensors, facts = {}, {}
        for kind in kinds:
          dtype = numpy.dtype(getattr(ml_dtypes, kind, None) or kind)
          for shape in ((), (3,), (2, 0, 4), (5, 2, 3)):
            count = int(numpy.prod(shape, dtype=int)) * dtype.itemsize
            data = random.integers(0, 2 if kind == "bool" else 256, count, numpy.uint8).tobytes()
            name = f"{kind}.{len(shape)}"
            tensors[name] = numpy.frombuffer(data, dtype).reshape(shape)
            facts[name] = [kind, shape, hashlib.sha256(data).hexdigest()]
        open(sys.argv[1], "wb").write(safetensors.numpy.save(tensors, {"format": "np"}))
        print(json.dumps(facts))
        """, [path]) as? [String: [Any]])
    let opened = try open(try InputFile(path: path))
    #expect(opened.contents.metadata == ["format": "np"])
    #expect(try opened.contents.tree.sites().count == facts.count + 1)
    for (name, fact) in facts {
      try expectLeaf(
        named: name, of: opened.contents.tree, dtype: try #require(fact[0] as? String),
        shape: fact[1] as? [Int],
        sha256: fact[2] as? String)
    }
  }
}
