import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// Arrays of NumPy and archives of them.
@Suite struct NumPyTests {
  @Test func anArrayIsALeaf() throws {
    let bytes = NumPyFiles.bytes([1, -2, 3, 4, 5, 6] as [Int32])
    for version: UInt8 in [1, 2, 3] {
      let tree = try NumPyFiles.open(NumPyFiles.array("'<i4'", "(2, 3)", bytes, version: version))
      guard case .leaf(let leaf) = tree else {
        Issue.record("\(tree)")
        return
      }
      #expect(leaf.dtype == .int32 && leaf.shape == [2, 3])
      #expect(try NumPyFiles.values(tree) == bytes)
    }
    let scalar = try NumPyFiles.open(NumPyFiles.array("'<f8'", "()", NumPyFiles.bytes([UInt64(7)])))
    #expect(try NumPyFiles.values(scalar).count == 8)
    let old = NumPyFiles.array(
      header: "{\"descr\": \"|u1\", \"shape\": (2L,), 'fortran_order': False}", [4, 5])
    #expect(try NumPyFiles.values(NumPyFiles.open(old)) == [4, 5])
  }

  /// Every order of bytes and of indexes, read whole, in odd pieces, and through the grid.
  @Test(arguments: [[2, 3], [3, 1, 4], [5], [1, 6], [2, 3, 4, 2], [0, 3], [], [67, 129]])
  func ordersOfBytesAndIndexesAreUndone(shape: [Int]) throws {
    let count = shape.reduce(1, *)
    let expected = NumPyFiles.bytes((0..<UInt32(count)).map { $0 &* 2_654_435_761 })
    // The element that stands at each place of the file where the first index varies fastest.
    var order = [Int](repeating: 0, count: count)
    for position in 0..<count {
      var rest = position
      var index = [Int](repeating: 0, count: shape.count)
      for axis in shape.indices {
        index[axis] = rest % shape[axis]
        rest /= shape[axis]
      }
      order[position] = zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
    }
    let shapeText = "(" + shape.map { "\($0)," }.joined() + ")"
    for isFortran in [false, true] {
      for isBig in [false, true] {
        var data: [UInt8] = []
        for position in 0..<count {
          let element = isFortran ? order[position] : position
          let bytes = expected[(4 * element)..<(4 * element + 4)]
          data += isBig ? bytes.reversed() : Array(bytes)
        }
        let file = NumPyFiles.array("'\(isBig ? ">" : "<")u4'", shapeText, data, fortran: isFortran)
        for tree in [
          try NumPyFiles.open(file), try NumPyFiles.open(NumPyFiles.archive([("w.npy", file)])).member("w"),
        ] {
          #expect(try NumPyFiles.values(tree) == expected)
          guard case .leaf(let leaf)? = tree, count > 0 else { continue }
          var random = SeededRandom(seed: UInt64(count))
          for _ in 0..<20 {
            let start = random.below(leaf.byteCount)
            var part = [UInt8](repeating: 0, count: random.below(leaf.byteCount - start) + 1)
            try part.withUnsafeMutableBytes { try leaf.source.read(at: start, into: $0) }
            #expect(part[...] == expected[start..<(start + part.count)], "\(start), \(part.count)")
          }
        }
      }
    }
  }

