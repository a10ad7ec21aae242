/// Immutable bytes in memory, shared without copying by every tensor and leaf that looks at them.
///
/// Where this library allocated them they are aligned to 64 bytes, or to 16 where they are fewer than 64.
public final class MemoryBytes: LeafSource, @unchecked Sendable {
  // Sendable: the bytes are written before the object is shared (`init(count:initializingWith:)`) or while
  // it is uniquely referenced (`Tensor.withMutableElements`), and never otherwise.

  /// The first byte. Valid while this object lives.
  public let start: UnsafeRawPointer
  /// How many bytes there are.
  public let byteCount: Int
  /// Set where the memory belongs to something else, which is kept alive.
  private let owner: AnyObject?

  /// From how many bytes on memory is aligned to a cache line. Fewer do not fill one, and a single
  /// number should not pay for it, since aligned memory takes several times as long to get.
  static let alignedFrom = 64

  /// Allocates `count` bytes and lets `body` fill all of them.
  ///
  /// - Throws: what `body` throws.
  public init(count: Int, initializingWith body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(count, 1), alignment: count < MemoryBytes.alignedFrom ? 16 : 64)
    do {
      try body(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
    } catch {
      memory.deallocate()
      throw error
    }
    start = UnsafeRawPointer(memory.baseAddress!)
    byteCount = count
    owner = nil
  }

  /// Looks at memory that `owner` keeps alive and unchanged. Copies nothing.
  public init(viewing bytes: UnsafeRawBufferPointer, ownedBy owner: AnyObject) {
    start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!
    byteCount = bytes.count
    self.owner = owner
  }

  /// Takes over memory that somebody else got: it is this object's alone, and goes back when `owner` does.
  /// Copies nothing.
  package init(taking bytes: UnsafeMutableRawBufferPointer, from owner: ExclusiveMemory) {
    start = bytes.baseAddress.map { UnsafeRawPointer($0) } ?? UnsafeRawPointer(bitPattern: 64)!
    byteCount = bytes.count
    self.owner = owner
  }

  /// Looks at the storage of an array. Copies nothing: whoever changes the array afterwards changes a copy.
  public convenience init<E: TensorElement>(sharing elements: [E]) {
    let owner = ArrayOwner(elements)
    // The storage of an array of bitwise copyable elements is one native buffer that does not move.
    let bytes = owner.elements.withUnsafeBytes { $0 }
    self.init(viewing: bytes, ownedBy: owner)
  }

  deinit {
    if owner == nil { UnsafeMutableRawPointer(mutating: start).deallocate() }
  }

  /// The memory, for who fills it before anybody else sees it.
  package var memory: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(mutating: start), count: byteCount)
  }

  /// The bytes; the pointer is valid during `body` alone.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }
  }

  /// Whether the memory is this object's alone, so that a sole holder may write to it.
  var ownsItsMemory: Bool { owner == nil || owner is ExclusiveMemory }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
    precondition(offset >= 0 && offset <= byteCount && buffer.count <= byteCount - offset)
    withBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
    }
  }

  public var bytesInMemory: MemoryBytes? { self }
}

/// Memory that is given out in parts, each to one ``MemoryBytes`` alone, and given back when no part is held.
package final class ExclusiveMemory: @unchecked Sendable {
  // Sendable: the address never changes, and each part of the memory is its holder's.

  package let bytes: UnsafeMutableRawBufferPointer
  private let release: @Sendable (UnsafeMutableRawBufferPointer) -> Void

  package init(
    _ bytes: UnsafeMutableRawBufferPointer,
    release: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
  ) {
    self.bytes = bytes
    self.release = release
  }

  deinit { release(bytes) }
}

/// Keeps an array's storage alive and, by holding it, unchanged: a writer elsewhere finds it shared and copies.
private final class ArrayOwner<E: TensorElement> {
  let elements: [E]

  init(_ elements: [E]) {
    self.elements = elements
  }
}
