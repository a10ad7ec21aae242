import Refx
import RefxTestSupport

/// The integers of a `.refx` file: of header, directory, trailer, and of each section as its page lays it out.
struct RefxFields {
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
    let now =
      field.isVarint ? field.value : bytes.number(at: field.range.lowerBound, width: field.range.count)
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
