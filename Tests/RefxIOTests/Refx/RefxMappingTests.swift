import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Mapped leaves are the file's own pages, checked when they are first looked at, unless that was waived.
@Suite struct RefxMappingTests {
  private let folder = ScratchFolder()

  private func save(_ values: [Float], flipping byte: (([UInt8]) -> Int)? = nil) throws -> String {
    let path = folder.file("file.refx")
    try Checkpoint.save(tree: ["a": .leaf(Leaf(values))], to: path, compression: .none, durability: .none)
    if let byte {
      var bytes = try InputFile(path: path).bytes(at: 0, count: InputFile(path: path).byteCount)
      bytes[byte(bytes)] ^= 4
      try AtomicFile.replace(path, durable: false) { target in
        try bytes.withUnsafeBytes { try target.append($0) }
      }
    }
    return path
  }

  private func leaf(of path: String, _ options: OpenOptions) throws -> Leaf {
    let tree = try Checkpoint.open(path, options: options).contents.tree
    guard case .dictionary(let members) = tree, case .leaf(let leaf) = members.members[0] else {
      throw RefxError(.damaged, "no leaf")
    }
    return leaf
  }

  private let values = (0..<600_000).map { Float($0) }

  @Test func aMappedLeafIsNotCopied() throws {
    let leaf = try leaf(of: try save(values), OpenOptions(payload: .map))
    let bytes = try #require(leaf.source.bytesInMemory)
    #expect(try leaf.tensor().bytes.start == bytes.start)
    #expect(Int(bitPattern: bytes.start).isMultiple(of: 4096))
    #expect(try leaf.tensor().elements() == values)
  }

  @Test func aLeafThatIsReadLiesNowhereYet() throws {
    let leaf = try leaf(of: try save(values), OpenOptions())
    #expect(leaf.source.bytesInMemory == nil)
    #expect(try leaf.tensor().elements() == values)
  }

  @Test func writingToAMappedTensorCopiesItFirst() throws {
    let path = try save(values)
    let leaf = try leaf(of: path, OpenOptions(payload: .map))
    var tensor = try leaf.tensor()
    tensor.withMutableElements(of: Float.self) { $0[0] = -7 }
    #expect(tensor.elements(of: Float.self)[0] == -7)
    #expect(try leaf.tensor().elements(of: Float.self)[0] == 0)
  }

  @Test(arguments: [PayloadAccess.read, .map]) func damageIsFoundUnlessItIsWaived(_ access: PayloadAccess)
    throws
  {
    // Within the first chunk of the payload, which lies at the first page.
    let path = try save(values) { _ in 4096 + 100_000 }
    for _ in 0..<2 {
      let checked = try leaf(of: path, OpenOptions(payload: access))
      let error = #expect(throws: RefxError.self) { try checked.tensor() }
      #expect(error?.path == ["a"])
      #expect(error?.place == .byte(4096))
      #expect(checked.source.bytesInMemory == nil)
    }
    let unchecked = try leaf(of: path, OpenOptions(payload: access, verify: .never))
    #expect(try unchecked.tensor().elements(of: Float.self) != values)
    // To verify is to verify.
    var problems: [Problem] = []
    try Checkpoint.open(path, options: OpenOptions(payload: access, verify: .never)).verify(nil) {
      problems.append($0)
    }
    #expect(problems.first?.path == ["a"])
  }

  @Test func bytesInMemoryAreAFileThatIsMapped() throws {
    let bytes = try Checkpoint.encode(contents: CheckpointContents(tree: ["a": .leaf(Leaf(values))]))
    let raw = try Checkpoint.encode(
      contents: CheckpointContents(tree: ["a": .leaf(Leaf(values))]),
      options: WriteOptions(compression: .none))
    for bytes in [bytes, raw] {
      let file = InputFile(MemoryBytes(sharing: bytes), name: "bytes")
      let tree = try Checkpoint.open(file, options: OpenOptions(payload: .map)).contents.tree
      #expect(try firstDifference(tree, ["a": .leaf(Leaf(values))]) == nil)
    }
  }
}
