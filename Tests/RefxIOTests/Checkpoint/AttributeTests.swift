import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// What a file says of its nodes travels with them.
@Suite struct AttributeTests {
  private static let contents = CheckpointContents(
    tree: AttributeSamples.tree, metadata: ["note": "kept"], attributes: AttributeSamples.all)

  private static func opened(_ bytes: [UInt8]) throws -> OpenedCheckpoint {
    try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "memory"))
  }

  @Test(arguments: ["refx", "hdf5", "safetensors", "npz"]) func theyComeBackAsTheyWere(format: String) throws
  {
    let bytes = try Checkpoint.encode(contents: AttributeTests.contents, as: FormatName(rawValue: format))
    let opened = try AttributeTests.opened(bytes)
    #expect(try firstDifference(AttributeSamples.tree, opened.contents.tree) == nil)
    #expect(opened.contents.metadata == ["note": "kept"])
    #expect(opened.warnings.isEmpty)
    for path in AttributeSamples.all.paths {
      let found = Dictionary(
        uniqueKeysWithValues: opened.contents.attributes[path].map { ($0.name, $0.value) })
      for attribute in AttributeSamples.all[path] {
        #expect(found[attribute.name] == attribute.value, "\(path) \(attribute.name)")
      }
      #expect(found.count == AttributeSamples.all[path].count)
    }
    #expect(opened.contents.attributes.paths == AttributeSamples.all.paths)
    // The digest is of the tree alone.
    let digests = [try opened.contents.tree.structureDigest(), try AttributeSamples.tree.structureDigest()]
    #expect(digests[0].combined == digests[1].combined)
  }

  @Test func theyStayWithNodesThatAreThere() throws {
    var contents = AttributeTests.contents
    contents.attributes[["gone"]] = [Attribute("a", .one(1))]
    for format in ["refx", "hdf5"] {
      let opened = try AttributeTests.opened(
        Checkpoint.encode(contents: contents, as: FormatName(rawValue: format)))
      #expect(opened.contents.attributes.paths == AttributeSamples.all.paths)
    }
  }

  @Test func partsAndMergesKeepThem() throws {
    let parts = try AttributeTests.contents.partitioned(by: [("params", .collection(.name("params")))])
    let merged = try CheckpointContents.merged(parts.parts.map { ($0.name, $0.contents) })
    #expect(merged.contents.attributes == AttributeSamples.all)
  }

  @Test func theyGoWithNamesThatBecomeStructure() throws {
    var contents = CheckpointContents(tree: ["a.b.w": .leaf(Leaf(Float(1))), "c": .leaf(Leaf(Float(2)))])
    contents.attributes[["a.b.w"]] = [Attribute("unit", .one("m"))]
    contents.attributes[.root] = [Attribute("of", .one("all"))]
    let nested = try contents.nested(by: ".")
    #expect(nested.attributes[["a", "b", "w"]] == [Attribute("unit", .one("m"))])
    #expect(nested.attributes[.root] == contents.attributes[.root] && nested.attributes.paths.count == 2)
    let flat = try nested.flattened(by: ".")
    #expect(flat.attributes == contents.attributes)
  }

  @Test func thoseOfContainersStayWhereNamesAreLeft() throws {
    var contents = CheckpointContents(tree: ["a": ["b": ["w": .leaf(Leaf(Float(1)))]]])
    contents.attributes[["a", "b"]] = [Attribute("activation", .one("relu"))]
    let flat = try contents.flattened(by: ".")
    #expect(flat.attributes.paths == [.root])
    #expect(flat.attributes[.root] == [Attribute("a.b@activation", .one("relu"))])
  }

  @Test func theirJSONIsExact() throws {
    var read = NodeAttributes()
    let json = try JSON.parse(AttributeSamples.all.json.bytes())
    let isRead = read.add(json: json)
    #expect(isRead && read == AttributeSamples.all)
    // An attribute that is there already is none of another list's.
    let isReadAgain = read.add(json: json)
    #expect(!isReadAgain)
    for wrong: JSON in [
      1, [1], [[[], "a"]], [[["k"], "a", 1]], [[[1], "a", .null]], [[[], 1, .null]],
      [[[], "a", ["dtype": "int8", "shape": [1], "bytes": "0"]]],
      [[[], "a", ["dtype": "int8", "shape": [1], "bytes": "0g"]]],
      [[[], "a", ["dtype": "int8", "shape": [2], "bytes": "00"]]],
      [[[], "a", ["dtype": "int8", "shape": [-1], "bytes": "00"]]],
      [[[], "a", ["dtype": "string", "shape": [2], "texts": ["a"]]]],
      [[[], "a", ["dtype": "none", "shape": [], "value": "a"]]],
      [[[], "a", .null], [[], "a", .null]],
    ] {
      var read = NodeAttributes()
      let isRead = read.add(json: wrong)
      #expect(!isRead, "\(wrong)")
    }
  }
}
