import Refx
import RefxStore

/// The file as a format's writer sees it on one rank: every rank appends the same, and each writes what is its own.
///
/// What is no slab every rank has; it is written by the rank of the slab that follows, and in the end by rank 0. What
/// goes wrong is kept until the ranks next hear of each other: a writer that stopped alone would leave them waiting.
final class RankedTarget: SharedTarget {
  private(set) var position = 0
  private(set) var failure: RefxError?
  /// Of what every rank has, and of the places of the rest.
  private var sum = CRC32()
  private let file: any RankedFile
  private let isFirst: Bool
  /// What was appended and is nobody's yet; it ends at `position`.
  private var pending: [UInt8] = []
  /// What this rank is to write next, where it is small; from `collectedStart` on.
  private var collected: [UInt8] = []
  private var collectedStart = 0
  private var replacements: [(offset: Int, bytes: [UInt8])] = []

  private static let collectedBytes = 256 << 10
  private static let pendingBytes = 4 << 20

  init(_ file: any RankedFile, rank: Int) {
    self.file = file
    isFirst = rank == 0
  }

  var temporaryPath: String? { nil }

  func append(_ bytes: UnsafeRawBufferPointer) {
    sum.update(bytes)
    pending += bytes
    position += bytes.count
    // A long catalogue comes at the end, where nothing follows.
    if pending.count > RankedTarget.pendingBytes { endPending(isOwn: isFirst) }
  }

  func append(shared slab: EncodedSlab) {
    let isOwn = slab.share == .own
    endPending(isOwn: isOwn)
    if isOwn { write(slab.stored, at: position) }
    add(position)
    position += slab.storedByteCount
  }

  /// Written when everything before it is, by whoever: it lies in what another rank may hold.
  func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    precondition(offset >= 0 && offset + bytes.count <= position)
    add(offset)
    sum.update(bytes)
    if isFirst { replacements.append((offset, Array(bytes))) }
  }

  /// What tells whether all ranks have laid out the same file: the same on each.
  var layout: [UInt8] {
    withUnsafeBytes(of: UInt64(position).littleEndian) { Array($0) }
      + withUnsafeBytes(of: sum.value.littleEndian) { Array($0) }
  }

  private func add(_ number: Int) {
    withUnsafeBytes(of: UInt64(number).littleEndian) { sum.update($0) }
  }

  private func endPending(isOwn: Bool) {
    if isOwn { pending.withUnsafeBytes { write($0, at: position - pending.count) } }
    pending.removeAll(keepingCapacity: true)
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    if collectedStart + collected.count != offset
      || collected.count + bytes.count > RankedTarget.collectedBytes
    {
      flush()
      collectedStart = offset
    }
    if bytes.count >= RankedTarget.collectedBytes {
      attempt { try file.write(bytes, at: offset) }
      collectedStart = offset + bytes.count
    } else {
      collected += bytes
    }
  }

  private func flush() {
    attempt { try collected.withUnsafeBytes { try file.write($0, at: collectedStart) } }
    collectedStart += collected.count
    collected.removeAll(keepingCapacity: true)
  }

  private func attempt(_ body: () throws -> Void) {
    guard failure == nil else { return }
    do { try body() } catch { failure = RefxError.from(error) }
  }

  /// Called by all ranks at the same times.
  func endRound() {
    // Every rank takes part, also one that has failed.
    do { try file.endRound() } catch { failure = failure ?? RefxError.from(error) }
  }

  /// The end of what the writer appended, up to what is replaced at the front.
  ///
  /// - Throws: ``RefxError`` where anything went wrong on this rank.
  func finishAppending() throws {
    endPending(isOwn: isFirst)
    flush()
    endRound()
    if let failure { throw failure }
  }

  /// - Precondition: all ranks have called ``finishAppending()``.
  /// - Throws: ``RefxError`` where anything went wrong on this rank.
  func finishReplacing() throws {
    for (offset, bytes) in replacements {
      attempt { try bytes.withUnsafeBytes { try file.write($0, at: offset) } }
    }
    endRound()
    if let failure { throw failure }
  }
}
