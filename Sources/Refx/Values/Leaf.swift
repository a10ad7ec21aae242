/// The data at a leaf of a dereffed tree: elements of one dtype in a shape, in memory or still in a file.
///
/// A leaf is a value: copying it copies no payload. Its bytes are little-endian, in C order (the last index
/// varies fastest), without padding, and are read only when they are asked for.
public struct Leaf: Sendable {
  @usableFromInline let content: LeafContent

  /// A leaf over any source. Reads nothing and checks nothing: whoever makes it vouches that the source has
  /// the bytes that the shape needs.
  @inlinable
  public init(dtype: DType, shape: [Int], source: any LeafSource) {
    content = LeafContent(dtype: dtype, shape: shape, source: source)
  }

  @inlinable
  init(_ content: LeafContent) {
    self.content = content
  }

  /// The type of the elements.
  @inlinable public var dtype: DType { content.dtype }
  /// The extents, outermost first; empty for a single element.
  @inlinable public var shape: [Int] { content.shape }
  /// Where the bytes come from.
  @inlinable public var source: any LeafSource { content.source }

  /// The number of logical bytes. Reads no payload.
  public var byteCount: Int { source.byteCount }

  /// The number of elements. Reads no payload.
  public var count: Int { DType.elementCount(of: shape) ?? 0 }
}

/// What a ``Leaf`` is made of: one object, since trees copy their leaves far oftener than anybody makes one, and
/// a copy then counts one reference instead of two and takes a quarter of the room.
@usableFromInline
final class LeafContent: Sendable {
  @usableFromInline let dtype: DType
  @usableFromInline let shape: [Int]
  @usableFromInline let source: any LeafSource

  @inlinable
  init(dtype: DType, shape: [Int], source: any LeafSource) {
    self.dtype = dtype
    self.shape = shape
    self.source = source
  }
}

/// Where a leaf's logical bytes come from: memory, a mapped file, chunks of a checkpoint.
///
/// A source is immutable: every read of the same range gives the same bytes or throws. It keeps what it
/// needs (a descriptor, a mapping) alive.
public protocol LeafSource: AnyObject, Sendable {
  /// The number of logical bytes; known without reading them.
  var byteCount: Int { get }

  /// Copies the logical bytes `offset ..< offset + buffer.count` into `buffer`.
  ///
  /// - Precondition: the range lies within `0 ..< byteCount`.
  /// - Throws: ``RefxError`` where the bytes cannot be read or are damaged.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws

  /// The bytes where they already lie in memory, so that nobody needs to copy them; nil elsewhere. Who looks
  /// at them holds the object: the source need not.
  var bytesInMemory: MemoryBytes? { get }

  /// The 128-bit hash of the logical bytes, where it is known without reading them.
  var contentHash: ContentHash? { get }

  /// How many bytes a file spends on this leaf, where it comes from a file.
  var storedByteCount: Int? { get }

  /// Why the payload cannot be represented, where it cannot; then `read` throws.
  var unsupported: UnsupportedLeaf? { get }
}

extension LeafSource {
  public var bytesInMemory: MemoryBytes? { nil }
  public var contentHash: ContentHash? { nil }
  public var storedByteCount: Int? { nil }
  public var unsupported: UnsupportedLeaf? { nil }
}

/// XXH3-128 over the XXH3-128 values of the leaf's grid slabs, in order (see the format page of `.refx`).
public struct ContentHash: Hashable, Sendable {
  /// The lower 64 bits.
  public let low: UInt64
  /// The upper 64 bits.
  public let high: UInt64

  /// A hash of two halves.
  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }
}

/// What stands in a foreign file and cannot be represented here: the type's own name, and why.
public struct UnsupportedLeaf: Hashable, Sendable {
  /// The name of the type in its own format.
  public let typeName: String
  /// Why it cannot be represented, as a clause.
  public let reason: String

  /// A leaf of that foreign type, which cannot be read for that reason.
  public init(typeName: String, reason: String) {
    self.typeName = typeName
    self.reason = reason
  }
}
