import Refx
import Testing

@testable import RefxHDF5
@testable import RefxStore

/// Groups of the old style have no checksum: whatever they say, reading ends soon, and what is not in order is
/// left to libhdf5.
@Suite struct HDF5OldGroupTests {
  private func entries(_ count: Int) -> [OldGroupImage.Entry] {
    (0..<count).map { number in
      let name = "name " + String(1_000_000 + number)
      return number % 5 == 3 ? .soft(name, "/some/where \(number)") : .hard(name, 5_000_000 + number)
    }
  }

  private func root(of image: OldGroupImage) -> [String]? {
    let view = MetadataView(image.bytes)
    #expect(view.front == "known")
    view.expectEnd(image.bytes.count, "as it is")
    return view.groups[96] ?? nil
  }

  private func text(_ entries: [OldGroupImage.Entry]) -> [String] {
    entries.map { entry in
      switch entry {
      case .hard(let name, let address):
        StoredLink(name: LinkText(name), target: .hard(UInt(address))).text
      case .soft(let name, let path): StoredLink(name: LinkText(name), target: .soft(path)).text
      }
    }
  }

  @Test(arguments: [0, 1, 7, 8, 9, 64, 65, 700], [2, 8])
  func everyLinkIsFound(_ count: Int, width: Int) {
    let entries = entries(count)
    #expect(root(of: OldGroupImage(entries, width: width)) == text(entries))
  }

  // In a node of the tree: 24 bytes of head; then key, child, key, …
  @Test func aNodeThatIsItsOwnChildIsLeftToLibhdf5() {
    for levels in [0, 1, 2] {
      var image = OldGroupImage(entries(256), width: 4)
      let node = image.tree[[0, 16, 20][levels]]
      if levels == 0 { image.put(1 as UInt8, at: node + 5) }
      image.put(UInt64(node), at: node + 32)
      #expect(root(of: image) == nil)
    }
  }

  @Test func aNodeThatIsMetTwiceIsLeftToLibhdf5() {
    var leaves = OldGroupImage(entries(256), width: 4)
    leaves.put(UInt64(leaves.nodes[0]), at: leaves.tree[0] + 48)
    #expect(root(of: leaves) == nil)
    var inner = OldGroupImage(entries(256), width: 4)
    inner.put(UInt64(inner.tree[0]), at: inner.tree[16] + 48)
    #expect(root(of: inner) == nil)
  }

  @Test func namesOutOfOrderAreLeftToLibhdf5() {
    let entries = entries(12)
    for (one, other) in [(0, 1), (3, 4), (4, 8), (10, 11)] {
      var turned = entries
      turned.swapAt(one, other)
      #expect(root(of: OldGroupImage(turned, width: 4)) == nil)
    }
    #expect(root(of: OldGroupImage(Array(entries[..<5]) + Array(entries[4...]), width: 4)) == nil)
  }

  /// A small file whose names are all parts of one long text would fill the memory.
  @Test func namesThatShareTheirBytesAreLeftToLibhdf5() {
    let long = String(repeating: "a", count: 3000)
    let sound = (0..<500).map { OldGroupImage.Entry.hard("b" + String(1000 + $0), 1) }
    var image = OldGroupImage([.hard(long, 1)] + sound, width: 8)
    // The names of the first node are the ends of the long one.
    for number in 0..<8 {
      image.put(UInt64(8 + 2000 - number), at: image.nodes[0] + 8 + number * 40)
    }
    #expect(root(of: image) == nil)
  }

  @Test func namesOutsideTheHeapAreLeftToLibhdf5() {
    let entries = entries(12)
    let sound = OldGroupImage(entries, width: 4)
    let heapBytes = sound.bytes.count - sound.heapData
    for place in [heapBytes, heapBytes + 1, 0, -1, Int.max, Int.min, 7] {
      var image = sound
      image.put(UInt64(bitPattern: Int64(place)), at: image.nodes[1] + 8)
      #expect(root(of: image) == nil, "a name at \(place)")
    }
    // The last text has no end.
    var open = sound
    for place in (open.bytes.count - 8)..<open.bytes.count { open.put(0x78 as UInt8, at: place) }
    #expect(root(of: open) == nil)
  }

  @Test func moreLinksThanAllowedAreLeftToLibhdf5() throws {
    let image = OldGroupImage(entries(100), width: 8)
    let file = MetadataFile(
      InputFile(MemoryBytes(sharing: image.bytes), name: "m"), userBlock: 0, addressSize: 8, lengthSize: 8)
    #expect(ObjectHeader(at: 96, in: file, mostLinks: 100)?.links?.count == 100)
    #expect(ObjectHeader(at: 96, in: file, mostLinks: 99) == nil)
  }

  /// Any byte but those of the names' own text, and everything that is not asked for.
  @Test func everyFlipIsAnAnswerInTime() {
    let image = OldGroupImage(entries(20), width: 3)
    let sound = MetadataView(image.bytes)
    var differing = 0
    for place in image.bytes.indices {
      for bit in 0..<8 {
        var bytes = image.bytes
        bytes[place] ^= 1 << bit
        let view = MetadataView(bytes)
        view.expectEnd(bytes.count, "bit \(bit) of byte \(place)")
        if view.groups != sound.groups { differing += 1 }
      }
    }
    #expect(differing > 0)
  }

  @Test func extremeNumbersAnywhereAreAnAnswerInTime() {
    let image = OldGroupImage(entries(12), width: 3)
    for place in 0..<(image.bytes.count - 8) {
      for extreme in MetadataView.extremes {
        var image = image
        switch place % 4 {
        case 0: image.put(extreme, at: place)
        case 1: image.put(UInt8(truncatingIfNeeded: extreme), at: place)
        case 2: image.put(UInt16(truncatingIfNeeded: extreme), at: place)
        default: image.put(UInt32(truncatingIfNeeded: extreme), at: place)
        }
        let view = MetadataView(image.bytes)
        view.expectEnd(image.bytes.count, "\(extreme) at byte \(place)")
      }
    }
  }
}
