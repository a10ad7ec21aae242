import Refx

extension DType {
  /// The bytes of what has an order of bytes: a complex number is two of them, text has none.
  package var wordSize: Int {
    let size = itemSize ?? 1
    return self == .complex64 || self == .complex128 ? size / 2 : size
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Turns the bytes of each word about.
  ///
  /// - Precondition: `size` is 1, 2, 4 or 8, and the buffer is a number of whole words.
  package func swapWords(ofSize size: Int) {
    switch size {
    case 2: swapWords(UInt16.self)
    case 4: swapWords(UInt32.self)
    case 8: swapWords(UInt64.self)
    default: precondition(size == 1)
    }
  }

  private func swapWords<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type) {
    let size = MemoryLayout<Word>.size
    precondition(count % size == 0)
    for place in stride(from: 0, to: count, by: size) {
      let word = loadUnaligned(fromByteOffset: place, as: Word.self)
      storeBytes(of: word.byteSwapped, toByteOffset: place, as: Word.self)
    }
  }

  /// Fills the buffer with the bytes from `offset` on, of which `read` can only give whole elements: a range that cuts
  /// some is read with what surrounds it, into memory of its own.
  package func readWholeElements(
    ofSize size: Int, at offset: Int, _ read: (_ offset: Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    if offset % size == 0, count % size == 0 { return try read(offset, self) }
    let first = offset / size * size
    let end = (offset + count + size - 1) / size * size
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: end - first, alignment: 16)
    defer { whole.deallocate() }
    try read(first, whole)
    copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[(offset - first)..<(offset - first + count)]))
  }
}
