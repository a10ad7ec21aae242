import Refx

/// How a leaf is cut into chunks: a function of dtype and shape alone, the same in every container.
///
/// The chunk shape is [1, …, 1, k, whole trailing dimensions]: the longest slab of whole trailing dimensions
/// that stays within 1 MiB, and k the most of the next dimension that fits, at least 1. So every chunk is a
/// contiguous range of the leaf's logical bytes. See the page on formats.
public struct ChunkGrid: Hashable, Sendable {
  /// The most bytes of a chunk.
  public static let byteLimit = 1 << 20
  /// Leaves below this many bytes are stored raw, in one piece.
  public static let rawBelow = 4096

  /// The extents of a full chunk; empty for a single element.
  public let chunkShape: [Int]
  /// The number of chunks; 0 for a leaf without elements.
  public let count: Int
  /// The logical bytes of a full chunk.
  public let chunkBytes: Int
  /// Bytes per element.
  public let itemSize: Int

  /// Where a chunk lies.
  private let byteCount: Int
  /// The dimension that is cut in pieces of `pieceLength`.
  private let pieces: Int
  private let blockBytes: Int

  /// - Precondition: `byteCount` is what `shape` elements of `itemSize` bytes take.
  public init(itemSize: Int, shape: [Int], byteCount: Int) {
    self.itemSize = itemSize
    self.byteCount = byteCount
    guard byteCount > 0 else {
      chunkShape = shape.map { max($0, 1) }
      count = 0
      chunkBytes = 0
      pieces = 0
      blockBytes = 0
      return
    }
    var trailing = itemSize
    var axis = shape.count
    while axis > 0, trailing * shape[axis - 1] <= ChunkGrid.byteLimit {
      axis -= 1
      trailing *= shape[axis]
    }
    var chunkShape = shape
    if axis == 0 {
      self.chunkShape = chunkShape
      count = 1
      chunkBytes = byteCount
      pieces = 1
      blockBytes = byteCount
    } else {
      let cut = axis - 1
      let length = max(1, ChunkGrid.byteLimit / trailing)
      for outer in 0..<cut { chunkShape[outer] = 1 }
      chunkShape[cut] = length
      self.chunkShape = chunkShape
      // Written so that no extent, however large, overflows.
      pieces = (shape[cut] - 1) / length + 1
      blockBytes = trailing * shape[cut]
      chunkBytes = trailing * length
      count = (byteCount / blockBytes) * pieces
    }
  }

  /// The grid of `leaf`; text has none and is one piece.
  public init(of leaf: Leaf) {
    if let itemSize = leaf.dtype.itemSize {
      self.init(itemSize: itemSize, shape: leaf.shape, byteCount: leaf.byteCount)
    } else {
      self.init(itemSize: 1, shape: [leaf.byteCount], byteCount: leaf.byteCount)
    }
  }

  /// The logical bytes of the `position`-th chunk, without padding.
  public func range(of position: Int) -> Range<Int> {
    let (block, piece) = position.quotientAndRemainder(dividingBy: pieces)
    let start = block * blockBytes + piece * chunkBytes
    return start..<start + min(chunkBytes, (block + 1) * blockBytes - start)
  }

  /// Which chunk holds the logical byte at `offset`.
  public func position(ofByte offset: Int) -> Int {
    let (block, rest) = offset.quotientAndRemainder(dividingBy: blockBytes)
    return block * pieces + rest / chunkBytes
  }

  /// The element offsets at which the `position`-th chunk starts, as HDF5 counts them.
  public func elementOffset(of position: Int, shape: [Int]) -> [Int] {
    var element = range(of: position).lowerBound / itemSize
    var offset = [Int](repeating: 0, count: shape.count)
    for axis in shape.indices.reversed() {
      offset[axis] = element % shape[axis]
      element /= shape[axis]
    }
    return offset
  }
}
