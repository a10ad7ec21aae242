import Glibc
import Refx

/// The pages of a file as memory, read by the system when they are touched.
final class MappedFile {
  let bytes: UnsafeRawBufferPointer

  /// - Returns: nil where the system does not map the file.
  init?(_ descriptor: Int32, byteCount: Int) {
    guard byteCount > 0, let start = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0),
      start != MAP_FAILED
    else { return nil }
    bytes = UnsafeRawBufferPointer(start: start, count: byteCount)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

extension InputFile {
  /// The whole file as memory, without a copy; nil where the system does not map it.
  ///
  /// Only for files that nobody cuts short meanwhile: the system ends a process that touches a page that is
  /// gone.
  package func mapped() -> MemoryBytes? {
    if let memory { return memory }
    guard let descriptor, let file = MappedFile(descriptor, byteCount: byteCount) else { return nil }
    return MemoryBytes(viewing: file.bytes, ownedBy: file)
  }
}

extension MemoryBytes {
  /// A part, without a copy; nil where it does not begin at a multiple of `alignment`.
  package func part(at offset: Int, count: Int, alignment: Int) -> MemoryBytes? {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset)
    let first = start + offset
    guard Int(bitPattern: first).isMultiple(of: alignment) else { return nil }
    return MemoryBytes(viewing: UnsafeRawBufferPointer(start: first, count: count), ownedBy: self)
  }
}
