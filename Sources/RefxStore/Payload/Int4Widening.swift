import Refx

extension DType {
  /// Brings elements as ml_dtypes has them into this library's form, and looks at every byte of a dtype that does
  /// not take any.
  ///
  /// ml_dtypes, and so JAX, writes an int4 into the lower half of a byte, the upper one being zero, and ignores the
  /// upper one when it reads; here the byte is the number as an int8. Either form of a number is taken.
  ///
  /// - Returns: the position of the first byte that is no element; nil where there is none.
  package func firstOtherAfterWidening(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
    if self == .int4 {
      // 8 to 15 are -8 to -1.
      for position in bytes.indices where bytes[position] & 0xF8 == 0x08 { bytes[position] |= 0xF0 }
    }
    return firstOtherByte(in: UnsafeRawBufferPointer(bytes))
  }
}
