import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Whatever a file says, with every checksum right: an error or a tree, never a trap, never memory out of
/// proportion.
@Suite struct RefxHostileTests {
  private static let extremes: [UInt64] = [
    0, 1, .max, .max - 1, 1 << 31, 1 << 31 - 1, 1 << 32, 1 << 32 - 1, 1 << 63, 1 << 63 - 1, 127, 128, 255,
  ]

  private func replacing(_ bytes: [UInt8], at place: Int, width: Int, with value: UInt64) -> [UInt8]? {
    guard place + width <= bytes.count else { return nil }
    var changed = bytes
    for byte in 0..<width { changed[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte))) }
    return changed == bytes ? nil : changed
  }

  /// The extremes, and the value that stands there plus and minus one.
  private func values(_ bytes: [UInt8], at place: Int, width: Int) -> [UInt64] {
    let now = (0..<width).reduce(0 as UInt64) {
      place + $1 < bytes.count ? $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) : $0
    }
    return RefxHostileTests.extremes + [now &+ 1, now &- 1]
  }

  @Test func everyFieldOfEverySection() throws {
    let file = try RefxDamageTests.smallFile()
    let surgeon = RefxSurgeon(file)
    #expect(surgeon.file() == file)
    var outcomes: [Outcome: Int] = [:]
    for (number, section) in surgeon.sections.enumerated() {
      for place in section.bytes.indices {
        for width in [1, 2, 4, 8] {
          for value in values(section.bytes, at: place, width: width) {
            guard let changed = replacing(section.bytes, at: place, width: width, with: value) else {
              continue
            }
            var copy = surgeon
            copy.sections[number].bytes = changed
            outcomes[try Outcome(copy.file()), default: 0] += 1
          }
        }
      }
    }
    // Some changes make another valid file: a name, a static value, the metadata.
    #expect(outcomes[.refused, default: 0] > 1000)
  }

  /// Numbers of variable length, put in the place of each byte.
  @Test func everyNumberOfVariableLength() throws {
    let surgeon = RefxSurgeon(try RefxDamageTests.smallFile())
    let numbers: [[UInt8]] = [
      [0x80, 0x00], [0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
      [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
      [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40], [UInt8](repeating: 0xFF, count: 20), [],
    ]
    var refused = 0
    for (position, section) in surgeon.sections.enumerated() {
      for place in section.bytes.indices {
        for number in numbers {
          var copy = surgeon
          copy.sections[position].bytes.replaceSubrange(place...place, with: number)
          if try Outcome(copy.file()) == .refused { refused += 1 }
        }
      }
    }
    #expect(refused > 1000)
  }

  @Test func everyFieldOfHeaderDirectoryAndTrailer() throws {
    let surgeon = RefxSurgeon(try RefxDamageTests.smallFile())
    for width in [1, 2, 4, 8] {
      for place in 0..<60 {
        for value in values(surgeon.header, at: place, width: width) {
          guard place + width <= 60,
            let header = replacing(surgeon.header, at: place, width: width, with: value)
          else { continue }
          var copy = surgeon
          copy.header = header
          let outcome = try Outcome(copy.file())
          // Optional features are the one field that may hold anything.
          let isOptional = (0..<60).allSatisfy { (24..<32).contains($0) || header[$0] == surgeon.header[$0] }
          #expect(
            outcome == (isOptional ? .sound : .refused), "header byte \(place), width \(width), \(value)")
        }
      }
      for place in 0..<52 where place + width <= 52 {
        let trailer = Array(surgeon.file().suffix(64))
        for value in values(trailer, at: place, width: width) {
          guard replacing(trailer, at: place, width: width, with: value) != nil else { continue }
          let file = surgeon.file(
            .init(trailer: { $0 = replacing($0, at: place, width: width, with: value) ?? $0 }))
          #expect(try Outcome(file) == .refused, "trailer byte \(place), width \(width), \(value)")
        }
      }
      for place in 0..<(surgeon.sections.count * 32) {
        for value in RefxHostileTests.extremes {
          let file = surgeon.file(
            .init(directory: { $0 = replacing($0, at: place, width: width, with: value) ?? $0 }))
          _ = try Outcome(file)
        }
      }
    }
  }

  @Test func leftOutDoubledAndUnknownSections() throws {
    let surgeon = RefxSurgeon(try RefxDamageTests.smallFile())
    for position in surgeon.sections.indices {
      var copy = surgeon
      let gone = copy.sections.remove(at: position)
      let isOptional = gone.flags == 0
      #expect(
        try Outcome(copy.file()) == (isOptional ? .sound : .refused), "without \(nameOfSection(gone.tag))")
      copy = surgeon
      copy.sections.append(gone)
      #expect(try Outcome(copy.file()) == .refused, "twice \(nameOfSection(gone.tag))")
    }
    var unknown = surgeon
    unknown.sections.insert(.init(tag: 0x5A5A_5A5A, flags: 0, bytes: Array("from the future".utf8)), at: 2)
    #expect(try Outcome(unknown.file()) == .sound)
    unknown.sections[2].flags = 1
    let refusal = Outcome.refusal(of: unknown.file())
    #expect(refusal?.code == .version)
    #expect(refusal?.description.contains("ZZZZ") == true)
  }

  @Test func featuresAndVersionsAreNamed() throws {
    var surgeon = RefxSurgeon(try RefxDamageTests.smallFile())
    surgeon.header[16] = 0b0010_0100
    var refusal = Outcome.refusal(of: surgeon.file())
    #expect(refusal?.code == .version)
    #expect(refusal?.description.contains("feature 2, 5") == true, "\(refusal?.description ?? "")")
    surgeon.header[16] = 0
    surgeon.header[24] = 1
    #expect(try Outcome(surgeon.file()) == .sound)
    surgeon.header[8] = 2
    refusal = Outcome.refusal(of: surgeon.file())
    #expect(refusal?.code == .version)
    #expect(refusal?.description.contains("version 2") == true)
  }

  @Test func deepNestingIsRefusedAndDoesNotOverflowTheStack() throws {
    for kind: [UInt8] in [[5, 1], [12, 0], [4, 1, 0]] {
      var surgeon = RefxSurgeon(try RefxDamageTests.file(["k": .none], .none))
      surgeon[RefxLayout.Section.nodes] =
        [4, 1, 0] + Array(repeatElement(kind, count: 100_000).joined()) + [0]
      #expect(try Outcome(surgeon.file()) == .refused)
      surgeon[RefxLayout.Section.nodes] = [4, 1, 0] + Array(repeatElement(kind, count: 900).joined()) + [0]
      #expect(try Outcome(surgeon.file()) == .sound)
    }
  }

  @Test func aTreeThatIsTooDeepIsNotWritten() throws {
    for levels in [1001, 5000] {
      var tree = Tree<Leaf>.none
      for level in 0..<levels { tree = level % 2 == 0 ? ["k": tree] : [tree] }
      let error = #expect(throws: RefxError.self) { try RefxDamageTests.file(tree, .none) }
      #expect(error?.code == .limit)
      #expect(error?.path?.keys.count == 1001)
    }
    var tree = Tree<Leaf>.none
    for level in 0..<1000 { tree = .value(Value(["k": tree], index: 2000 - level)) }
    #expect(try Outcome(RefxDamageTests.file(tree, .none)) == .sound)
  }

  @Test func nestedAnnouncementsReserveNoMemoryTwice() throws {
    var surgeon = RefxSurgeon(try RefxDamageTests.file([.none], .none))
    // Lists inside lists, each announcing as many members as bytes are left.
    var nodes: [UInt8] = []
    for _ in 0..<900 { nodes += [5, 0x80, 0x80, 0x80, 0x01] }
    nodes += [UInt8](repeating: 0, count: 3 << 20)
    surgeon[RefxLayout.Section.nodes] = nodes
    #expect(try Outcome(surgeon.file()) == .refused)
  }

  @Test func limitsAreKept() throws {
    let file = try RefxDamageTests.smallFile()
    let bytes = MemoryBytes(count: file.count) { buffer in
      file.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    func refusal(_ change: (inout Limits) -> Void) -> RefxError? {
      var limits = Limits()
      change(&limits)
      do {
        _ = try RefxFormat.open(InputFile(bytes, name: "m.refx"), options: OpenOptions(limits: limits))
        return nil
      } catch {
        return error as? RefxError
      }
    }
    #expect(refusal { _ in }?.description == nil)
    #expect(refusal { $0.nodes = 5 }?.code == .limit)
    #expect(refusal { $0.depth = 1 }?.code == .limit)
    #expect(refusal { $0.rank = 1 }?.code == .limit)
    #expect(refusal { $0.metadataBytes = 3 }?.code == .limit)
    #expect(refusal { $0.nameBytes = 0 }?.code == .limit)
  }
}
