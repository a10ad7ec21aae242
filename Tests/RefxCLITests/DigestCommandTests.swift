import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// `digest`, as a process and as its page says.
@Suite struct DigestCommandTests {
  @Test func eachFlagHasItsEffect() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let plain = try Command.run("digest", file)
    #expect(plain.code == 0 && plain.text.split(separator: "\n").count == 3)
    let json = try Command.run("digest", file, "--json").json()
    #expect(json.names == ["structure", "topology", "values"])
    let grouped = try Command.run("digest", file, "--json", "--by-collection").json()
    #expect(grouped["collections"]?.count == 2)
    #expect(grouped["collections"]?[0]?["collection"] == "batch_stats")
    #expect(grouped["collections"]?[0]?["values"] != grouped["collections"]?[1]?["values"])
    #expect(try Command.run("digest", file, "--by-collection").text.contains("\nbatch_stats\n  structure "))

    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Command.run("digest", "-", input: bytes).text == plain.text)
    #expect(try Command.run("digest", file, "--from", "refx").text == plain.text)
    #expect(try Command.run("digest", file, "--from", "h5").code == 2)
    // It has no colours: a digest is for programs too.
    #expect(try Command.run("digest", file, "--color", "always").text == plain.text)
    #expect(try Command.run("digest", file, "--progress", "always").errors.contains("hashing"))
    #expect(try Command.run("digest", file, "--max-nodes", "3").code == 2)
    let odd = WorkerTests.committed
    #expect(try Command.run("digest", odd).code == 2)
    let skipped = try Command.run("digest", odd, "--skip-unsupported")
    #expect(skipped.code == 0 && skipped.errors.contains("skipped"))
    let quiet = try Command.run("digest", odd, "--skip-unsupported", "-q")
    #expect(quiet.text == skipped.text && quiet.errors.isEmpty)
  }

  @Test func tyingSubtreesChangesAllThree() throws {
    let inside: Tree<Leaf> = ["w": numbers([1] as [Float])]
    let tied = try Tree<Leaf>.dictionary([("a", first(inside, 0)), ("b", again(0))]).digest()
    let apart = try Tree<Leaf>.dictionary([("a", first(inside, 0)), ("b", first(inside, 1))]).digest()
    #expect(tied.structure != apart.structure && tied.topology != apart.topology)
    #expect(tied.values != apart.values)
  }

  /// The digests of a collection as a reader of the page makes them, with another kind of walk: whose Ref is the
  /// innermost around is handed down.
  private struct Reader {
    let chosen: CollectionTag?
    var structure = Array("refx structure 1\n".utf8)
    var values = Array("refx values 1\n".utf8)
    var refs: [(index: Int, collection: CollectionTag?, sites: [[Key]])] = []
    var inside: [Int: Tree<Leaf>] = [:]

    static func number(_ count: Int) -> [UInt8] {
      withUnsafeBytes(of: UInt64(count).littleEndian) { Array($0) }
    }
    static func text(_ text: String) -> [UInt8] { number(text.utf8.count) + text.utf8 }
    static func path(_ keys: [Key]) -> [UInt8] { number(keys.count) + keys.flatMap { text($0.string) } }

    mutating func read(_ tree: Tree<Leaf>, _ path: [Key], _ isAround: Bool) throws {
      guard let index = tree.referenceIndex else { return try record(tree, path, isAround, isLater: false) }
      var tag: CollectionTag?
      var isLater = true
      switch tree {
      case .value(let value):
        inside[index] = value.value
        tag = value.collection
        isLater = false
      case .index(let index): tag = index.collection
      default: break
      }
      let counts = tag == chosen
      if counts {
        if !refs.contains(where: { $0.index == index }) { refs.append((index, tag, [])) }
        let place = try #require(refs.firstIndex { $0.index == index })
        refs[place].sites.append(path)
      }
      try record(try #require(inside[index]), path, counts, isLater: isLater)
    }

    private mutating func record(_ tree: Tree<Leaf>, _ path: [Key], _ counts: Bool, isLater: Bool) throws {
      var members: [(Key, Tree<Leaf>)] = []
      var bytes: [UInt8] = []
      switch tree {
      case .leaf(let leaf):
        bytes = Array("A".utf8) + Reader.text(leaf.dtype.name) + Reader.number(leaf.shape.count)
        for extent in leaf.shape { bytes += Reader.number(extent) }
        if counts { values += Reader.path(path) + SHA256.of(try leaf.allBytes()) }
      case .dictionary(let branches):
        members = Array(zip(branches.keys, branches.members))
        bytes = Array("D".utf8) + Reader.number(members.count)
      case .list(let list):
        members = list.enumerated().map { (Key($0), $1) }
        bytes = Array("L".utf8) + Reader.number(members.count)
      case .tuple(let tuple):
        members = tuple.enumerated().map { (Key($0), $1) }
        bytes = Array("T".utf8) + Reader.number(members.count)
      case .none: bytes = Array("0".utf8)
      case .nothing: bytes = Array("N".utf8)
      case .hole: bytes = Array("H".utf8)
      case .static(let value):
        switch value {
        case .string(let text): bytes = Array("Ss".utf8) + Reader.text(text)
        case .int(let number):
          bytes = Array("Si".utf8) + withUnsafeBytes(of: number.littleEndian) { Array($0) }
        case .float(let number):
          bytes = Array("Sf".utf8) + withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
        case .bool(let isTrue): bytes = Array("Sb".utf8) + [isTrue ? 1 : 0]
        }
      case .value, .index:
        members = [("0", tree)]
        bytes = Array("R".utf8)
      }
      if isLater, ["D", "L", "T", "R"].contains(String(decoding: bytes.prefix(1), as: UTF8.self)) {
        if counts { structure += Reader.path(path) + Array("X".utf8) }
        return
      }
      if counts { structure += Reader.path(path) + bytes }
      for (key, member) in members where !isLater { try read(member, path + [key], counts) }
    }

    var topology: [UInt8] {
      var bytes = Array("refx topology 1\n".utf8)
      for ref in refs where ref.sites.count > 1 || ref.collection != nil {
        switch ref.collection {
        case nil: bytes += [0]
        case .name(let name): bytes += [1] + Reader.text(name.string)
        case .number(let number): bytes += [2] + withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        bytes += Reader.number(ref.sites.count)
        for site in ref.sites { bytes += Reader.path(site) }
      }
      return bytes
    }
  }

  @Test(arguments: 0..<80) func collectionsAreAsThePageSays(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(300 + seed), mostElements: 4)
    let tree = trees.make(nodes: 60)
    for row in try tree.digestsByCollection() {
      var reader = Reader(chosen: row.collection)
      try reader.read(tree, [], false)
      #expect(SHA256.of(reader.structure) == row.digest.structure, "\(CollectionTag?.none == row.collection)")
      #expect(SHA256.of(reader.topology) == row.digest.topology)
      #expect(SHA256.of(reader.values) == row.digest.values)
    }
  }
}
