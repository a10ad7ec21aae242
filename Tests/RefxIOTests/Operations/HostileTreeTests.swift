import Refx
import RefxIO
import Testing

/// Operations on trees whose sharing, shapes or sizes no honest writer would make.
@Suite struct HostileTreeTests {
  /// `count` Refs, each of which holds the one before under a chain of `length` keys: a tree of an honest depth
  /// until the first site of a Ref goes and its value moves to the next.
  static func chain(_ count: Int, _ length: Int) -> Tree<Leaf> {
    var members: [(Key, Tree<Leaf>)] = []
    for index in 0..<count {
      var inside: Tree<Leaf> = index == 0 ? .leaf(1 as Float) : .index(Index(index - 1))
      for _ in 0..<length { inside = ["k": inside] }
      members.append((Key(1000 + index), .value(Value(inside, index: index))))
    }
    return .dictionary(members)
  }

  @Test func aPartThatWouldBeTooDeepIsRefused() throws {
    let contents = CheckpointContents(tree: Self.chain(30, 300))
    let last = try PathPattern(glob: "1029")
    let error = #expect(throws: RefxError.self) {
      try contents.partitioned(by: [("last", .path(last))])
    }
    #expect(error?.code == .limit)
    #expect(error?.message == "the tree is too deep")
  }

  @Test func aShallowChainIsPartitionedAndMerged() throws {
    let contents = CheckpointContents(tree: Self.chain(5, 100))
    let parts = try contents.partitioned(by: [("last", .path(PathPattern(glob: "1004")))]).parts
    let merged = try CheckpointContents.merged(parts.map { ($0.name, $0.contents) })
    #expect(try contents.tree.catalogueDiff(to: merged.contents.tree).diff.isEmpty)
  }

  /// Extents whose product is no number, in an array without elements.
  @Test(arguments: [[0, 1 << 40, 1 << 40], [1 << 40, 0, 1 << 40], [1 << 40, 1 << 40, 0]])
  func anEmptyArrayIsSliced(_ shape: [Int]) throws {
    let leaf = Leaf(dtype: .float32, shape: shape, source: MemoryBytes(sharing: [] as [Float]))
    for text in [":", ":,0:0", "0:0,0:0,0:0"] {
      let slice = try Slice(text: text)
      let sliced = try leaf.sliced(slice)
      #expect(sliced.byteCount == 0)
      #expect(sliced.count == 0)
      #expect(try sliced.tensor().bytes.byteCount == 0)
    }
  }

  /// A source that declares more bytes than it has.
  final class Declared: LeafSource {
    let byteCount: Int
    init(_ byteCount: Int) { self.byteCount = byteCount }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      throw RefxError(.damaged, "nothing is there")
    }
  }

  @Test func sumsOfDeclaredSizesDoNotOverflow() throws {
    let size = Int.max / 2 - 7
    let leaf = Leaf(dtype: .uint8, shape: [size], source: Declared(size))
    let tree: Tree<Leaf> = ["a": .leaf(leaf), "b": .leaf(leaf), "c": .leaf(leaf)]
    let listing = try Listing(of: tree)
    #expect(listing.logicalBytes == .max)
    #expect(listing.uniqueBytes == .max)
    #expect(listing.rows.map(\.bytes) == [size, size, size])
  }
}
