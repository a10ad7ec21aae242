import Refx
import RefxStore

/// An array that flax has cut, since MessagePack holds at most 4 GiB in one piece: a map of a marker, the extents, and
/// the pieces of the row of all elements, extents and pieces as maps with the keys "0", "1", ….
enum MsgpackChunks {
  static let marker: Key = "__msgpack_chunked_array__"

  /// The pieces as one leaf.
  ///
  /// - Throws: ``RefxError`` where the map has other members, or the pieces do not make the array.
  static func leaf(of map: Branches<Leaf>, at place: Int) throws -> Leaf {
    func damaged(_ expected: String) -> RefxError {
      .msgpackDamaged("\(expected) of an array in pieces", found: "others", at: place)
    }
    guard map.count == 3, let marker = map[marker], let extents = map["shape"].flatMap(row),
      let parts = map["chunks"].flatMap(row), case .leaf(let truth) = marker, truth.dtype == .bool
    else { throw damaged("the marker, shape and chunks") }
    let shape = try extents.map { extent in
      guard case .leaf(let leaf) = extent, leaf.dtype == .int64, let number = leaf.source as? MemoryBytes,
        number.byteCount == 8
      else { throw damaged("extents") }
      let value = number.withBytes { $0.loadUnaligned(as: Int64.self) }
      guard let extent = Int(exactly: Int64(littleEndian: value)), extent >= 0 else {
        throw damaged("extents")
      }
      return extent
    }
    var pieces: [MsgpackArray] = []
    var dtype: DType?
    var total = 0
    for part in parts {
      guard case .leaf(let leaf) = part, leaf.shape.count == 1, dtype ?? leaf.dtype == leaf.dtype,
        let piece = leaf.source as? MsgpackArray
      else { throw damaged("pieces of one dtype, each a row,") }
      dtype = leaf.dtype
      total = total.addingSaturated(piece.byteCount)
      pieces.append(piece)
    }
    guard let dtype, dtype.byteCount(of: shape) == total else {
      throw RefxError.msgpackDamaged(
        "pieces that make an array of the shape \(shape)", found: "\(total) bytes", at: place)
    }
    return Leaf(dtype: dtype, shape: shape, source: ChunkedArray(pieces))
  }

  /// The members with the keys "0", "1", … in that order; nil where there are others.
  private static func row(_ tree: Tree<Leaf>) -> [Tree<Leaf>]? {
    guard case .dictionary(let branches) = tree else { return nil }
    var members: [Tree<Leaf>] = []
    for position in 0..<branches.count {
      guard let member = branches[Key(position)] else { return nil }
      members.append(member)
    }
    return members
  }
}

/// Pieces that follow one another.
private final class ChunkedArray: LeafSource {
  private let pieces: [MsgpackArray]
  /// Where each begins; and the end.
  private let starts: [Int]

  init(_ pieces: [MsgpackArray]) {
    self.pieces = pieces
    var starts = [0]
    for piece in pieces { starts.append(starts[starts.count - 1] + piece.byteCount) }
    self.starts = starts
  }

  var byteCount: Int { starts[pieces.count] }
  var storedByteCount: Int? { byteCount }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    var piece = position(of: offset)
    while done < buffer.count {
      let place = offset + done
      let count = min(buffer.count - done, starts[piece + 1] - place)
      if count > 0 {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
        try pieces[piece].read(at: place - starts[piece], into: part)
        done += count
      }
      piece += 1
    }
  }

  /// The last piece that begins at `offset` or before.
  private func position(of offset: Int) -> Int {
    var low = 0
    var high = pieces.count
    while low + 1 < high {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }
}
