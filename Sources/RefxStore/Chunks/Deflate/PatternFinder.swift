/// Strings that came before: runs of one byte, or what stood at the last place that began alike. It is what
/// zeros, repeated rows and planes of a few values need.
struct PatternFinder: ~Copyable {
  /// Some bytes as they are, and then a string that stood `distance` bytes before.
  struct Match: BitwiseCopyable {
    let literals: UInt32
    let length: UInt16
    let distance: UInt16
  }

  /// The longest string and the longest way back that deflate can say.
  static let longest = 258
  static let window = 32 << 10
  private static let tableBits = 15

  /// The most bytes that are looked through at once.
  let segmentBytes: Int
  private let places: Scratch<UInt32>
  private let found: Scratch<Match>
  private(set) var count = 0

  /// - Parameter segmentBytes: the most bytes that are looked through at once.
  init(segmentBytes: Int) {
    self.segmentBytes = segmentBytes
    places = Scratch(1 << PatternFinder.tableBits, of: 0)
    found = Scratch(segmentBytes / 3 + 1, of: Match(literals: 0, length: 0, distance: 0))
  }

  /// What was found last; valid as long as this is.
  var matches: UnsafePointer<Match> { UnsafePointer(found.start) }

  /// Forgets all places.
  func forget() {
    places.start.update(repeating: 0, count: places.count)
  }

  // MARK: Runs

  /// Looks for runs of one byte in `range` of `bytes`: all of at least 15 bytes, and shorter ones by chance.
  mutating func findRuns(in bytes: UnsafePointer<UInt8>, range: Range<Int>) {
    precondition(range.count <= segmentBytes)
    count = 0
    let last = range.upperBound - 8
    var literals = range.lowerBound
    var place = literals
    while place <= last {
      let word = word(bytes + place)
      guard word == (word &<< 8 | word &>> 56) else {
        place &+= 8
        continue
      }
      var start = place
      while start > literals, bytes[start &- 1] == bytes[place] { start &-= 1 }
      let end =
        place &+ 8
        &+ common(
          bytes + place, bytes + place + 8, from: 0, most: range.upperBound &- place &- 8)
      // The first byte of the run stands for itself.
      start &+= 1
      while end &- start >= 3 {
        let length = min(PatternFinder.longest, end &- start)
        add(literals: start &- literals, length: length, distance: 1)
        start &+= length
        literals = start
      }
      place = end
    }
  }

  // MARK: Strings

  /// Looks for strings in `range` of `bytes` of which the first `seed` bytes came before, after the last
  /// ``forget()``.
  ///
  /// - Parameters:
  ///   - seed: 8 ... 16; the fewer different bytes there are, the longer it must be to say something.
  ///   - bitsPerByte: what a byte costs without matches, in sixteenths of a bit.
  mutating func find(in bytes: UnsafePointer<UInt8>, range: Range<Int>, seed: Int, bitsPerByte: Int) {
    precondition(seed >= 8 && seed <= 16 && range.count <= segmentBytes)
    count = 0
    let table = places.start
    let second = seed - 8
    let last = range.upperBound - 16
    var place = range.lowerBound
    var literals = place
    var distance = 0
    var goesOn = false
    while place <= last {
      let first = word(bytes + place)
      let slot = slot(first, word(bytes + place + second))
      let before = goesOn ? place &- distance : Int(table[slot]) &- 1
      table[slot] = UInt32(truncatingIfNeeded: place &+ 1)
      if before >= 0, place &- before <= PatternFinder.window, word(bytes + before) == first,
        word(bytes + before + second) == word(bytes + place + second)
      {
        let most = min(PatternFinder.longest, range.upperBound &- place)
        let same = common(bytes + before, bytes + place, from: seed, most: most)
        distance = place &- before
        // A match costs its distance, its length, and some.
        let cost = (Int.bitWidth &- distance.leadingZeroBitCount &+ 3) &* 16
        if same &* bitsPerByte > cost {
          add(literals: place &- literals, length: same, distance: distance)
          let inserted = min(place &+ min(same, 32), last &+ 1)
          var next = place &+ 1
          while next < inserted {
            table[self.slot(word(bytes + next), word(bytes + next + second))] =
              UInt32(truncatingIfNeeded: next &+ 1)
            next &+= 1
          }
          place &+= same
          literals = place
          // The longest match may go on: then at the same distance.
          goesOn = same == PatternFinder.longest
          continue
        }
      }
      goesOn = false
      place &+= 1 &+ (place &- literals) &>> 9
    }
  }

  @inline(__always)
  private mutating func add(literals: Int, length: Int, distance: Int) {
    found.start[count] = Match(
      literals: UInt32(truncatingIfNeeded: literals), length: UInt16(truncatingIfNeeded: length),
      distance: UInt16(truncatingIfNeeded: distance))
    count &+= 1
  }

  @inline(__always)
  private func word(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
    UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
  }

  @inline(__always)
  private func slot(_ first: UInt64, _ second: UInt64) -> Int {
    let mixed = (first &* 0x9E37_79B9_7F4A_7C15) ^ (second &* 0xC2B2_AE3D_27D4_EB4F)
    return Int(truncatingIfNeeded: mixed &>> UInt64(64 - PatternFinder.tableBits))
  }

  /// How many bytes are the same, at most `most`; `from` of them are known to be.
  @inline(__always)
  private func common(
    _ one: UnsafePointer<UInt8>, _ other: UnsafePointer<UInt8>, from known: Int, most: Int
  ) -> Int {
    var same = min(known, most)
    while same &+ 8 <= most {
      let difference = word(one + same) ^ word(other + same)
      if difference != 0 { return same &+ difference.trailingZeroBitCount &>> 3 }
      same &+= 8
    }
    while same < most, one[same] == other[same] { same &+= 1 }
    return same
  }
}