  @Test func textsAreLeavesOfText() throws {
    let characters = NumPyFiles.bytes([0xE4, 0x62, 0, 0x1F600, 0, 0] as [UInt32])
    let tree = try NumPyFiles.open(NumPyFiles.array("'<U3'", "(2,)", characters))
    let bytes = try NumPyFiles.open(
      NumPyFiles.array("'|S3'", "(2,)", Array("äb".utf8.prefix(3)) + [0, 0, 0]))
    guard case .leaf(let leaf) = tree, case .leaf(let other) = bytes else {
      Issue.record("no leaves")
      return
    }
    #expect(leaf.dtype == .string && leaf.shape == [2] && other.dtype == .string)
    let emoji = Array("\u{1F600}".utf8)
    #expect(
      try NumPyFiles.values(tree) == NumPyFiles.bytes([UInt64(3)]) + Array("äb".utf8)
        + NumPyFiles.bytes([UInt64(4)]) + emoji)
    #expect(
      try NumPyFiles.values(bytes) == NumPyFiles.bytes([UInt64(3)]) + Array("äb".utf8)
        + NumPyFiles.bytes([UInt64(0)]))
    let wrong = try NumPyFiles.open(NumPyFiles.array("'<U1'", "(1,)", [0, 0xD8, 0, 0]))
    #expect(try wrong.unsupportedLeaves().count == 1)
  }

  /// The first index fastest in the file, the last one in the leaf; in pieces of the file, with texts of any length.
  @Test(arguments: [[2, 3], [3, 1, 4], [1, 5], [2, 3, 2, 2], [0, 3], [1, 1], [300, 700]])
  func textsInFortranOrderAreTurned(shape: [Int]) throws {
    let count = shape.reduce(1, *)
    let texts = (0..<count).map { String(repeating: "\u{E9}", count: $0 % 3) + ($0 % 5 == 0 ? "" : "\($0)") }
    func file(_ texts: [String], fortran: Bool) -> [UInt8] {
      let characters = texts.flatMap { text in
        text.unicodeScalars.map(\.value) + [UInt32](repeating: 0, count: 8 - text.unicodeScalars.count)
      }
      return NumPyFiles.array(
        "'<U8'", "(" + shape.map { "\($0)," }.joined() + ")", NumPyFiles.bytes(characters), fortran: fortran)
    }
    // Where in C order each place of the file is from.
    let turned = (0..<count).map { position in
      var rest = position
      let index = shape.map { extent in
        defer { rest /= extent }
        return rest % extent
      }
      return texts[zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }]
    }
    let tree = try NumPyFiles.open(file(turned, fortran: true))
    #expect(try firstDifference(tree, NumPyFiles.open(file(texts, fortran: false))) == nil)
    #expect(try tree.unsupportedLeaves().isEmpty)
  }

  @Test func aShapeBeyondAnyFileIsSaid() {
    for shape in ["(4294967296, 4294967296, 4)", "(9223372036854775807,)"] {
      let error = #expect(throws: RefxError.self) {
        try NumPyFiles.open(NumPyFiles.array("'<f4'", shape, []))
      }
      #expect(error?.summary.contains("than any file can have") == true, "\(error?.summary ?? "")")
    }
  }

  @Test func whatIsNoNumberIsListed() throws {
    for (descr, size) in [
      ("'<f16'", 16), ("'<M8[ns]'", 8), ("'<m8[s]'", 8), ("'|V3'", 3),
      ("[('a', '<f4'), ('b', '<i2', (2,))]", 8),
      ("'|O'", 17),
    ] {
      let tree = try NumPyFiles.open(
        NumPyFiles.array(descr, "(1,)", [UInt8](repeating: 0, count: size)))
      #expect(try tree.unsupportedLeaves().count == 1, "\(descr)")
    }
  }

  @Test func anArchiveIsADictionaryOfNames() throws {
    let one = NumPyFiles.array("'|u1'", "(1,)", [1])
    let two = NumPyFiles.array("'|u1'", "(1,)", [2])
    for isLong in [false, true] {
      let file = NumPyFiles.archive([("b.npy", two), ("a.b/c.npy", one)], longEnd: isLong)
      let tree = try NumPyFiles.open(file)
      #expect(try NumPyFiles.values(tree.member("a.b/c")) == [1])
      #expect(try NumPyFiles.values(tree.member("b")) == [2])
    }
    #expect(try firstDifference(NumPyFiles.open(NumPyFiles.archive([])), .dictionary([])) == nil)
  }

  // MARK: Damage

  @Test(arguments: [
    "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
    "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<q4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f4' + '', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}",
    "{'descr': [('a', [('a', [('a', [('a', [('a', [('a', '<f4')])])])])])], 'fortran_order': False, 'shape': (2,)}",
    "__import__('os').system('true')", "", "{", "{}", "((((((((((((((((((((",
  ])
  func aHeaderThatIsNoneIsRefused(header: String) {
    #expect(throws: RefxError.self) {
      try NumPyFiles.open(NumPyFiles.array(header: header, [0, 0, 0, 0]))
    }
  }

  /// Every cut, every flipped bit, bytes behind: refused, or by its checksum, or nothing differs.
  @Test func noDamageToAnArchiveGoesUnnoticed() throws {
    let first = NumPyFiles.array("'<u2'", "(3,)", [1, 2, 3, 4, 5, 6])
    let whole = NumPyFiles.archive([("first.npy", first), ("second.npy", first)])
    func contents(_ bytes: [UInt8]) -> [String: [UInt8]]? {
      guard let tree = try? NumPyFiles.open(bytes), case .dictionary(let branches) = tree else { return nil }
      var found: [String: [UInt8]] = [:]
      for position in branches.members.indices {
        guard let values = try? NumPyFiles.values(branches.members[position]) else { return nil }
        found[branches.keys[position].string] = values
      }
      return found
    }
    let expected = try #require(contents(whole))
    for count in whole.indices { #expect(contents(Array(whole[..<count])) == nil, "cut to \(count)") }
    for behind in [1, 7, 512] {
      #expect(contents(whole + [UInt8](repeating: 0, count: behind)) == nil, "\(behind) behind")
    }
    var noticed = 0
    for bit in 0..<(8 * whole.count) {
      var bytes = whole
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let found = contents(bytes) else {
        noticed += 1
        continue
      }
      // A time, a version, a comment's length that nobody needs: then nothing that is read differs.
      #expect(found == expected, "bit \(bit)")
    }
    #expect(noticed > 7 * whole.count)
  }

  /// Every field of the directory and of the members' headers, set to numbers that lie.
  @Test func fieldsThatLieAreRefused() throws {
    let array = NumPyFiles.array("'<u2'", "(3,)", [1, 2, 3, 4, 5, 6])
    let whole = NumPyFiles.archive([("a.npy", array), ("b.npy", array)], longEnd: true)
    var tried = 0
    for width in [2, 4, 8] {
      for place in 0...(whole.count - width) {
        for lie: UInt64 in [0, 1, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 63, .max, .max - 1] {
          var bytes = whole
          withUnsafeBytes(of: lie.littleEndian) {
            bytes.replaceSubrange(place..<(place + width), with: $0[..<width])
          }
          tried += 1
          guard let tree = try? NumPyFiles.open(bytes) else { continue }
          for name in ["a", "b"] {
            guard let found = try? NumPyFiles.values(tree.member(Key(name))) else { continue }
            #expect(found == [1, 2, 3, 4, 5, 6], "\(lie) at \(place)")
          }
        }
      }
    }
    #expect(tried > 9000)
  }

  @Test func limitsHold() throws {
    let array = NumPyFiles.array("'<u2'", "(1, 1, 3)", [1, 2, 3, 4, 5, 6])
    let file = NumPyFiles.archive([("a.npy", array), ("bb.npy", array)])
    func opens(_ change: (inout Limits) -> Void) -> Bool {
      var limits = Limits()
      change(&limits)
      return (try? NumPyFiles.open(file, options: OpenOptions(limits: limits))) != nil
    }
    #expect(opens { $0.rank = 3 } && !opens { $0.rank = 2 })
    #expect(opens { $0.nodes = 3 } && !opens { $0.nodes = 2 })
    #expect(opens { $0.bytes = 12 } && !opens { $0.bytes = 11 })
    // Of a member's name the suffix is the format's own.
    #expect(opens { $0.nameBytes = 2 } && !opens { $0.nameBytes = 1 })
    #expect(!opens { $0.metadataBytes = 50 } && !opens { $0.depth = 0 })
  }
}
