import Refx
import RefxStore

@testable import RefxIO

/// A `.refx` file taken apart, to be changed and put together again with every checksum right, so that the
/// checks behind the checksums are reached.
struct RefxSurgeon {
  struct Section {
    var tag: UInt32
    var flags: UInt32
    var bytes: [UInt8]
  }

  var header: [UInt8]
  var payload: [UInt8]
  var sections: [Section]

  init(_ file: [UInt8]) {
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
  struct Overrides {
    var directory: ((inout [UInt8]) -> Void)?
    var trailer: ((inout [UInt8]) -> Void)?
  }

  func file(_ overrides: Overrides = Overrides()) -> [UInt8] {
    var header = header
    RefxSurgeon.sum(&header, at: 60)
    var file = header + payload
    let catalogue = file.count
    var directory: [UInt8] = []
    for section in sections {
      var entry = SectionWriter()
      entry.add(integer: section.tag)
      entry.add(integer: section.flags)
      entry.add(integer: UInt64(file.count))
      entry.add(integer: UInt64(section.bytes.count))
      entry.add(integer: section.bytes.withUnsafeBytes { CRC32.of($0) })
      entry.add(integer: 0 as UInt32)
      directory += entry.bytes
      file += section.bytes
    }
    overrides.directory?(&directory)
    var trailer = RefxEnvelope.trailer(
      catalogueOffset: catalogue, directoryOffset: file.count, sections: sections.count,
      directoryCRC32: directory.withUnsafeBytes { CRC32.of($0) })
    overrides.trailer?(&trailer)
    RefxSurgeon.sum(&trailer, at: 52)
    return file + directory + trailer
  }

  private static func sum(_ bytes: inout [UInt8], at place: Int) {
    let sum = bytes.withUnsafeBytes { CRC32.of(UnsafeRawBufferPointer(rebasing: $0[..<place])) }
    for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(byte))) }
  }

  subscript(tag: UInt32) -> [UInt8] {
    get { sections.first { $0.tag == tag }?.bytes ?? [] }
    set {
      guard let place = sections.firstIndex(where: { $0.tag == tag }) else { return }
      sections[place].bytes = newValue
    }
  }
}

/// What becomes of a file when it is opened, verified, and read whole.
enum Outcome: Equatable {
  case refused
  case problems
  case sound

  init(_ file: [UInt8]) throws {
    let bytes = MemoryBytes(count: file.count) { buffer in
      file.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    let opened: OpenedCheckpoint
    do {
      opened = try RefxFormat.open(InputFile(bytes, name: "damaged.refx"), options: OpenOptions())
    } catch is RefxError {
      self = .refused
      return
    }
    var problems = 0
    try opened.verify(nil) { _ in problems += 1 }
    self = problems == 0 ? .sound : .problems
  }

  /// The error with which `file` is refused.
  static func refusal(of file: [UInt8]) -> RefxError? {
    let bytes = MemoryBytes(count: file.count) { buffer in
      file.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    do {
      _ = try RefxFormat.open(InputFile(bytes, name: "damaged.refx"), options: OpenOptions())
      return nil
    } catch {
      return error as? RefxError
    }
  }
}
