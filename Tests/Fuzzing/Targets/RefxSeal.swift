@testable import RefxIO
@testable import RefxStore

/// Makes the checksums of a `.refx` file right, whatever it says.
enum RefxSeal {
  /// - Parameter tiles: whether the places and lengths of the sections are put right too.
  static func seal(_ file: inout [UInt8], tiles: Bool) {
    let (header, trailer, entry) =
      (RefxLayout.headerBytes, RefxLayout.trailerBytes, RefxLayout.directoryEntryBytes)
    guard file.count >= header + trailer else { return }
    let end = file.count - trailer
    file.replaceSubrange(0..<RefxLayout.magic.count, with: RefxLayout.magic)
    file.replaceSubrange((end + 56)..<(end + 64), with: RefxLayout.endMagic)
    let room = (end - header) / entry
    var count = Int(integer(in: file, at: end + 16, bytes: 4))
    if tiles || count <= room {
      count = min(count, room, 16)
      set(UInt32(count), in: &file, at: end + 16)
      let directory = end - count * entry
      set(UInt64(directory), in: &file, at: end + 8)
      set(UInt64(file.count), in: &file, at: end + 24)
      sumSections(&file, from: directory, count: count, at: end, tiles: tiles)
      set(sum(file[directory..<end]), in: &file, at: end + 20)
    }
    set(sum(file[..<60]), in: &file, at: 60)
    set(sum(file[end..<(end + 52)]), in: &file, at: end + 52)
  }

  private static func sumSections(
    _ file: inout [UInt8], from directory: Int, count: Int, at end: Int, tiles: Bool
  ) {
    let stated = integer(in: file, at: end, bytes: 8)
    var place = Int(clamping: stated)
    if tiles {
      place = min(max(place, RefxLayout.headerBytes), directory)
      set(UInt64(place), in: &file, at: end)
    }
    for number in 0..<count {
      let entry = directory + number * RefxLayout.directoryEntryBytes
      var length = Int(clamping: integer(in: file, at: entry + 16, bytes: 8))
      if tiles {
        length = number == count - 1 ? directory - place : min(length, directory - place)
        set(UInt64(place), in: &file, at: entry + 8)
        set(UInt64(length), in: &file, at: entry + 16)
      }
      let start = Int(clamping: integer(in: file, at: entry + 8, bytes: 8))
      if start <= directory, length <= directory - start {
        set(sum(file[start..<(start + length)]), in: &file, at: entry + 24)
      }
      place += tiles ? length : 0
    }
  }

  private static func integer(in file: [UInt8], at place: Int, bytes: Int) -> UInt64 {
    file[place..<(place + bytes)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func set(_ number: some FixedWidthInteger, in file: inout [UInt8], at place: Int) {
    let bytes = littleEndian(number)
    file.replaceSubrange(place..<(place + bytes.count), with: bytes)
  }

  private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.withUnsafeBytes(CRC32.of) }
}
