import Refx

/// The elements of a text leaf within its canonical bytes: each its length as a little-endian UInt64, then
/// its UTF-8.
package struct TextElements {
  package let all: [Range<Int>]

  /// - Throws: ``RefxError`` where the bytes are not those of `count` elements.
  package init(canonical bytes: [UInt8], count: Int, file: String?) throws {
    var all: [Range<Int>] = []
    var place = 0
    while place < bytes.count {
      guard bytes.count - place >= 8 else { throw RefxError.textDoesNotFit(count: count, file: file) }
      let length = bytes.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      }
      place += 8
      guard let length = Int(exactly: length), length <= bytes.count - place else {
        throw RefxError.textDoesNotFit(count: count, file: file)
      }
      all.append(place..<(place + length))
      place += length
    }
    guard all.count == count else { throw RefxError.textDoesNotFit(count: count, file: file) }
    self.all = all
  }

  /// Appends one element in canonical form.
  package static func append(_ text: some Collection<UInt8>, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes += $0 }
    bytes += text
  }
}
