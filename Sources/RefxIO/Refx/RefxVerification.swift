import Refx
import RefxStore

/// Reads the whole payload of a file and checks every sum; the catalogue was checked when it was opened.
struct RefxVerification: Sendable {
  let payload: RefxPayload
  let tree: Tree<Leaf>

  /// Reports each problem and goes on.
  ///
  /// - Throws: ``RefxError`` where the system cannot read the file.
  func run(progress report: ProgressHandler?, report problem: (Problem) -> Void) throws {
    var progress = Progress(total: payload.catalogueOffset - RefxLayout.headerBytes, report: report)
    try tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true,
        let source = leaf.source as? RefxLeafSource
      else { return }
      try verify(leaf, number: source.number, progress: &progress) { error in
        problem(Problem(path: site.path, what: error.summary))
      }
    }
  }

  private func verify(
    _ leaf: Leaf, number: Int, progress: inout Progress, _ problem: (RefxError) -> Void
  ) throws {
    let grid = ChunkGrid(of: leaf)
    let entry = payload.leaves[number]
    var sums = RunningSums()
    var text = TextCheck(isText: leaf.dtype == .string, byteCount: leaf.byteCount)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(grid.chunkBytes, 1), alignment: 64)
    defer { buffer.deallocate() }
    for position in 0..<grid.count {
      let chunk = entry.firstChunk + position
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<grid.range(of: position).count])
      do {
        try checkPadding(before: chunk)
        try payload.readLogical(chunk, storage: entry.storage, grid: grid, into: target, verify: .always)
        _ = sums.add(UnsafeRawBufferPointer(target))
        text.add(UnsafeRawBufferPointer(target))
      } catch let error as RefxError where error.code != .system {
        problem(error)
      }
      progress.add(payload.padding(before: chunk) + Int(payload.chunks[chunk].byteCount))
    }
    // Sums over a leaf of which a chunk could not be read say nothing.
    guard sums.slabs == grid.count else { return }
    let found = sums.finish()
    if found.logicalCRC32 != entry.crc32 {
      problem(.leafChecksumDiffers(expected: entry.crc32, found: found.logicalCRC32))
    }
    if found.contentHash != entry.hash { problem(.contentHashDiffers()) }
    if !text.isSound(count: leaf.count) { problem(.textLeafIsMalformed()) }
  }

  private func checkPadding(before chunk: Int) throws {
    let count = payload.padding(before: chunk)
    guard count > 0 else { return }
    let start = payload.chunks[chunk].offset - count
    let padding = try payload.file.bytes(at: start, count: count)
    if let place = padding.firstIndex(where: { $0 != 0 }) {
      throw RefxError.paddingIsNotZero(at: start + place)
    }
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
