import Synchronization

/// A deflated member, unpacked block by block from the front, of which the last blocks are kept. Who comes back to
/// earlier ones has all of it unpacked to a file without a name, once, and then reads there.
final class UnpackedMember: Sendable {
  static let blockBytes = 1 << 20
  /// Each thread that reads pieces is at most a few ahead of the last one.
  private static let mostBlocks = 32

  private let member: ZipArchive.Member
  private let file: InputFile
  private let state = Mutex(State())

  private struct State: ~Copyable {
    var inflater: RawInflater?
    /// The block that comes next.
    var next = 0
    var blocks: [Int: [UInt8]] = [:]
    var spool: UnnamedFile?
  }

  init(_ member: ZipArchive.Member, in file: InputFile) {
    self.member = member
    self.file = file
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if try readSpooled(at: offset, into: buffer) { return }
    var done = 0
    while done < buffer.count {
      let place = offset + done
      let position = place / UnpackedMember.blockBytes
      let start = place % UnpackedMember.blockBytes
      guard let block = try block(position) else {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        guard try readSpooled(at: place, into: rest) else { continue }
        return
      }
      let count = min(buffer.count - done, block.count - start)
      block.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + count)]))
      }
      done += count
    }
  }

  /// - Returns: false where there is no such file.
  private func readSpooled(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Bool {
    guard let spool = state.withLock({ $0.spool }) else { return false }
    try spool.read(at: offset, into: buffer)
    return true
  }

  /// Checks the stream of a member that has no bytes.
  func checkEnd() throws {
    try state.withLock { state in
      state.inflater = RawInflater(member.stored, in: file)
      try state.inflater?.expectEnd(of: member)
      state.inflater = nil
    }
  }

  /// - Returns: nil where all of it lies in the file now.
  private func block(_ position: Int) throws -> [UInt8]? {
    try state.withLock { state in
      if let known = state.blocks[position] { return known }
      if state.spool != nil { return nil }
      if position < state.next {
        state.blocks = [:]
        state.inflater = nil
        state.spool = try spooled()
        return nil
      }
      if state.inflater == nil { state.inflater = RawInflater(member.stored, in: file) }
      do {
        while true {
          let number = state.next
          let start = number * UnpackedMember.blockBytes
          let count = min(UnpackedMember.blockBytes, member.byteCount - start)
          let isLast = start + count == member.byteCount
          let block = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            try state.inflater?.fill(
              UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
              of: member)
            filled = count
          }
          if isLast {
            try state.inflater?.expectEnd(of: member)
            state.inflater = nil
          }
          state.next = number + 1
          state.blocks[number] = block
          state.blocks[number - UnpackedMember.mostBlocks] = nil
          if number == position { return block }
        }
      } catch {
        state.inflater = nil
        state.next = 0
        state.blocks = [:]
        throw error
      }
    }
  }

  private func spooled() throws -> UnnamedFile {
    let spool = try UnnamedFile()
    let inflater = RawInflater(member.stored, in: file)
    let buffer = ByteBuffer()
    while spool.position < member.byteCount {
      let part = buffer.room(for: min(UnpackedMember.blockBytes, member.byteCount - spool.position))
      try inflater.fill(part, of: member)
      try spool.append(UnsafeRawBufferPointer(part))
    }
    try inflater.expectEnd(of: member)
    try spool.flush()
    return spool
  }
}
