@testable import RefxHDF5

/// A file of version 0 with one group of the old style, made byte by byte, so that each of them can be wrong.
struct OldGroupImage {
  private(set) var bytes: [UInt8] = []
  /// Where what is in the file.
  private(set) var heap = 0
  private(set) var heapData = 0
  private(set) var nodes: [Int] = []
  /// The nodes of the tree, from the lowest level on, the root last.
  private(set) var tree: [Int] = []

  enum Entry {
    case hard(String, Int)
    case soft(String, String)

    var name: String {
      switch self {
      case .hard(let name, _), .soft(let name, _): name
      }
    }
  }

  /// - Parameters:
  ///   - entries: ascending by their names.
  ///   - width: how many entries a node has, and how many nodes one above them.
  init(_ entries: [Entry], width: Int) {
    var names: [UInt8] = Array(repeating: 0, count: 8)
    func place(_ text: String) -> UInt64 {
      defer {
        names += text.utf8
        names += [UInt8](repeating: 0, count: 8 - text.utf8.count % 8)
      }
      return UInt64(names.count)
    }
    var file = MetadataBuffer()
    let root = 96 as UInt64
    file.add(zeros: 96 + 16 + 24)
    var below: [(address: UInt64, last: UInt64)] = []
    for start in stride(from: 0, to: entries.count, by: width) {
      let part = entries[start..<min(start + width, entries.count)]
      nodes.append(file.bytes.count)
      let address = file.address
      file.add("SNOD")
      file.add(1 as UInt16)
      file.add(UInt16(part.count))
      var last: UInt64 = 0
      for entry in part {
        last = place(entry.name)
        file.add(last)
        switch entry {
        case .hard(_, let address):
          file.add(UInt64(address))
          file.add(zeros: 24)
        case .soft(_, let path):
          file.add(MetadataBuffer.undefined)
          file.add(2 as UInt64)
          file.add(place(path))
          file.add(0 as UInt64)
        }
      }
      below.append((address, last))
    }
    var level: UInt8 = 0
    repeat {
      var above: [(address: UInt64, last: UInt64)] = []
      var first: UInt64 = 0
      for start in stride(from: 0, to: max(below.count, 1), by: width) {
        let part = below[start..<min(start + width, below.count)]
        tree.append(file.bytes.count)
        let address = file.address
        file.add("TREE")
        file.add(0 as UInt8)
        file.add(level)
        file.add(UInt16(part.count))
        file.add(MetadataBuffer.undefined)
        file.add(MetadataBuffer.undefined)
        file.add(first)
        for child in part {
          file.add(child.address)
          file.add(child.last)
          first = child.last
        }
        above.append((address, first))
      }
      below = above
      level += 1
    } while below.count > 1
    heap = file.bytes.count
    heapData = heap + 32
    file.add("HEAP")
    file.add(0 as UInt32)
    file.add(UInt64(names.count))
    file.add(1 as UInt64)
    file.add(UInt64(heapData))
    file.add(names)

    var header = MetadataBuffer()
    header.add(1 as UInt16)
    header.add(1 as UInt16)  // messages
    header.add(1 as UInt32)
    header.add(24 as UInt64)
    header.add(0x11 as UInt16)
    header.add(16 as UInt16)
    header.add(0 as UInt32)
    header.add(UInt64(tree.last ?? 0))
    header.add(UInt64(heap))
    file.replace(at: Int(root), with: header.bytes)
    file.replace(at: 0, with: OldGroupImage.superblock(root: root, end: file.bytes.count))
    bytes = file.bytes
  }

  private static func superblock(root: UInt64, end: Int) -> [UInt8] {
    var block = MetadataBuffer()
    block.add([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A] as [UInt8])
    // Versions; the sizes of addresses and of lengths; how wide trees are.
    block.add([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0] as [UInt8])
    block.add(0 as UInt32)
    block.add(0 as UInt64)
    block.add(MetadataBuffer.undefined)
    block.add(UInt64(end))
    block.add(MetadataBuffer.undefined)
    block.add(0 as UInt64)
    block.add(root)
    block.add(zeros: 24)
    return block.bytes
  }

  mutating func put<Number: FixedWidthInteger>(_ number: Number, at place: Int) {
    bytes.replaceSubrange(
      place..<(place + MemoryLayout<Number>.size), with: withUnsafeBytes(of: number.littleEndian, Array.init))
  }
}
