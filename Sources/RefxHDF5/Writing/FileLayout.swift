import RefxStore

/// A file that is written front to back, by its own addresses, and whose first bytes come last.
struct FileLayout {
  private let target: any RewritableTarget
  /// Where the file begins in the target.
  private let start: Int

  init(of target: any RewritableTarget) {
    self.target = target
    start = target.position
  }

  /// How many bytes were appended.
  var position: Int { target.position - start }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    try target.append(bytes)
  }

  func append(_ bytes: [UInt8]) throws {
    try target.append(bytes)
  }

  func append(_ slab: EncodedSlab) throws {
    try target.append(slab)
  }

  /// Zeros up to a multiple of `alignment`.
  func align(to alignment: Int) throws {
    let count = (alignment - position % alignment) % alignment
    if count > 0 { try append([UInt8](repeating: 0, count: count)) }
  }

  /// Writes what stands at the front, where room was left for it.
  func replaceStart(with bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try target.replace($0, at: start) }
  }
}
