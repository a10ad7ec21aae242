import Foundation
import Refx
import RefxTestSupport

@testable import RefxHDF5
@testable import RefxStore

/// Files in which h5py wrote groups and types in every way that it knows, and what libhdf5 said of each.
struct MetadataVariants: Decodable {
  let files: [File]

  struct File: Decodable {
    let path: String
    /// Whether our readers have to know it.
    let sound: Bool
    var userBlock: Int?
    var addressSize: Int?
    var lengthSize: Int?
    var root: Int?
    var groups: [Group]?
    var types: [Named]?
    /// Whether it is small enough to be damaged at every byte.
    var small: Bool?
    /// Whether its groups have indexes of several nodes.
    var deep: Bool?
    var chunked: [Chunked]?

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  }

  struct Group: Decodable {
    let address: Int
    /// Ascending by their names.
    let links: [Link]
  }

  /// A dataset in chunks: of each the position in the grid, the offset, the size and the filter mask.
  struct Chunked: Decodable {
    let name: String
    let address: Int
    let chunks: [[Int]]
  }

  struct Named: Decodable {
    let name: String
    let address: Int
  }

  /// Name, kind, address and value, name and value as hexadecimal digits.
  struct Link: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
      var fields = try decoder.unkeyedContainer()
      let name = try fields.decode(String.self)
      let kind = try fields.decode(Int.self)
      let address = try fields.decode(Int.self)
      let value = try fields.decode(String.self)
      text =
        switch kind {
        case 0: "\(name) hard \(address)"
        case 1: "\(name) soft \(value)"
        case 64: "\(name) external"
        default: "\(name) user-defined"
        }
    }
  }

  init(from decoder: any Decoder) throws {
    files = try decoder.singleValueContainer().decode([File].self)
  }

  /// Made once for all tests; the files are gone with the process.
  static func shared() throws -> MetadataVariants { try made.get().variants }

  private static let made = Result { () -> (folder: ScratchFolder, variants: MetadataVariants) in
    let folder = ScratchFolder()
    let (status, output) = try HDF5Python.run([folder.path], script: "make_metadata.py")
    guard status == 0 else { throw Failure(output: output) }
    let index = try Data(contentsOf: URL(fileURLWithPath: folder.file("index.json")))
    return (folder, try JSONDecoder().decode(MetadataVariants.self, from: index))
  }

  struct Failure: Error { let output: String }
}

extension StoredLink {
  /// As ``MetadataVariants/Link`` says it.
  var text: String {
    let name = hexadecimal(name.bytes)
    return switch target {
    case .hard(let address): "\(name) hard \(address)"
    case .soft(let path): "\(name) soft \(hexadecimal(Array(path.utf8)))"
    case .external: "\(name) external"
    case .userDefined: "\(name) user-defined"
    }
  }
}

/// What our own readers find in a file, from the superblock on, with nothing asked of libhdf5.
struct MetadataView: Equatable {
  /// "known", "cut" or "unknown".
  var front = "unknown"
  /// The groups that were reached, by address; nil for what is no group, or is unknown.
  var groups: [Int: [String]?] = [:]
  /// How often bytes were asked for.
  var pieces = 0

  init(_ file: InputFile) {
    switch Superblock.find(in: file) {
    case .unknown: break
    case .cut: front = "cut"
    case .known(let block):
      front = "known"
      let metadata = MetadataFile(
        file, userBlock: block.userBlock, addressSize: block.addressSize, lengthSize: block.lengthSize)
      var waiting = [block.root]
      while let address = waiting.popLast() {
        guard groups[address] == nil else { continue }
        let links = ObjectHeader(at: address, in: metadata)?.links
        groups.updateValue(links.map { $0.map(\.text) }, forKey: address)
        for case .hard(let next)? in (links ?? []).map({ Optional($0.target) }) {
          if let next = Int(exactly: next) { waiting.append(next) }
        }
      }
      pieces = metadata.pieceCount
    }
  }

  init(_ bytes: [UInt8]) {
    self.init(InputFile(MemoryBytes(sharing: bytes), name: "memory.h5"))
  }
}
