import Refx
import RefxStore
import Testing

/// Ranges that cut elements, and words turned about, against the same done byte by byte.
@Suite struct WholeElementsTests {
  @Test func everyRangeOfEverySize() {
    let all = (0..<64).map { UInt8($0) }
    for size in [1, 2, 4, 8, 16] {
      for offset in 0...all.count {
        for end in offset...all.count {
          var part = [UInt8](repeating: 0xFF, count: end - offset)
          part.withUnsafeMutableBytes { buffer in
            buffer.readWholeElements(ofSize: size, at: offset) { offset, buffer in
              #expect(offset % size == 0 && buffer.count % size == 0)
              buffer.copyBytes(from: all[offset..<(offset + buffer.count)])
            }
          }
          #expect(part == Array(all[offset..<end]), "\(size): \(offset)..<\(end)")
        }
      }
    }
  }

  @Test func wordsAreTurnedAbout() {
    for size in [1, 2, 4, 8] {
      for count in 0...5 {
        let bytes = (0..<(count * size)).map { UInt8($0) }
        let expected = stride(from: 0, to: bytes.count, by: size).flatMap {
          bytes[$0..<($0 + size)].reversed()
        }
        // One byte further, so that no word is aligned.
        var found = [0xFF] + bytes
        found.withUnsafeMutableBytes {
          UnsafeMutableRawBufferPointer(rebasing: $0.dropFirst()).swapWords(ofSize: size)
        }
        #expect(found == [0xFF] + expected)
      }
    }
  }

  @Test func complexNumbersAreTwoWords() {
    let sizes: [DType: Int] = [
      .complex64: 4, .complex128: 8, .float64: 8, .bfloat16: 2, .bool: 1, .string: 1, .int32: 4,
    ]
    for (dtype, size) in sizes { #expect(dtype.wordSize == size) }
  }
}
