import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport

/// R5: whatever an integer of a file says, with every checksum right: an error or a tree, no trap, no hang, and no
/// memory beyond 64 MiB and twice the file.
struct Fields {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    for sample in try Samples.files(of: RefxFormat.self, suffix: "refx") {
      try look(at: sample, try RefxFields(sample.bytes).variants, &figures)
    }
    for sample in try Samples.files(of: SafetensorsStore.self, suffix: "safetensors") {
      try look(at: sample, SafetensorsFields.variants(of: sample.bytes), &figures)
    }
    if setting.isLong {
      for sample in try Samples.files(of: HDF5Store.self, suffix: "h5") where sample.bytes.count < 20_000 {
        try look(at: sample, HDF5Fields(sample.bytes).variants, &figures)
      }
    }
    return figures
  }

  /// The numbers that a field of `width` bytes is set to, where `now` stands there.
  static func extremes(width: Int, now: UInt64) -> [UInt64] {
    let most = width == 8 ? UInt64.max : 1 << (8 * UInt64(width)) - 1
    let all: [UInt64] = [
      0, 1, most, most - 1, most >> 1, most >> 1 + 1, 1 << 31, 1 << 31 - 1, 1 << 32, 1 << 63, now &+ 1, now &- 1,
    ]
    var seen: Set<UInt64> = [now]
    return all.filter { $0 <= most && seen.insert($0).inserted }
  }

  private func look(
    at sample: Sample, _ variants: [(what: String, make: @Sendable () -> [UInt8])], _ figures: inout Figures
  ) throws {
    guard !variants.isEmpty else { throw RefxError(.damaged, "no field was found", file: sample.name) }
    guard !sample.isRefused(sample.bytes) else {
      throw RefxError(.damaged, "the sound file is refused", file: sample.name)
    }
    figures.files += 1
    var children = Children(memoryLimit: sample.memoryLimit)
    children.casesInABatch = 500
    let outcome = children.run(variants.count) { number in
      let bytes = variants[number].make()
      do {
        let opened = try sample.opened(bytes)
        try opened.verify(nil) { _ in }
        _ = try Reading(opened)
        return nil
      } catch {
        return error is RefxError ? nil : "\(variants[number].what): an error of another kind: \(error)"
      }
    }
    figures.executions += outcome.executions
    figures.largestMemory = max(figures.largestMemory, outcome.largestMemory)
    figures.violations += outcome.violations.map { "\(sample.name): \($0)" }
    for death in outcome.deaths {
      let command = try CommandCheck(sample, setting)
      let variant = variants[death.case]
      if sample.store.format.name == HDF5Store.format.name, let command,
        command.complaint(about: variant.make()) == nil
      {
        figures.contained += 1
      } else {
        figures.violations.append("\(sample.name): \(variant.what): \(death.words)")
      }
    }
  }
}

/// The integers of a `.refx` file: of header, directory, trailer, and of each section as its page lays it out.
private struct RefxFields {
  typealias Variant = (what: String, make: @Sendable () -> [UInt8])

  private let surgeon: RefxSurgeon
  private(set) var variants: [Variant] = []

  init(_ file: [UInt8]) throws {
    surgeon = RefxSurgeon(file)
    guard surgeon.file() == file else { throw RefxError(.damaged, "the file cannot be put together again") }
    addEnvelope()
    for number in surgeon.sections.indices {
      let tag = surgeon.sections[number].tag
      let name = withUnsafeBytes(of: tag.littleEndian) { String(decoding: $0, as: UTF8.self) }
      var walk = SectionWalk(surgeon.sections[number].bytes)
      switch name {
      case "NAME": walk.names()
      case "COLL": walk.collections()
      case "NODE": walk.node()
      case "LEAF": walk.leaves()
      case "CHNK": walk.chunks()
      default: continue
      }
      guard walk.isAtEnd else { throw RefxError(.damaged, "section \(name) was not walked to its end") }
      for field in walk.fields { add(field, ofSection: number, name) }
    }
  }

  private mutating func addEnvelope() {
    let surgeon = surgeon
    // Offset and width; the features that may be ignored are the header's fifth.
    for (place, width) in [(0, 8), (8, 2), (10, 2), (12, 4), (16, 8), (24, 8), (32, 8)] {
      let now = surgeon.header.number(at: place, width: width)
      for value in Fields.extremes(width: width, now: now) {
        variants.append(
          (
            "header byte \(place) is \(value)",
            {
              var copy = surgeon
              copy.header = copy.header.replacing(at: place, width: width, with: value)
              return copy.file()
            }
          ))
      }
    }
    let file = surgeon.file()
    for (place, width) in [(0, 8), (8, 8), (16, 4), (20, 4), (24, 8), (32, 8)] {
      let now = file.number(at: file.count - 64 + place, width: width)
      for value in Fields.extremes(width: width, now: now) {
        variants.append(
          (
            "trailer byte \(place) is \(value)",
            { surgeon.file(.init(trailer: { $0 = $0.replacing(at: place, width: width, with: value) })) }
          ))
      }
    }
    let directory = Int(file.number(at: file.count - 56, width: 8))
    for entry in surgeon.sections.indices {
      for (field, width) in [(0, 4), (4, 4), (8, 8), (16, 8), (24, 4), (28, 4)] {
        let place = 32 * entry + field
        for value in Fields.extremes(width: width, now: file.number(at: directory + place, width: width)) {
          variants.append(
            (
              "directory byte \(place) is \(value)",
              { surgeon.file(.init(directory: { $0 = $0.replacing(at: place, width: width, with: value) })) }
            ))
        }
      }
    }
  }

