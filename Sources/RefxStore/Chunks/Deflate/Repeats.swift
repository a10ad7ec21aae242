/// Samples a stretch of bytes for strings that come again.
struct Repeats: ~Copyable {
  private static let tableBits = 11
  private static let stride = 128
  private static let windows = 4

  private let places: Scratch<UInt16>

  init() {
    places = Scratch(1 << Repeats.tableBits, of: 0)
  }

  /// How many bytes in a row come twice. Sixteen say that strings come again, unless there are so few different
  /// bytes that chance brings them about; 32 are none of chance's.
  enum Found: Comparable { case nothing, some, long }

  /// Whether strings of `bytes` come twice, as far as a sample shows: every 128th place is remembered, and 128
  /// places in a row are looked up here and there, so that what comes again in some distance is found wherever
  /// it stands.
  ///
  /// - Precondition: at most 65,536 bytes.
  func find(in bytes: UnsafePointer<UInt8>, count: Int) -> Found {
    guard count >= 4 * Repeats.stride else { return .nothing }
    places.start.update(repeating: 0, count: places.count)
    let last = count - 32
    var found = Found.nothing
    var place = 0
    while place <= last {
      let word = word(bytes + place)
      // 0 is for what was not met.
      if word != (word &<< 8 | word &>> 56) {
        places.start[slot(word)] = UInt16(truncatingIfNeeded: place / Repeats.stride + 1)
      }
      place += Repeats.stride
    }
    let step = (last - Repeats.stride) / Repeats.windows
    for window in 0..<Repeats.windows {
      let start = window * step + step / 2
      for place in start..<(start + Repeats.stride) {
        let other = (Int(places.start[slot(word(bytes + place))]) - 1) * Repeats.stride
        if other >= 0, other != place, word(bytes + other) == word(bytes + place),
          word(bytes + other + 8) == word(bytes + place + 8)
        {
          if word(bytes + other + 16) == word(bytes + place + 16),
            word(bytes + other + 24) == word(bytes + place + 24)
          {
            return .long
          }
          found = .some
        }
      }
    }
    return found
  }

  /// Whether many short strings of a window of `bytes` come twice in it, as in text: a tenth of four bytes each.
  /// Bytes of this entropy without any order would make next to none.
  ///
  /// - Precondition: they take at least 3.5 bits each.
  func findShort(in bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
    let window = 2048
    guard count >= window else { return false }
    let start = bytes + (count - window) / 2
    places.start.update(repeating: 0, count: places.count)
    var found = 0
    for place in 0..<(window - 4) {
      let word = UnsafeRawPointer(start + place).loadUnaligned(as: UInt32.self)
      let slot = slot(UInt64(word))
      let other = Int(places.start[slot]) - 1
      places.start[slot] = UInt16(truncatingIfNeeded: place + 1)
      if other >= 0, UnsafeRawPointer(start + other).loadUnaligned(as: UInt32.self) == word { found &+= 1 }
    }
    return found * 10 > window
  }

  @inline(__always)
  private func word(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
    UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
  }

  @inline(__always)
  private func slot(_ word: UInt64) -> Int {
    Int(truncatingIfNeeded: (word &* 0x9E37_79B9_7F4A_7C15) &>> UInt64(64 - Repeats.tableBits))
  }
}
