import Refx
import RefxStore

/// One array of NumPy (`.npy`): a tree that is a leaf.
public enum NumPyStore: CheckpointStore {
  public static let format = FormatDescription(name: "npy", suffixes: [".npy"], canWrite: false)

  public static func recognises(_ file: InputFile) -> Bool {
    (try? file.bytes(at: 0, count: NumPyHeader.magic.count)) == NumPyHeader.magic
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    let budget = Budget(options.limits)
    do {
      try budget.charge(nodes: 1, depth: 0)
      let contents = CheckpointContents(tree: .leaf(try NumPyArray.leaf(in: file, budget)))
      return OpenedCheckpoint(
        contents: contents, format: format.name, version: nil,
        // There are no checksums: what can be found is what cannot be read, and a bool that is none.
        verify: { try contents.tree.verify(threads: options.threads, $0, $1) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }
}

/// An archive of NumPy's arrays (`.npz`): a dictionary of names, each of which is one key.
public enum NumPyArchiveStore: CheckpointStore {
  public static let format = FormatDescription(name: "npz", suffixes: [".npz"], canWrite: false)

  private static let suffix = ".npy"

  /// Whether it is an archive whose first member has an array's name.
  public static func recognises(_ file: InputFile) -> Bool {
    guard ZipArchive.recognises(file) else { return false }
    guard let head = try? file.bytes(at: 0, count: 30), head[2] == 3 else { return hasSuffix(file.name) }
    let count = Int(head[26]) | Int(head[27]) << 8
    guard let name = try? file.bytes(at: 30, count: count) else { return hasSuffix(file.name) }
    return name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  private static func hasSuffix(_ name: String) -> Bool {
    name.utf8.suffix(4).elementsEqual(".npz".utf8)
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    let budget = Budget(options.limits)
    do {
      let archive = try ZipArchive(of: file, budget)
      try budget.charge(nodes: 1, depth: 0)
      try budget.charge(nodes: archive.members.count, depth: 1)
      var members: [(Key, Tree<Leaf>)] = []
      // A folder's own entry holds nothing.
      for member in archive.members where member.byteCount > 0 || member.name.utf8.last != UInt8(ascii: "/") {
        guard member.name.utf8.count > suffix.utf8.count,
          member.name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        else { throw RefxError.numpyNoArray(member.name) }
        let key = Key(String(decoding: member.name.utf8.dropLast(suffix.utf8.count), as: UTF8.self))
        let region = ZipMemberRegion(member, in: file, verify: options.verify)
        do {
          members.append((key, .leaf(try NumPyArray.leaf(in: region, budget))))
        } catch let error as RefxError {
          throw error.atPath([key])
        }
      }
      let contents = CheckpointContents(tree: .dictionary(members))
      return OpenedCheckpoint(
        contents: contents, format: format.name, version: nil,
        verify: { try contents.tree.verify(threads: options.threads, $0, $1) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }
}

/// An array as a leaf.
enum NumPyArray {
  static func leaf(in region: some FileRegion, _ budget: Budget) throws -> Leaf {
    let header = try NumPyHeader(of: region, budget)
    try budget.charge(bytes: region.byteCount - header.dataStart)
    func listed(_ reason: UnsupportedLeaf) -> Leaf {
      Leaf(dtype: .unsupported, shape: header.shape, source: UnsupportedArray(reason))
    }
    switch header.type {
    case .number(let dtype, let isBigEndian):
      let source = NumPySource(header, dtype: dtype, isBigEndian: isBigEndian, in: region)
      return Leaf(dtype: dtype, shape: header.shape, source: source)
    case .bytes, .characters:
      guard !header.isFortranOrder || header.shape.count < 2 else {
        return listed(
          UnsupportedLeaf(typeName: "string", reason: "its texts are in Fortran order, which is not read"))
      }
      return try NumPyText(header: header, region: region).leaf(budget)
    case .object:
      return listed(
        UnsupportedLeaf(
          typeName: "object", reason: "its elements are Python's own objects, which are never brought back"))
    case .other(let reason, _): return listed(reason)
    }
  }
}
