import Refx
import Synchronization

/// The bytes of one member of an archive, unpacked when they are asked for and compared with its CRC-32.
///
/// A stored member is read where it lies. A deflated one is unpacked from front to back; of what was unpacked, the
/// last 32 MiB are kept, so that several threads may ask for neighbouring pieces (``UnpackedMember``).
package final class ZipMemberRegion: FileRegion {
  private let member: ZipArchive.Member
  private let file: InputFile
  private let isSettled: Atomic<Bool>
  /// Held while all of it is read on behalf of a part.
  private let checking = Mutex<Void>(())
  /// The checksums of the pieces that were streamed so far, by their place.
  private let streamed = Mutex<(sums: [Int: (count: Int, crc32: UInt32)], missing: Int)>(([:], 0))
  private let unpacked: UnpackedMember?

  package var name: String { file.name }
  package var byteCount: Int { member.byteCount }
  package var storedByteCount: Int { member.stored.count }

  package init(_ member: ZipArchive.Member, in file: InputFile, verify: Verification = .always) {
    self.member = member
    self.file = file
    isSettled = Atomic(verify == .never)
    unpacked = member.isDeflated ? UnpackedMember(member, in: file) : nil
    streamed.withLock { $0.missing = member.byteCount }
  }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if !isSettled.load(ordering: .acquiring) { try checkAll() }
    try readUnchecked(at: offset, into: buffer)
  }

  package func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try readUnchecked(at: offset, into: buffer)
    if isSettled.load(ordering: .acquiring) { return }
    let sum = CRC32.of(UnsafeRawBufferPointer(buffer))
    let isComplete = streamed.withLock { state in
      guard state.sums.updateValue((buffer.count, sum), forKey: offset) == nil else { return false }
      state.missing -= buffer.count
      return state.missing == 0
    }
    // All sums stay: where they do not fit, a piece that is read again is refused as well.
    if isComplete || streamed.withLock({ $0.missing <= 0 }) { try settleByPieces() }
  }

  private func settleByPieces() throws {
    let pieces = streamed.withLock { $0.sums.sorted { $0.key < $1.key } }
    var end = 0
    var sum: UInt32 = 0
    for (offset, piece) in pieces {
      // Pieces that are no row, since somebody read some twice: then all of it is read once more.
      guard offset == end else { return try checkAll() }
      sum = CRC32.combining(sum, piece.crc32, count: piece.count)
      end += piece.count
    }
    guard end == byteCount else { return try checkAll() }
    try settle(sum)
  }

  private func checkAll() throws {
    try checking.withLock { _ in
      guard !isSettled.load(ordering: .acquiring) else { return }
      let buffer = ByteBuffer()
      var sum: UInt32 = 0
      var offset = 0
      while offset < byteCount {
        let part = buffer.room(for: min(UnpackedMember.blockBytes, byteCount - offset))
        try readUnchecked(at: offset, into: part)
        sum = CRC32.combining(sum, CRC32.of(UnsafeRawBufferPointer(part)), count: part.count)
        offset += part.count
      }
      if byteCount == 0 { try unpacked?.checkEnd() }
      try settle(sum)
    }
  }

  private func settle(_ found: UInt32) throws {
    guard found == member.crc32 else {
      throw RefxError.zipChecksumDiffers(member.name, expected: member.crc32, found: found)
        .inFile(file.name)
    }
    isSettled.store(true, ordering: .releasing)
  }

  /// The same before anything is compared with the checksum: for a catalogue whose own format checks it, where
  /// payload is read later.
  package func readUnchecked(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard offset >= 0, offset <= byteCount, buffer.count <= byteCount - offset else {
      throw RefxError.cut(file: file.name, offset: offset, wanted: buffer.count, size: byteCount)
    }
    if let unpacked {
      try unpacked.read(at: offset, into: buffer)
    } else {
      try file.read(at: member.stored.lowerBound + offset, into: buffer)
    }
  }
}
