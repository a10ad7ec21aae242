import Refx
import RefxStore
import Synchronization

extension NumPyArchiveStore {
  /// Writes each value once, under its first site's name: stored, as `numpy.savez` does; with the compression
  /// `best` deflated, as `numpy.savez_compressed` does.
  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    let archive = NumPyArchiveWriting(try members(of: contents, options), options)
    // A checksum stands before the bytes that it is of.
    try target.rewriting { try archive.write(to: $0) }
  }

  public static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
    _ = try members(of: contents, options)
  }

  private static func members(
    of contents: CheckpointContents, _ options: WriteOptions
  ) throws -> [NumPyMember] {
    let flat = try FlatTree(
      contents.tree, separator: options.flattenSeparator, policy: options.shared,
      names: NumPyMemberNames.rules, format: format.name)
    var members: [NumPyMember] = []
    members.reserveCapacity(flat.entries.count + 1)
    for entry in flat.entries {
      do {
        members.append(
          NumPyMember(
            name: entry.name, path: entry.path, array: try NumPyArrayWriting(entry.leaf, mayDescribe: true)))
      } catch let error as RefxError {
        throw error.atPath(entry.path)
      }
    }
    let metadata = try FlatMetadata(
      of: flat, contents, separator: options.flattenSeparator,
      types: members.compactMap { member in member.array.type.map { (member.name, $0) } }, keeping: nil)
    if let text = metadata.texts.first?.text {
      members.append(
        NumPyMember(
          name: NumPyMemberNames.description, path: nil, array: try NumPyArrayWriting(text: text)))
    }
    return members
  }
}

/// An array of an archive.
struct NumPyMember {
  let name: Key
  /// Where it stands in the tree; nil where it is none of it.
  let path: Path?
  let array: NumPyArrayWriting
}

/// Writes the members of an archive one after the other, read, summed and deflated by several threads.
private struct NumPyArchiveWriting {
  private let members: [NumPyMember]
  private let options: WriteOptions
  private var isDeflated: Bool { options.compression == .best }

  init(_ members: [NumPyMember], _ options: WriteOptions) {
    self.members = members
    self.options = options
  }

  /// What is found in a piece; that of a first one has the header before it.
  private struct Piece {
    let crc32: UInt32
    let byteCount: Int
    /// Nil where members are stored.
    let deflated: [UInt8]?
  }

  func write(to target: any RewritableTarget) throws {
    let headers = members.map(\.array.header)
    let deflaters = isDeflated ? Deflaters() : nil
    let reader = PieceReader<Piece>(members.map(\.array.payload), threads: options.threads) { piece, bytes in
      let isFirst = piece.range.lowerBound == 0
      return try headers[piece.leaf].withUnsafeBytes { header in
        let parts = isFirst ? [header, bytes] : [bytes]
        return Piece(
          crc32: parts.reduce(0) { CRC32.of($1, after: $0) }, byteCount: parts.reduce(0) { $0 + $1.count },
          deflated: try deflaters?.deflated(parts, isLast: piece.isLast))
      }
    }
    let archive = ZipWriter(target)
    var progress = Progress(total: payloadByteCount, report: options.progress)
    var sum: UInt32 = 0
    try reader.forEach { piece, bytes, result in
      let member = members[piece.leaf]
      do {
        let found = try result.get()
        let isFirst = piece.range.lowerBound == 0
        if isFirst {
          try begin(member, found, isWhole: piece.isLast, in: archive)
          sum = found.crc32
        } else {
          sum = CRC32.combining(sum, found.crc32, count: found.byteCount)
        }
        if let deflated = found.deflated {
          try deflated.withUnsafeBytes { try archive.append($0) }
        } else {
          if isFirst { try headers[piece.leaf].withUnsafeBytes { try archive.append($0) } }
          try archive.append(bytes)
        }
        if piece.isLast { try archive.end(crc32: sum) }
        if member.path != nil { progress.add(bytes.count) }
      } catch let error as RefxError {
        throw member.path.map { error.atPath($0) } ?? error
      }
    }
    try archive.finish()
  }

  private func begin(_ member: NumPyMember, _ first: Piece, isWhole: Bool, in archive: ZipWriter) throws {
    try archive.begin(
      member.name.string + NumPyArchiveStore.suffix, byteCount: member.array.byteCount,
      isDeflated: isDeflated,
      known: isWhole ? (first.crc32, first.deflated?.count ?? first.byteCount) : nil)
  }

  private var payloadByteCount: Int {
    members.reduce(0) { $0.addingSaturated($1.path == nil ? 0 : $1.array.payload.byteCount) }
  }
}

/// Deflaters that threads take and give back, since each takes a quarter of a megabyte and time to make.
private final class Deflaters: Sendable {
  private let free = Mutex<[Taken]>([])

  /// Sendable: whoever took one is alone with it.
  private struct Taken: @unchecked Sendable { let deflater: RawDeflater }

  func deflated(_ parts: [UnsafeRawBufferPointer], isLast: Bool) throws -> [UInt8] {
    let taken = try free.withLock { $0.popLast() } ?? Taken(deflater: RawDeflater())
    defer { free.withLock { $0.append(taken) } }
    return try taken.deflater.deflated(parts, isLast: isLast)
  }
}
