import RefxStore

/// The bytes of a file's metadata, of which more than was asked for is read where the next piece is likely to
/// be near: objects that were written together are looked at together.
///
/// For one thread at a time.
final class MetadataFile {
  private let file: InputFile
  /// What every address in the file is relative to.
  private let userBlock: Int
  let addressSize: Int
  let lengthSize: Int
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: far, alignment: 16)
  /// Where in the file the bytes in `room` come from.
  private var held = 0..<0

  /// How often bytes were asked for: what a file can make us do.
  private(set) var pieceCount = 0

  private static let near = 1 << 10
  private static let far = 1 << 16

  init(_ file: InputFile, userBlock: Int, addressSize: Int, lengthSize: Int) {
    self.file = file
    self.userBlock = userBlock
    self.addressSize = addressSize
    self.lengthSize = lengthSize
  }

  deinit { room.deallocate() }

  /// Where in the file an address lies; nil where that is beyond what can be counted.
  func offset(of address: Int) -> Int? {
    let (offset, overflow) = address.addingReportingOverflow(userBlock)
    return overflow ? nil : offset
  }

  /// The size of the whole file, which bounds what anything in it can be.
  var byteCount: Int { file.byteCount }

  /// The `count` bytes from `offset` on; nil where the file ends before, or cannot be read.
  func bytes(at offset: Int, count: Int) -> [UInt8]? {
    pieceCount += 1
    return try? file.bytes(at: offset, count: count)
  }

  /// The bytes from `offset` on, at least `least` and up to 64 KiB: `body` gets what is at hand. Valid during
  /// the call alone.
  ///
  /// - Returns: nil where the file ends before, or cannot be read; else what `body` returns.
  func withBytes<R>(
    at offset: Int, least: Int, _ body: (UnsafeRawBufferPointer) -> R?
  ) -> R? {
    pieceCount += 1
    guard offset >= 0, least >= 0, offset <= file.byteCount, least <= file.byteCount - offset else {
      return nil
    }
    if least > MetadataFile.far {
      guard let bytes = try? file.bytes(at: offset, count: least) else { return nil }
      return bytes.withUnsafeBytes(body)
    }
    if !held.contains(offset) || held.upperBound - offset < least {
      let isNear = offset >= held.lowerBound && offset - held.upperBound < MetadataFile.far
      let count = min(isNear ? MetadataFile.far : max(least, MetadataFile.near), file.byteCount - offset)
      held = 0..<0
      let part = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      guard (try? file.read(at: offset, into: part)) != nil else { return nil }
      held = offset..<(offset + count)
    }
    return body(UnsafeRawBufferPointer(rebasing: room[(offset - held.lowerBound)..<held.count]))
  }
}
