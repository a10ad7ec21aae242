import Refx
import RefxStore

/// Which bytes of a `.refx` file belong to which leaf, found out by reading the tables anew, from the page that
/// specifies them: what the reader says is compared with this.
struct RefxMap {
  /// Where the leaf of each number lies, its padding included; empty for a leaf without elements.
  let extents: [Range<Int>]
  let catalogue: Int

  /// - Parameter leaves: of the sound file, in order.
  init(_ file: [UInt8], leaves: [Leaf]) throws {
    catalogue = Int(file.number(at: file.count - 64, width: 8))
    let sections = RefxMap.sections(of: file)
    guard let chunks = sections["CHNK"] else { throw RefxError(.damaged, "no CHNK") }
    var extents: [Range<Int>] = []
    var entry = chunks.lowerBound
    var end = 64
    for leaf in leaves {
      let start = end
      for position in 0..<ChunkGrid(of: leaf).count {
        if position == 0 {
          end += RefxMap.padding(after: end, of: leaf, stored: file.number(at: entry, width: 4))
        }
        end += Int(file.number(at: entry, width: 4))
        entry += 8
      }
      extents.append(start..<end)
    }
    guard end == catalogue, entry == chunks.upperBound else {
      throw RefxError(.damaged, "the map of the file does not fit it: \(end) and \(catalogue)")
    }
    self.extents = extents
  }

  /// Raw leaves are aligned; a leaf is raw where it is stored in as many bytes as it has.
  private static func padding(after end: Int, of leaf: Leaf, stored: UInt64) -> Int {
    let isRaw =
      leaf.dtype == .string || leaf.byteCount < 4096 || ChunkGrid(of: leaf).range(of: 0).count == stored
    guard isRaw else { return 0 }
    let unit = leaf.byteCount < 65_536 ? 64 : 4096
    return (unit - end % unit) % unit
  }

  /// Where each section lies, by its tag.
  static func sections(of file: [UInt8]) -> [String: Range<Int>] {
    var found: [String: Range<Int>] = [:]
    let directory = Int(file.number(at: file.count - 56, width: 8))
    for entry in stride(from: directory, to: file.count - 64, by: 32) {
      let start = Int(file.number(at: entry + 8, width: 8))
      found[String(decoding: file[entry..<(entry + 4)], as: UTF8.self)] =
        start..<(start + Int(file.number(at: entry + 16, width: 8)))
    }
    return found
  }

  /// The leaves in whose extents bits lie; nil where one lies outside the payload.
  func leaves(of bits: some Sequence<Int>) -> Set<Int>? {
    var hit: Set<Int> = []
    for bit in bits {
      guard let leaf = extents.firstIndex(where: { $0.contains(bit / 8) }) else { return nil }
      hit.insert(leaf)
    }
    return hit
  }
}
