import Refx
import RefxStore

/// The bytes of a pickle, front to back, a window of them at a time. What is taken is charged as metadata.
struct PickleInput {
  private let region: any FileRegion
  private let budget: Budget
  /// Where in the file the region begins, for errors.
  private let origin: Int
  private var window: [UInt8] = []
  private var windowStart: Int
  private var next = 0
  private var charged: Int

  private static let windowBytes = 1 << 16
  /// Far more than any name that stands in a line of its own.
  static let mostOfAName = 1 << 20
  /// Python reads 4300 digits at most; a sign, and what says that they are many.
  static let mostOfANumber = 4302

  /// - Parameters:
  ///   - start: where in the region the pickle begins.
  ///   - origin: where in the file the region begins.
  init(_ region: any FileRegion, from start: Int = 0, origin: Int = 0, _ budget: Budget) {
    self.region = region
    self.budget = budget
    self.origin = origin
    windowStart = start
    charged = start
  }

  /// Where in the region the next byte stands.
  var position: Int { windowStart + next }
  /// Where in the file it stands.
  var place: Int { origin + position }
  var bytesLeft: Int { region.byteCount - position }

  /// Charges what was taken since the last time.
  mutating func charge() throws {
    try budget.charge(metadataBytes: position - charged)
    charged = position
  }

  private mutating func fill() throws {
    let start = position
    try charge()
    let count = min(PickleInput.windowBytes, region.byteCount - start)
    guard count > 0 else { throw RefxError.pickleDamaged("it ends before it is complete", at: place) }
    window = try region.bytes(at: start, count: count)
    windowStart = start
    next = 0
  }

  mutating func byte() throws -> UInt8 {
    if next == window.count { try fill() }
    defer { next += 1 }
    return window[next]
  }

  mutating func bytes(_ count: Int) throws -> [UInt8] {
    if count <= window.count - next {
      defer { next += count }
      return Array(window[next..<(next + count)])
    }
    guard count <= bytesLeft else {
      throw RefxError.pickleDamaged("it ends before it is complete", at: place)
    }
    if count <= PickleInput.windowBytes {
      try fill()
      defer { next += count }
      return Array(window[..<count])
    }
    try charge()
    try budget.charge(metadataBytes: count)
    let taken = try region.bytes(at: position, count: count)
    windowStart = position + count
    window = []
    next = 0
    charged = windowStart
    return taken
  }

  /// An unsigned number of `count` bytes, little-endian.
  mutating func number(_ count: Int) throws -> UInt64 {
    var number: UInt64 = 0
    for position in 0..<count { number |= UInt64(try byte()) << UInt64(8 * position) }
    return number
  }

  /// A length of `count` bytes.
  mutating func length(_ count: Int) throws -> Int {
    let start = place
    guard let length = Int(exactly: try number(count)), length <= bytesLeft else {
      throw RefxError.pickleDamaged("it declares more bytes than there are", at: start)
    }
    return length
  }

  /// What stands before the next line feed, which is skipped.
  ///
  /// - Parameters:
  ///   - what: what the line is, for the error.
  ///   - limit: how many bytes it may have, where the limit of metadata is not enough.
  mutating func line(of what: String, atMost limit: Int = .max) throws -> [UInt8] {
    let start = place
    var line: [UInt8] = []
    while true {
      if next == window.count { try fill() }
      let rest = window[next...]
      let end = rest.firstIndex(of: 0x0A)
      let part = rest[..<(end ?? rest.endIndex)]
      guard part.count <= limit - line.count else {
        throw RefxError.pickleLineTooLong(what, limit: limit, at: start)
      }
      try budget.charge(metadataBytes: part.count)
      line += part
      next += part.count + (end == nil ? 0 : 1)
      if end != nil { return line }
    }
  }

  /// The line of a number.
  mutating func numberLine() throws -> [UInt8] {
    try line(of: "a number", atMost: PickleInput.mostOfANumber)
  }

  /// The line of a module's name, a class's or a function's.
  mutating func nameLine() throws -> [UInt8] { try line(of: "a name", atMost: PickleInput.mostOfAName) }
}
