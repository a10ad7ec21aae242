import Refx
import RefxStore

/// How the values of a tree are spread over files, and what these are called.
struct SafetensorsShards {
  /// The values of each file, in the order of the tree.
  let parts: [[FlatTree.Entry]]

  /// Takes values one by one, in the order of the tree, so that what belongs together stays together; a file ends
  /// before the value with which it would have more than `limit` bytes of values. None is split, so that a larger
  /// one has a file of its own.
  init(_ entries: [FlatTree.Entry], limit: Int) {
    var parts: [[FlatTree.Entry]] = [[]]
    var size = 0
    for entry in entries {
      let more = size.addingSaturated(entry.leaf.byteCount)
      if more > limit, parts[parts.count - 1].isEmpty == false {
        parts.append([])
        size = 0
      }
      parts[parts.count - 1].append(entry)
      size = size.addingSaturated(entry.leaf.byteCount)
    }
    self.parts = parts
  }
}

/// What the files of a sharded checkpoint are called: `STEM-00001-of-00003.safetensors`, …, and
/// `STEM.safetensors.index.json`.
struct SafetensorsShardNames {
  static let suffix = ".safetensors"
  static let indexSuffix = ".safetensors.index.json"

  /// The folder, with a slash behind it; empty for the current one.
  let folder: String
  private let stem: String

  /// - Parameter path: of the index, or of the one file that would do without shards.
  /// - Throws: ``RefxError`` where it is called otherwise.
  init(of path: String) throws {
    guard
      let suffix = [SafetensorsShardNames.indexSuffix, SafetensorsShardNames.suffix].first(where: {
        hasSuffix(path, $0)
      })
    else { throw RefxError.shardsNeedSuffix(file: path) }
    let start =
      path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) } ?? path.startIndex
    folder = String(path[..<start])
    stem = String(decoding: path[start...].utf8.dropLast(suffix.utf8.count), as: UTF8.self)
  }

  /// Names without the folder.
  var index: String { stem + SafetensorsShardNames.indexSuffix }
  var single: String { stem + SafetensorsShardNames.suffix }

  func shard(_ number: Int, of count: Int) -> String {
    "\(stem)-\(digits(number))-of-\(digits(count))\(SafetensorsShardNames.suffix)"
  }

  private func digits(_ number: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
  }

  /// Whether a file beside the index is a shard of a checkpoint of this name, of whatever count.
  func isShard(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    let head = Array("\(stem)-".utf8)
    let tail = Array(SafetensorsShardNames.suffix.utf8)
    guard bytes.count > head.count + tail.count, bytes.starts(with: head),
      bytes.reversed().starts(with: tail.reversed())
    else { return false }
    let middle = String(decoding: bytes[head.count..<(bytes.count - tail.count)], as: UTF8.self)
    let numbers = middle.split(separator: "-of-", omittingEmptySubsequences: false)
    return numbers.count == 2
      && numbers.allSatisfy { $0.utf8.count >= 5 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
  }
}
