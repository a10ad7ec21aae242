import RefxStore

/// A `.refx` file taken apart, to be changed and put together again with every checksum right, so that the
/// checks behind the checksums are reached.
public struct RefxSurgeon: Sendable {
  /// A section of the catalogue as it is, without its place.
  public struct Section: Sendable {
    public var tag: UInt32
    public var flags: UInt32
    public var bytes: [UInt8]

    public init(tag: UInt32, flags: UInt32, bytes: [UInt8]) {
      self.tag = tag
      self.flags = flags
      self.bytes = bytes
    }
  }

  public var header: [UInt8]
  public var payload: [UInt8]
  public var sections: [Section]

  public init(_ file: [UInt8]) {
    func integer(_ at: Int, _ size: Int) -> Int {
      (0..<size).reduce(0) { $0 | Int(file[at + $1]) << (8 * $1) }
    }
    let trailer = file.count - 64
    let catalogue = integer(trailer, 8)
    let directory = integer(trailer + 8, 8)
    header = Array(file[..<64])
    payload = Array(file[64..<catalogue])
    sections = (0..<integer(trailer + 16, 4)).map { number in
      let entry = directory + 32 * number
      let start = integer(entry + 8, 8)
      return Section(
        tag: UInt32(integer(entry, 4)), flags: UInt32(integer(entry + 4, 4)),
        bytes: Array(file[start..<(start + integer(entry + 16, 8))]))
    }
  }

  /// Changes the fields of the envelope before their sums are made.
  public struct Overrides {
    public var directory: ((inout [UInt8]) -> Void)?
    public var trailer: ((inout [UInt8]) -> Void)?

    public init(
      directory: ((inout [UInt8]) -> Void)? = nil, trailer: ((inout [UInt8]) -> Void)? = nil
    ) {
      self.directory = directory
      self.trailer = trailer
    }
  }

  /// The file, put together again.
  public func file(_ overrides: Overrides = Overrides()) -> [UInt8] {
    var header = header
    RefxSurgeon.sum(&header, at: 60)
    var file = header + payload
    let catalogue = file.count
    var directory: [UInt8] = []
    for section in sections {
      let sum = section.bytes.withUnsafeBytes { CRC32.of($0) }
      directory += integer(section.tag) + integer(section.flags)
      directory += integer(UInt64(file.count)) + integer(UInt64(section.bytes.count))
      directory += integer(sum) + integer(0 as UInt32)
      file += section.bytes
    }
    overrides.directory?(&directory)
    var trailer = integer(UInt64(catalogue)) + integer(UInt64(file.count))
    trailer += integer(UInt32(sections.count)) + integer(directory.withUnsafeBytes { CRC32.of($0) })
    trailer += integer(UInt64(file.count + directory.count + 64)) + [UInt8](repeating: 0, count: 24)
    trailer += [0x1A, 0x0A, 0x0D, 0x58, 0x46, 0x45, 0x52, 0x89]
    overrides.trailer?(&trailer)
    RefxSurgeon.sum(&trailer, at: 52)
    return file + directory + trailer
  }

  private func integer<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }

  private static func sum(_ bytes: inout [UInt8], at place: Int) {
    let sum = bytes.withUnsafeBytes { CRC32.of(UnsafeRawBufferPointer(rebasing: $0[..<place])) }
    for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(byte))) }
  }

  /// The bytes of a section, by its tag.
  public subscript(tag: UInt32) -> [UInt8] {
    get { sections.first { $0.tag == tag }?.bytes ?? [] }
    set {
      guard let place = sections.firstIndex(where: { $0.tag == tag }) else { return }
      sections[place].bytes = newValue
    }
  }
}
