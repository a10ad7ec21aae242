import RefxStore

/// Who answers what our own reader does not know about a file: libhdf5, in this process or in one of its own.
///
/// Objects are asked for by the addresses that hard links hold; no name is ever followed. What comes back is a
/// catalogue, the few bytes that lie within an object's header, and chunks as they are stored: nothing is
/// decoded there.
protocol LibraryReader: Sendable {
  /// Where things are counted from, and where the root is.
  func geometry() throws -> FileGeometry

  /// What stands at an address.
  func object(at address: UInt, _ name: String) throws -> LibraryObject

  /// What the elements of a dataset are, and how many bytes each has; nil where there is no dataset.
  func elementType(of address: UInt, _ name: String) throws -> StoredType?

  /// The `count` bytes, at most 64 KiB, that a dataset keeps in its own header.
  func compactBytes(of address: UInt, count: Int, _ name: String) throws -> [UInt8]

  /// The stored bytes of a chunk, which come to stand at the front of `buffer`.
  ///
  /// - Returns: nil where the chunk was never written.
  func chunk(_ wanted: WantedChunk, into buffer: ByteBuffer, _ place: String) throws -> StoredChunk?
}

/// What every address in a file is relative to, and how numbers are written in it.
struct FileGeometry: Hashable, Sendable {
  let userBlock: Int
  /// Bytes of an address and of a length.
  let addressSize: Int
  let lengthSize: Int
  /// The address of the root group's header.
  let root: UInt
}

/// An object as it is found in a file.
struct LibraryObject: Sendable {
  let content: StoredObject
  let attributes: LayoutAttributes
}

/// What kind of object it is, and what it says of itself.
enum StoredObject: Sendable {
  case group([StoredLink])
  case dataset(DatasetHeader)
  /// A type that stands by itself, which holds no data.
  case namedType
  case unknown
}

/// What the elements of a dataset are.
struct StoredType: Sendable {
  let element: ElementType
  /// Bytes of an element in the file.
  let itemSize: Int
}

/// Which chunk is meant, and what is known of it.
struct WantedChunk: Sendable {
  /// The dataset.
  let address: UInt
  /// The chunk's first element.
  let origin: [UInt64]
  /// What it decodes to.
  let byteCount: Int
  let isFiltered: Bool
}

/// A chunk that was read.
struct StoredChunk: Sendable {
  let byteCount: Int
  /// A bit for each filter that was left out.
  let mask: UInt32
}
