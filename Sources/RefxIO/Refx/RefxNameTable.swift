import Refx

/// The names of a tree's dictionaries while a file is written: each once, with its number in the order of
/// bytes, and who uses which.
struct RefxNameTable {
  /// The section, in order.
  private(set) var section = SectionWriter()
  /// The number of the name of each dictionary member, in the order in which nodes are written.
  private(set) var numbers: [UInt32] = []

  /// What each name is called until all are known.
  private var provisional: [Key: UInt32] = [:]
  /// The names one after the other, so that they are put in order without touching a String.
  private var bytes: [UInt8] = []
  private var ends: [Int] = [0]

  mutating func add(_ keys: [Key]) {
    // A large dictionary mostly has names of its own: growing step by step would move them over and over.
    if keys.count > provisional.capacity { provisional.reserveCapacity(provisional.count + keys.count) }
    for key in keys {
      let next = UInt32(truncatingIfNeeded: provisional.count)
      let number = numberOrNew(key, next)
      if number == next {
        bytes.append(contentsOf: key.string.utf8)
        ends.append(bytes.count)
      }
      numbers.append(number)
    }
  }

  /// The number of `key`, which is `new` where it was not met before; one look-up for both.
  private mutating func numberOrNew(_ key: Key, _ new: UInt32) -> UInt32 {
    func value(_ number: inout UInt32) -> UInt32 { number }
    return value(&provisional[key, default: new])
  }

  /// Puts the names in order and gives them their numbers.
  mutating func finish() {
    let count = ends.count - 1
    section.add(varint: count)
    var final = [UInt32](repeating: 0, count: count)
    bytes.withUnsafeBytes { bytes in
      func name(_ number: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[ends[Int(number)]..<ends[Int(number) + 1]])
      }
      // The first eight bytes decide most comparisons.
      var order = (0..<UInt32(truncatingIfNeeded: count)).map {
        (start: leadingBytes(of: name($0)), number: $0)
      }
      order.sort { a, b in
        a.start == b.start ? name(a.number).lexicographicallyPrecedes(name(b.number)) : a.start < b.start
      }
      for (rank, entry) in order.enumerated() {
        final[Int(entry.number)] = UInt32(truncatingIfNeeded: rank)
        let name = name(entry.number)
        section.add(varint: name.count)
        section.add(name)
      }
    }
    for place in numbers.indices { numbers[place] = final[Int(numbers[place])] }
    provisional = [:]
    bytes = []
    ends = []
  }
}

/// The first eight bytes as a number that is ordered as they are; shorter names are filled with zeros, so
/// that equal numbers settle nothing.
private func leadingBytes(of name: UnsafeRawBufferPointer) -> UInt64 {
  if name.count >= 8 { return UInt64(bigEndian: name.loadUnaligned(as: UInt64.self)) }
  return name.reduce(0) { $0 << 8 | UInt64($1) } << (8 * UInt64(8 - name.count))
}
