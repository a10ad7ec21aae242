import RefxTestSupport
import Testing

@testable import RefxStore

/// What was appended can be written over, wherever it has got to meanwhile: it is still in the buffer, it is
/// in the file, or it is partly here and partly there.
@Suite struct RewritingTests {
  private let folder = ScratchFolder()
  /// What the writer collects before it writes.
  private static let bufferBytes = 256 << 10

  private enum Step {
    case append([UInt8])
    case replace([UInt8], Int)

    func run(_ target: any RewritableTarget) throws {
      switch self {
      case .append(let bytes): try target.append(bytes)
      case .replace(let bytes, let offset): try bytes.withUnsafeBytes { try target.replace($0, at: offset) }
      }
    }
  }

  /// Appends pieces of `sizes`, replaces at `places`, appends one piece more, and compares with memory.
  private func check(
    _ sizes: [Int], replacing places: [(offset: Int, count: Int)],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var random = SeededRandom(seed: 17)
    let memory = MemoryTarget()
    let path = folder.file("a")
    var steps = sizes.map { Step.append(random.bytes($0)) }
    for (offset, count) in places { steps.append(.replace(random.bytes(count), offset)) }
    steps.append(.append(random.bytes(100)))
    for step in steps { try step.run(memory) }

    try AtomicFile.replace(path, durable: false) { target in
      let target = try #require(target as? any RewritableTarget)
      for step in steps { try step.run(target) }
      #expect(target.position == memory.position, sourceLocation: sourceLocation)
    }
    let file = try InputFile(path: path)
    let isSame = try file.bytes(at: 0, count: file.byteCount) == memory.bytes
    #expect(isSame, "a file of \(sizes), replaced at \(places)", sourceLocation: sourceLocation)

    let unnamed = try UnnamedFile()
    for step in steps { try step.run(unnamed) }
    let copy = MemoryTarget()
    try unnamed.copy(to: copy)
    let isCopied = copy.bytes == memory.bytes
    #expect(
      isCopied, "a file without a name of \(sizes), replaced at \(places)", sourceLocation: sourceLocation)
  }

  @Test func whatIsStillInTheBuffer() throws {
    try check([1000], replacing: [(0, 48)])
    try check([1000, 5], replacing: [(998, 6), (500, 1)])
    try check([10], replacing: [(3, 0)])
  }

  @Test func whatIsPartlyInTheFile() throws {
    let border = Self.bufferBytes
    // The first piece is flushed when the second does not fit.
    try check([border - 100, 300], replacing: [(border - 150, 100)])
    try check([border - 1, 2], replacing: [(border - 2, 3), (0, border + 1)])
    // A piece as large as the buffer goes straight to the file, behind what was in it.
    try check([7, border, 9], replacing: [(5, border + 6)])
  }

  @Test func theVeryEnd() throws {
    let border = Self.bufferBytes
    for sizes in [[1], [border], [border + 1], [border - 1, 1], [3 * border + 5, 4]] {
      let end = sizes.reduce(0, +)
      try check(sizes, replacing: [(end - 1, 1), (end, 0)])
      try check(sizes, replacing: [(0, end)])
    }
  }

  @Test func whatIsAppendedAfterwardsGoesToTheEnd() throws {
    let border = Self.bufferBytes
    try check([2 * border, 3, border, 4], replacing: [(0, 8), (border, 8), (3 * border - 1, 8), (0, 8)])
  }

  // MARK: Copies

  /// Notes how it was given the bytes.
  private final class Pieces: WriteTarget {
    let memory = MemoryTarget()
    var sizes: [Int] = []
    var position: Int { memory.position }
    var temporaryPath: String? { nil }
    func append(_ bytes: UnsafeRawBufferPointer) {
      sizes.append(bytes.count)
      memory.append(bytes)
    }
  }

  @Test(arguments: [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 12_345])
  func aFileWithoutANameIsCopiedInPieces(_ count: Int) throws {
    var random = SeededRandom(seed: 23)
    let bytes = random.bytes(count)
    let file = try UnnamedFile()
    try file.append(bytes)
    #expect(file.position == count)
    let target = Pieces()
    [1, 2].withUnsafeBytes { target.append($0) }
    let start = target.position
    try file.copy(to: target)
    let isSame = Array(target.memory.bytes[start...]) == bytes
    #expect(isSame, "\(count) bytes")
    #expect(target.sizes.dropFirst().allSatisfy { $0 <= 1 << 20 })
    #expect(target.sizes.count - 1 >= (count + (1 << 20) - 1) >> 20)
  }
}
