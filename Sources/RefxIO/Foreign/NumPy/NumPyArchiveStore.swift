import Refx
import RefxStore

/// An archive of NumPy's arrays (`.npz`): a dictionary of names, each of which is one key.
///
/// Files that this library writes carry the whole tree in one more array, `__refx__`, where the names alone would
/// lose some of it (see `FlatMetadata`), and open as the tree they were.
public enum NumPyArchiveStore: CheckpointStore {
  public static let format = FormatDescription(name: "npz", suffixes: [".npz"], holdsNamesAlone: true)

  static let suffix = ".npy"

  /// Whether it is an archive whose first member has an array's name.
  public static func recognises(_ file: InputFile) -> Bool {
    guard ZipArchive.recognises(file) else { return false }
    guard let name = ZipArchive.firstName(of: file) else { return hasSuffix(file.name) }
    return name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  private static func hasSuffix(_ name: String) -> Bool {
    name.utf8.suffix(4).elementsEqual(".npz".utf8)
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    let budget = Budget(options.limits)
    do {
      // The description is no node, and its name and every name's suffix are the format's own.
      let archive = try ZipArchive(
        of: file, budget, extraMembers: 1, extraNameBytes: suffix.utf8.count)
      // A folder's own entry holds nothing.
      let members = try archive.members.filter {
        $0.byteCount > 0 || $0.name.utf8.last != UInt8(ascii: "/")
      }.map { (name: try arrayName(of: $0), region: ZipMemberRegion($0, in: file, verify: options.verify)) }
      let described = members.first { $0.name == NumPyMemberNames.description }
      let metadata = FlatMetadata(
        texts: try described.map { [(FlatMetadata.key, try text(of: $0, budget))] } ?? [])
      let description = try metadata.description(budget)
      let windows = TransposedWindows()
      var leaves: [(name: Key, leaf: Leaf)] = []
      leaves.reserveCapacity(members.count)
      for (name, region) in members where name != NumPyMemberNames.description {
        try budget.charge(nodes: 1)
        do {
          leaves.append(
            (name, try NumPyArray.leaf(in: region, as: description?.types[name], windows, budget)))
        } catch let error as RefxError {
          throw error.atPath([name])
        }
      }
      let contents = try metadata.contents(
        of: leaves, describedBy: description, budget, names: NumPyMemberNames.rules, format: format.name)
      return OpenedCheckpoint(
        contents: contents, format: format.name, version: nil, hasChecksums: true,
        verifyLeaves: { try contents.tree.verify(threads: options.threads, of: $0, $1, $2) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  private static func arrayName(of member: ZipArchive.Member) throws -> Key {
    guard member.name.utf8.count >= suffix.utf8.count,
      member.name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    else { throw RefxError.numpyNoArray(member.name) }
    return Key(String(decoding: member.name.utf8.dropLast(suffix.utf8.count), as: UTF8.self))
  }

  private static func text(of described: (name: Key, region: ZipMemberRegion), _ budget: Budget) throws
    -> String
  {
    guard let text = try NumPyArray.text(in: described.region, budget) else {
      throw RefxError.descriptionDoesNotFit("the array \"\(described.name)\" is not one text")
        .atPath([described.name])
    }
    return text
  }
}
