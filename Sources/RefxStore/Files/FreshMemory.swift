import Glibc
import Refx

extension ExclusiveMemory {
  private static let hugePage = 2 << 20

  /// Memory straight from the system, in huge pages where it has them: taking pages one by one costs more than
  /// reading a file into them. Zeros that nobody has touched.
  ///
  /// - Throws: ``RefxError`` where the system has no more.
  static func fresh(byteCount: Int) throws -> ExclusiveMemory {
    let (padded, overflow) = max(byteCount, 1).addingReportingOverflow(4095)
    let length = padded & ~4095
    // Huge pages begin at multiples of their size, so the memory does as well.
    let slack = length >= hugePage ? hugePage : 0
    guard !overflow, length <= .max - slack,
      let mapped = mmap(nil, length + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapped != MAP_FAILED
    else { throw RefxError.outOfMemory("hold \(byteCount) bytes of payload") }
    var start = mapped
    if slack > 0 {
      let over = Int(bitPattern: mapped) & (hugePage - 1)
      let before = over == 0 ? 0 : hugePage - over
      start = mapped + before
      if before > 0 { munmap(mapped, before) }
      if slack > before { munmap(start + length, slack - before) }
      // Where it is refused, small pages do.
      _ = madvise(start, length, MADV_HUGEPAGE)
    }
    return ExclusiveMemory(UnsafeMutableRawBufferPointer(start: start, count: length)) {
      munmap($0.baseAddress, $0.count)
    }
  }
}

/// Gives out parts of fresh memory, several small ones from one piece of it.
///
/// A piece goes back to the system when nobody holds a part of it any more.
struct FreshMemoryParts {
  /// Parts from this size on have a piece of their own.
  private static let ownFrom = 4 << 20
  private static let pieceBytes = 8 << 20

  private var piece: ExclusiveMemory?
  private var used = 0

  /// - Throws: ``RefxError`` where the system has no more.
  mutating func next(byteCount: Int) throws -> MemoryBytes {
    if byteCount >= FreshMemoryParts.ownFrom {
      let own = try ExclusiveMemory.fresh(byteCount: byteCount)
      return MemoryBytes(taking: UnsafeMutableRawBufferPointer(rebasing: own.bytes[..<byteCount]), from: own)
    }
    if piece == nil || piece!.bytes.count - used < byteCount {
      piece = try ExclusiveMemory.fresh(byteCount: FreshMemoryParts.pieceBytes)
      used = 0
    }
    let piece = piece!
    let part = UnsafeMutableRawBufferPointer(rebasing: piece.bytes[used..<(used + byteCount)])
    // A cache line each, so that threads that fill neighbours do not disturb each other.
    used = min(piece.bytes.count, (used + byteCount + 63) & ~63)
    return MemoryBytes(taking: part, from: piece)
  }
}
