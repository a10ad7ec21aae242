import Refx
import Synchronization

/// An array read in one dtype and handed on in another.
final class CastSource: LeafSource {
  let byteCount: Int
  let path: Path
  private let leaf: Leaf
  private let dtype: DType
  private let overflow = Atomic(false)

  var overflowed: Bool { overflow.load(ordering: .relaxed) }

  init(_ leaf: Leaf, to dtype: DType, byteCount: Int, path: Path) {
    self.leaf = leaf
    self.dtype = dtype
    self.byteCount = byteCount
    self.path = path
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let size = dtype.itemSize, let sourceSize = leaf.dtype.itemSize, !buffer.isEmpty else { return }
    let batch = 1 << 16
    var element = offset / size
    var skipped = offset % size
    var done = 0
    while done < buffer.count {
      let count = min(batch, (buffer.count - done + skipped + size - 1) / size)
      let source = UnsafeMutableRawBufferPointer.allocate(byteCount: count * sourceSize, alignment: 16)
      defer { source.deallocate() }
      let target = UnsafeMutableRawBufferPointer.allocate(byteCount: count * size, alignment: 16)
      defer { target.deallocate() }
      try leaf.source.read(at: element * sourceSize, into: source)
      try convert(UnsafeRawBufferPointer(source), into: target, count: count)
      let taken = min(count * size - skipped, buffer.count - done)
      UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + taken)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: target[skipped..<(skipped + taken)]))
      done += taken
      element += count
      skipped = 0
    }
  }

  private func convert(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, count: Int
  ) throws {
    let (from, to) = (CastElement(leaf.dtype), CastElement(dtype))
    guard let from, let to else { throw RefxError.cannotCast(from: leaf.dtype, to: dtype).atPath(path) }
    var overflowed = false
    for position in 0..<count {
      let number = from.read(source, position)
      guard to.write(number, target, position, &overflowed) else {
        throw RefxError.castLosesValue(number.text, to: dtype, path: path)
      }
    }
    if overflowed { overflow.store(true, ordering: .relaxed) }
  }
}
