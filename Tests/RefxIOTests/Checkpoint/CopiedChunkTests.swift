import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// A damaged chunk that would be copied from one container to another is refused, by where it lies.
@Suite struct CopiedChunkTests {
  /// Three chunks, the last one shorter.
  private static let leaf: Leaf = {
    var random = SeededRandom(seed: 41)
    var bytes = random.bytes(4 * 600_000)
    for place in bytes.indices where place % 4 > 1 { bytes[place] &= 3 }
    return Leaf(dtype: .float32, shape: [600, 1000], bytes: bytes)
  }()

  private static let tree: Tree<Leaf> = [
    "a": .leaf(Leaf(Float(1))), "b": ["w": .leaf(leaf)], "c": .leaf(leaf),
  ]

  private static func file(_ format: FormatName) throws -> [UInt8] {
    try Checkpoint.encode(
      contents: CheckpointContents(tree: tree), as: format, options: WriteOptions(compression: .fast))
  }

  /// Where the encoded chunk at `position` first stands in `file`.
  private static func place(_ position: Int, in file: [UInt8]) throws -> Range<Int> {
    let grid = ChunkGrid(of: leaf)
    #expect(grid.count == 3)
    let stored = try leaf.allBytes()[grid.range(of: position)].withUnsafeBytes {
      try ChunkCodec(compression: .fast).encode($0, itemSize: 4, chunkBytes: grid.chunkBytes)
    }
    let start = try #require(
      file.indices.first { file[$0] == stored[0] && file[$0...].starts(with: stored) })
    return start..<(start + stored.count)
  }

  private func open(_ bytes: [UInt8], _ name: String) throws -> CheckpointContents {
    try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: name)).contents
  }

  /// The error of writing `contents` as `format`.
  private func refusal(_ contents: CheckpointContents, _ format: FormatName, threads: Int) -> RefxError? {
    #expect(throws: RefxError.self) {
      _ = try Checkpoint.encode(
        contents: contents, as: format, options: WriteOptions(compression: .fast, threads: threads))
    }
  }

  @Test func soundChunksAreCopied() throws {
    let (refx, hdf5) = (try Self.file(.refx), try Self.file(.hdf5))
    let options = WriteOptions(compression: .fast)
    #expect(try Checkpoint.encode(contents: open(refx, "a"), as: .hdf5, options: options) == hdf5)
    #expect(try Checkpoint.encode(contents: open(hdf5, "a"), as: .refx, options: options) == refx)
  }

  @Test(arguments: [0, 1, 2], [FormatName.refx, .hdf5])
  func aStreamInHDF5(_ position: Int, to format: FormatName) throws {
    var bytes = try Self.file(.hdf5)
    let place = try Self.place(position, in: bytes)
    bytes[place.lowerBound + place.count / 2] ^= 0x20
    let contents = try open(bytes, "damaged.h5")
    let row = ChunkGrid(of: Self.leaf).chunkShape[0]
    #expect(row == 262)
    for threads in [1, 3] {
      let error = refusal(contents, format, threads: threads)
      #expect(error?.code == .damaged)
      #expect(error?.file == "damaged.h5")
      #expect(
        error?.place == .object("/tree/b/w, chunk [\(position), 0] at byte \(place.lowerBound)"),
        "\(error?.description ?? "")")
      #expect(error?.path == ["b", "w"], "\(error?.description ?? "")")
    }
  }

  @Test(arguments: [0, 1, 2], [FormatName.refx, .hdf5])
  func aStreamInRefx(_ position: Int, to format: FormatName) throws {
    var bytes = try Self.file(.refx)
    let place = try Self.place(position, in: bytes)
    bytes[place.upperBound - 1] ^= 0x20
    let contents = try open(bytes, "damaged.refx")
    for threads in [1, 3] {
      let error = refusal(contents, format, threads: threads)
      #expect(error?.code == .damaged)
      #expect(error?.file == "damaged.refx")
      #expect(error?.path == ["b", "w"])
      #expect(error?.place == .byte(place.lowerBound))
      #expect(error?.message == "the checksum of a chunk does not fit")
    }
  }
}
