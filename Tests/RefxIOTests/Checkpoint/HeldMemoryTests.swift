import Glibc
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

/// A source need not hold the memory that it gives out: who looks at it holds it, as long as he looks.
@Suite struct HeldMemoryTests {
  /// Makes its bytes anew whenever it is asked for them, and spoils them when nobody holds them any more.
  private final class FleetingSource: LeafSource {
    let bytes: [UInt8]
    /// Spoilt memory is kept as it is, so that whoever still looks at it sees that it was spoilt.
    private let spoilt = Mutex<[ExclusiveMemory]>([])

    init(_ byteCount: Int, seed: Int) {
      var random = SeededRandom(seed: UInt64(seed))
      bytes = random.bytes(byteCount)
    }

    var byteCount: Int { bytes.count }

    var bytesInMemory: MemoryBytes? {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
      memory.copyBytes(from: bytes)
      let part = UnsafeRawBufferPointer(rebasing: memory[..<byteCount])
      return MemoryBytes(viewing: part, ownedBy: Owner(memory, of: self))
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
      buffer.copyBytes(from: bytes[offset..<(offset + buffer.count)])
    }

    var spoiltCount: Int { spoilt.withLock { $0.count } }

    private final class Owner {
      let memory: UnsafeMutableRawBufferPointer
      let source: FleetingSource

      init(_ memory: UnsafeMutableRawBufferPointer, of source: FleetingSource) {
        self.memory = memory
        self.source = source
      }

      deinit {
        _ = memory.initializeMemory(as: UInt8.self, repeating: 0xDD)
        let kept = ExclusiveMemory(memory) { $0.deallocate() }
        source.spoilt.withLock { $0.append(kept) }
      }
    }
  }

  /// Small enough to be written in a row, of one piece, and of several with an odd end.
  private static let sizes = [0, 1, 100, 3000, 5000, 1 << 20, (2 << 20) + 77]

  private let sources = sizes.enumerated().map { FleetingSource($1, seed: 3 * $0 + 5) }

  private func leaf(_ source: FleetingSource) -> Leaf {
    Leaf(dtype: .uint8, shape: [source.byteCount], source: source)
  }

  private var tree: Tree<Leaf> { .list(sources.map { .leaf(leaf($0)) }) }

  private func demand(_ tree: Tree<Leaf>, _ what: String) throws {
    var number = 0
    try tree.forEachLeaf { leaf in
      let isSame = try leaf.allBytes() == sources[number].bytes
      #expect(isSame, "\(what): leaf \(number) of \(sources[number].byteCount) bytes")
      number += 1
    }
    #expect(number == sources.count)
  }

  @Test(arguments: [FormatName.refx, .hdf5, .safetensors], [Compression.none, .fast])
  func itIsSaved(_ format: FormatName, _ compression: Compression) throws {
    // A row of named arrays has no lists.
    let contents = CheckpointContents(tree: tree)
    for threads in [1, 3] {
      let options = WriteOptions(compression: compression, threads: threads)
      let bytes = try Checkpoint.encode(contents: contents, as: format, options: options)
      let file = InputFile(MemoryBytes(sharing: bytes), name: "saved")
      try demand(try Checkpoint.open(file, format: format).contents.tree, "\(threads) threads")
    }
    #expect(sources.allSatisfy { $0.byteCount == 0 || $0.spoiltCount > 0 }, "the memory was given back")
  }

  @Test func itIsStreamed() throws {
    for source in sources {
      var found: [UInt8] = []
      try leaf(source).forEachPiece { found += $0 }
      #expect(found == source.bytes, "\(source.byteCount) bytes")
    }
  }

  @Test(arguments: [1, 3]) func itIsReadInPieces(_ threads: Int) throws {
    var found = [[UInt8]](repeating: [], count: sources.count)
    let reader = PieceReader(sources.map(leaf), threads: threads) { _, bytes in Array(bytes) }
    try reader.forEach { piece, bytes, looked in
      // The threads are far ahead when the caller looks.
      usleep(200)
      found[piece.leaf] += bytes
      let isSame = try looked.get() == Array(bytes)
      #expect(isSame, "leaf \(piece.leaf), piece \(piece.position)")
    }
    for (number, source) in sources.enumerated() {
      let isSame = found[number] == source.bytes
      #expect(isSame, "leaf \(number) of \(source.byteCount) bytes")
    }
  }

  @Test func itIsDigestedAndLoaded() throws {
    let plain = Tree<Leaf>.list(
      sources.map { .leaf(Leaf(dtype: .uint8, shape: [$0.byteCount], bytes: $0.bytes)) })
    #expect(try tree.digest() == plain.digest())
    try demand(try tree.loaded(), "loaded")
    try ReadAhead.run(tree, threads: 3) { try demand($0, "read ahead") }
  }
}
