import Refx
import RefxStore

/// Reads the whole payload of a file and checks every sum; the catalogue was checked when it was opened.
struct RefxVerification: Sendable {
  let payload: RefxPayload
  let tree: Tree<Leaf>

  /// Reports each problem and goes on. Reads on several threads.
  ///
  /// - Parameter chosen: which leaves are read; all where it is nil.
  /// - Throws: ``RefxError`` where the system cannot read the file.
  func run(
    of chosen: (@Sendable (Int) -> Bool)? = nil, progress report: ProgressHandler?,
    report problem: (Problem) -> Void
  ) throws {
    var progress = Progress(total: payload.catalogueOffset - RefxLayout.headerBytes, report: report)
    let leaves = try leaves(chosen)
    let reader = PieceReader(
      leaves.map(\.leaf), threads: payload.options.threads,
      read: { leaf, piece, target in
        guard let source = leaf.source as? RefxLeafSource else { return }
        try read(piece, ofLeaf: source.number, grid: ChunkGrid(of: leaf), into: target)
        try source.checkElements(UnsafeRawBufferPointer(target))
      }, look: { _, bytes in SlabSums(of: bytes) })
    var check = LeafCheck()
    try reader.forEach { piece, bytes, result in
      let (path, leaf, number) = leaves[piece.leaf]
      if piece.position == 0 { check = LeafCheck(of: leaf) }
      do {
        let sums = try result.get()
        if !piece.range.isEmpty { check.add(sums, bytes) }
      } catch let error as RefxError where error.code != .system {
        problem(Problem(path: path, what: error.summary))
      }
      if !piece.range.isEmpty {
        let chunk = payload.leaves[number].firstChunk + piece.position
        progress.add(payload.padding(before: chunk) + Int(payload.chunks[chunk].byteCount))
      }
      if piece.isLast {
        check.finish(against: payload.leaves[number]) { problem(Problem(path: path, what: $0.summary)) }
      }
    }
  }

  private func leaves(
    _ chosen: (@Sendable (Int) -> Bool)?
  ) throws -> [(path: Path, leaf: Leaf, number: Int)] {
    try tree.verifiedLeaves(chosen).compactMap { path, leaf in
      (leaf.source as? RefxLeafSource).map { (path, leaf, $0.number) }
    }
  }

  private func read(
    _ piece: LeafPiece, ofLeaf number: Int, grid: ChunkGrid, into target: UnsafeMutableRawBufferPointer
  ) throws {
    let entry = payload.leaves[number]
    let chunk = entry.firstChunk + piece.position
    try payload.readLogical(chunk, storage: entry.storage, grid: grid, into: target, verify: .always)
  }
}

/// What is said of a leaf as a whole, while its pieces go by.
private struct LeafCheck {
  private var sums = RunningSums()
  private var text = TextCheck(isText: false, byteCount: 0)
  private var pieces = 0
  private var count = 0

  init() {}

  init(of leaf: Leaf) {
    text = TextCheck(isText: leaf.dtype == .string, byteCount: leaf.byteCount)
    pieces = ChunkGrid(of: leaf).count
    count = leaf.count
  }

  mutating func add(_ slab: SlabSums, _ bytes: UnsafeRawBufferPointer) {
    sums.add(slab)
    text.add(bytes)
  }

  func finish(against entry: RefxPayload.LeafEntry, _ problem: (RefxError) -> Void) {
    // Sums over a leaf of which a chunk could not be read say nothing.
    guard sums.slabs == pieces else { return }
    let found = sums.finish()
    if found.logicalCRC32 != entry.crc32 {
      problem(.leafChecksumDiffers(expected: entry.crc32, found: found.logicalCRC32))
    }
    if found.contentHash != entry.hash { problem(.contentHashDiffers()) }
    if !text.isSound(count: count) { problem(.textLeafIsMalformed()) }
  }
}

/// Whether the bytes of a text leaf are its strings: each a length and then that many bytes of UTF-8.
private struct TextCheck {
  private let isText: Bool
  /// The bytes of the leaf that no string was found in yet.
  private var remaining: Int
  /// The beginning of a string that goes on in the next piece.
  private var bytes: [UInt8] = []
  private var strings = 0
  private var isMalformed = false

  init(isText: Bool, byteCount: Int) {
    self.isText = isText
    remaining = byteCount
  }

  mutating func add(_ piece: UnsafeRawBufferPointer) {
    guard isText, !isMalformed else { return }
    bytes.append(contentsOf: piece)
    var done = 0
    bytes.withUnsafeBytes { all in
      while all.count - done >= 8 {
        let length = UInt64(littleEndian: all.loadUnaligned(fromByteOffset: done, as: UInt64.self))
        // A length beyond the leaf's end is not waited for: all of the leaf would be collected.
        isMalformed = isMalformed || length > UInt64(remaining - 8)
        guard length <= UInt64(all.count - done - 8) else { break }
        let text = UnsafeRawBufferPointer(rebasing: all[(done + 8)..<(done + 8 + Int(length))])
        if String(validating: text, as: UTF8.self) == nil { isMalformed = true }
        strings += 1
        done += 8 + Int(length)
        remaining -= 8 + Int(length)
      }
    }
    bytes.removeFirst(isMalformed ? bytes.count : done)
  }

  func isSound(count: Int) -> Bool {
    !isText || (!isMalformed && remaining == 0 && strings == count)
  }
}
