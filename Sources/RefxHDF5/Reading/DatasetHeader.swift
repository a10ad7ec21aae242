import Refx

/// What the file says of a dataset: all that is needed to read it, and no payload.
struct DatasetHeader: Sendable {
  let address: UInt
  var element: ElementType
  /// Bytes per element in the file.
  let itemSize: Int
  /// The extents; nil where there is no dataspace.
  let shape: [Int]?
  let layout: Layout
  /// One element as it stands in the file; nil where what was never written is zero.
  var fill: [UInt8]?
  /// The bytes that the file spends on the elements; nil where that is the sum of the chunks, which nobody
  /// has looked at yet.
  let storedByteCount: Int?

  enum Layout: Sendable {
    /// Within the object header.
    case compact
    /// In one piece from an address on; never written where that is nil.
    case contiguous(address: Int?)
    case chunked(Chunking)
  }

  /// The number of elements.
  var count: Int { shape.flatMap(DType.elementCount) ?? 0 }
}

/// How a dataset is cut into chunks, and what was done to each of them, in order.
struct Chunking: Sendable {
  let shape: [Int]
  let byteCount: Int
  let filters: [ChunkFilter]
  /// Whether the chunks at the edges, which are not full, went through the filters too.
  var filtersPartialChunks = true
  /// What lists the chunks, where our own code may look at it.
  var list: List?

  enum List: Sendable {
    /// The address of a tree as files up to HDF5 1.8 have it.
    case tree(Int)
    /// One of the newer ways; how many chunks there may ever be along each axis, which the numbers of some go by.
    case listing(ChunkListing, mostCounts: [Int])
  }
}

extension DatasetHeader {
  /// A dataset that is only listed, and why.
  static func listed(_ reason: UnsupportedLeaf, at address: UInt, shape: [Int] = []) -> DatasetHeader {
    DatasetHeader(
      address: address, element: .unsupported(reason), itemSize: 1, shape: shape,
      layout: .contiguous(address: nil), storedByteCount: 0)
  }
}
