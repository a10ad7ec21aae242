extension String {
  /// The text that `bytes` are in UTF-8; nil where they are none. Like `init(validating:as:)`, several times as
  /// fast for ASCII, which names in files nearly always are.
  package init?(utf8 bytes: UnsafeRawBufferPointer) {
    guard bytes.isASCII else {
      self.init(validating: bytes, as: UTF8.self)
      return
    }
    self.init(decoding: bytes, as: UTF8.self)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether all bytes are below 128.
  fileprivate var isASCII: Bool {
    var place = 0
    while place &+ 8 <= count {
      if loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return false }
      place &+= 8
    }
    while place < count {
      if self[place] >= 0x80 { return false }
      place &+= 1
    }
    return true
  }
}
