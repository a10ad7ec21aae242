import Refx
import Synchronization

/// A deflated member, unpacked block by block from the front, of which the last blocks are kept.
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
  }

  init(_ member: ZipArchive.Member, in file: InputFile) {
    self.member = member
    self.file = file
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let place = offset + done
      let position = place / UnpackedMember.blockBytes
      let start = place % UnpackedMember.blockBytes
      let block = try block(position)
      let count = min(buffer.count - done, block.count - start)
      block.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + count)]))
      }
      done += count
    }
  }

  /// Checks the stream of a member that has no bytes.
  func checkEnd() throws {
    try state.withLock { state in
      state.inflater = RawInflater(member.stored, in: file)
      try state.inflater?.expectEnd(of: member)
      state.inflater = nil
    }
  }

  private func block(_ position: Int) throws -> [UInt8] {
    try state.withLock { state in
      if let known = state.blocks[position] { return known }
      if state.inflater == nil || position < state.next {
        state.inflater = RawInflater(member.stored, in: file)
        state.next = 0
        state.blocks = [:]
      }
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
        throw error
      }
    }
  }
}