  private mutating func add(_ field: SectionWalk.Field, ofSection number: Int, _ name: String) {
    let surgeon = surgeon
    let bytes = surgeon.sections[number].bytes
    let now = field.isVarint ? field.value : bytes.number(at: field.range.lowerBound, width: field.range.count)
    let width = field.isVarint ? 8 : field.range.count
    for value in Fields.extremes(width: width, now: now) {
      let new: [UInt8] =
        field.isVarint
        ? varint(value)
        : (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
      variants.append(
        (
          "\(name) byte \(field.range.lowerBound) is \(value)",
          {
            var copy = surgeon
            copy.sections[number].bytes.replaceSubrange(field.range, with: new)
            return copy.file()
          }
        ))
    }
  }

  private func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}

/// Finds the integers of a sound section.
private struct SectionWalk {
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

/// The integers of a safetensors file: the length before the header, and every number in it, those of the tree's
/// description too.
private enum SafetensorsFields {
  static func variants(of file: [UInt8]) -> [(what: String, make: @Sendable () -> [UInt8])] {
    var variants: [(what: String, make: @Sendable () -> [UInt8])] = []
    let length = file.number(at: 0, width: 8)
    for value in Fields.extremes(width: 8, now: length) {
      variants.append(("the length is \(value)", { file.replacing(at: 0, width: 8, with: value) }))
    }
    let header = Array(file[8..<(8 + Int(length))])
    let data = Array(file[(8 + Int(length))...])
    func isDigit(_ place: Int) -> Bool { (0x30...0x39).contains(header[place]) }
    var place = 0
    while place < header.count {
      guard isDigit(place) else {
        place += 1
        continue
      }
      var end = place
      while end < header.count, isDigit(end) { end += 1 }
      let range = place..<end
      let now = UInt64(String(decoding: header[range], as: UTF8.self)) ?? 0
      let numbers =
        Fields.extremes(width: 8, now: now).map { "\($0)" }
        + ["-1", "-9223372036854775808", "18446744073709551616", "1e3", "1.0", "00"]
      for number in numbers {
        variants.append(
          (
            "header byte \(place) is \(number)",
            {
              var changed = header
              changed.replaceSubrange(range, with: number.utf8)
              return withUnsafeBytes(of: UInt64(changed.count).littleEndian, Array.init) + changed + data
            }
          ))
      }
      place = end
    }
    return variants
  }
}

/// The integers of an HDF5 file, at whatever place of its metadata they stand: those that a checksum covers get a
/// new one.
private struct HDF5Fields {
  private(set) var variants: [(what: String, make: @Sendable () -> [UInt8])] = []

  init(_ file: [UInt8]) {
    let structures = HDF5Fields.structures(in: file)
    for structure in structures {
      for place in structure {
        for width in [1, 2, 4, 8] where place + width <= structure.upperBound {
          for value in Fields.extremes(width: width, now: file.number(at: place, width: width)) {
            variants.append(
              (
                "byte \(place) of width \(width) is \(value)",
                {
                  var copy = file.replacing(at: place, width: width, with: value)
                  let sum = lookup3(copy[structure])
                  copy = copy.replacing(at: structure.upperBound, width: 4, with: UInt64(sum))
                  return copy
                }
              ))
          }
        }
      }
    }
  }

  /// What lies before each checksum, found by looking for where one fits.
  private static func structures(in file: [UInt8]) -> [Range<Int>] {
    let signatures = ["\u{89}HDF", "OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTLF", "BTIN"]
    var found: [Range<Int>] = []
    for start in file.indices {
      let head = file[start...].prefix(4)
      guard
        signatures.contains(where: { name in
          head.elementsEqual(name.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        })
      else { continue }
      let most = min(file.count - 4, start + 4096)
      guard start + 8 < most else { continue }
      for end in (start + 8)..<most where file.number(at: end, width: 4) == UInt64(lookup3(file[start..<end])) {
        found.append(start..<end)
        break
      }
    }
    return found
  }
}

/// The checksum of HDF5's metadata: Jenkins' hash of little-endian words, from 0.
private func lookup3(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  var state = [UInt32](repeating: 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count), count: 3)
  func rotated(_ x: UInt32, _ by: UInt32) -> UInt32 { x << by | x >> (32 - by) }
  if bytes.isEmpty { return state[2] }
  var place = bytes.startIndex
  func word(_ at: Int) -> UInt32 {
    (0..<4).reduce(0 as UInt32) { $0 | (at + $1 < bytes.endIndex ? UInt32(bytes[at + $1]) << (8 * UInt32($1)) : 0) }
  }
  while true {
    for number in 0..<3 { state[number] &+= word(place + 4 * number) }
    if bytes.endIndex - place <= 12 { break }
    // a, b, c in turn: x -= z; x ^= z <<< n; z += y.
    for (step, shift) in [4, 6, 8, 16, 19, 4].enumerated() {
      let (x, y, z) = (step % 3, (step + 1) % 3, (step + 2) % 3)
      state[x] = (state[x] &- state[z]) ^ rotated(state[z], UInt32(shift))
      state[z] &+= state[y]
    }
    place += 12
  }
  for (step, shift) in [14, 11, 25, 16, 4, 14, 24].enumerated() {
    let (x, y) = ((step + 2) % 3, (step + 1) % 3)
    state[x] = (state[x] ^ state[y]) &- rotated(state[y], UInt32(shift))
  }
  return state[2]
}
