import CISAL
import Refx

/// Unpacks one deflate stream out of a file, as much of it at a time as is asked for. For one thread.
final class RawInflater {
  private let file: InputFile
  /// What of the stream was not read yet.
  private var rest: Range<Int>
  private let state: UnsafeMutableRawPointer
  private let input = ByteBuffer()
  private var given = UnsafeRawBufferPointer(start: nil, count: 0)
  private var isFinished = false

  private static let inputBytes = 1 << 18

  init(_ stored: Range<Int>, in file: InputFile) {
    rest = stored
    self.file = file
    state = .allocate(byteCount: refx_inflate_state_size(), alignment: 64)
    refx_inflate_begin_raw(state)
  }

  deinit { state.deallocate() }

  /// - Throws: ``RefxError`` where the stream ends before `target` is full, or is damaged.
  func fill(_ target: UnsafeMutableRawBufferPointer, of member: ZipArchive.Member) throws {
    var done = 0
    while done < target.count {
      let made = try step(into: UnsafeMutableRawBufferPointer(rebasing: target[done...]), of: member)
      done += made
      if made == 0, isFinished {
        throw RefxError.zipMember(
          member.name, "ends before its \(member.byteCount) bytes", at: member.stored.lowerBound
        )
        .inFile(file.name)
      }
    }
  }

  /// - Throws: ``RefxError`` where more bytes come, or others follow the stream.
  func expectEnd(of member: ZipArchive.Member) throws {
    var byte: UInt8 = 0
    while !isFinished {
      guard try withUnsafeMutableBytes(of: &byte, { try step(into: $0, of: member) }) == 0 else {
        throw RefxError.zipMember(
          member.name, "goes on after its \(member.byteCount) bytes", at: member.stored.lowerBound
        )
        .inFile(file.name)
      }
    }
    guard given.isEmpty, rest.isEmpty else {
      throw RefxError.zipMember(
        member.name, "is followed by \(given.count + rest.count) other bytes", at: member.stored.lowerBound
      )
      .inFile(file.name)
    }
  }

  /// - Returns: how many bytes were made; 0 where only input was taken, or the stream has ended.
  private func step(into target: UnsafeMutableRawBufferPointer, of member: ZipArchive.Member) throws -> Int {
    if isFinished { return 0 }
    if given.isEmpty, !rest.isEmpty {
      let room = input.room(for: min(RawInflater.inputBytes, rest.count))
      try file.read(at: rest.lowerBound, into: room)
      rest = (rest.lowerBound + room.count)..<rest.upperBound
      given = UnsafeRawBufferPointer(room)
    }
    var taken: UInt32 = 0
    var made: UInt32 = 0
    var finished: Int32 = 0
    var nothing: UInt8 = 0
    let status = withUnsafeMutablePointer(to: &nothing) { nothing in
      refx_inflate_more(
        state, given.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(nothing),
        UInt32(given.count), target.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nothing,
        UInt32(clamping: target.count), &taken, &made, &finished)
    }
    isFinished = finished != 0
    guard status == ISAL_DECOMP_OK || status == ISAL_END_INPUT || status == ISAL_OUT_OVERFLOW,
      isFinished || made > 0 || taken > 0 || !rest.isEmpty
    else {
      throw RefxError.zipMember(member.name, "does not unpack", at: member.stored.lowerBound)
        .inFile(file.name)
    }
    given = UnsafeRawBufferPointer(rebasing: given[Int(taken)...])
    return Int(made)
  }
}
