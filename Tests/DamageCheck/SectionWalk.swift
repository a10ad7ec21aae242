/// Finds the integers of a sound section.
struct SectionWalk {
  struct Field {
    let range: Range<Int>
    let isVarint: Bool
    let value: UInt64
  }

  private let bytes: [UInt8]
  private var place = 0
  private(set) var fields: [Field] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { place == bytes.count }

  private mutating func fixed(_ width: Int) -> Int {
    let value = bytes.number(at: place, width: width)
    fields.append(Field(range: place..<(place + width), isVarint: false, value: value))
    place += width
    return Int(truncatingIfNeeded: value)
  }

  private mutating func varint() -> Int {
    let start = place
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while bytes[place] >= 0x80 {
      value |= UInt64(bytes[place] & 0x7F) << shift
      shift += 7
      place += 1
    }
    value |= UInt64(bytes[place]) << shift
    place += 1
    fields.append(Field(range: start..<place, isVarint: true, value: value))
    return Int(value)
  }

  private mutating func text() { place += varint() }

  mutating func names() { for _ in 0..<varint() { text() } }

  mutating func collections() {
    for _ in 0..<varint() {
      if fixed(1) == 0 { _ = fixed(8) } else { text() }
    }
  }

  mutating func node() {
    switch fixed(1) {
    case 4:
      for _ in 0..<varint() {
        _ = varint()
        node()
      }
    case 5, 6: for _ in 0..<varint() { node() }
    case 7: text()
    case 8, 9: _ = fixed(8)
    case 12:
      _ = varint()
      node()
    case 13: _ = varint()
    default: break
    }
  }

  mutating func leaves() {
    for _ in 0..<varint() {
      let dtype = fixed(1)
      _ = fixed(1)
      for _ in 0..<fixed(1) { _ = varint() }
      if dtype == 18 { _ = varint() }
      for width in [4, 8, 8, 8] { _ = fixed(width) }
    }
  }

  mutating func chunks() { while place < bytes.count { _ = fixed(4) } }
}
