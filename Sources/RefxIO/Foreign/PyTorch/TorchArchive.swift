import Refx
import RefxStore

/// The form in which torch saves since version 1.6: a zip archive with one folder, in it the pickle `data.pkl` and
/// the storages, each a member `data/KEY`.
struct TorchArchive {
  private let file: InputFile
  private let archive: ZipArchive
  private let members: [Key: ZipArchive.Member]
  /// The name of the folder, with its stroke.
  private let folder: String
  private let verify: Verification
  /// The version that the archive gives itself.
  let version: Int?
  let isBigEndian: Bool
  /// Whether its members have checksums; torch can be told to leave them out, and writes zeros then.
  let hasChecksums: Bool

  private static let newestVersion = 10
  /// What torch itself puts beside the storages, in one release or another.
  private static let usual = [
    "data.pkl", "version", "byteorder", ".data/serialization_id", ".format_version", ".storage_alignment",
  ]
  /// How many members a warning names.
  private static let mostNamed = 5

  /// - Throws: ``RefxError`` where it is another archive, or damaged.
  init(_ archive: ZipArchive, in file: InputFile, verify: Verification) throws {
    self.file = file
    self.archive = archive
    hasChecksums = archive.members.contains { $0.crc32 != 0 }
    let verify = hasChecksums ? verify : .never
    self.verify = verify
    members = Dictionary(archive.members.map { (Key($0.name), $0) }) { first, _ in first }
    let suffix = "/data.pkl"
    let pickles = archive.members.filter {
      let name = $0.name.utf8
      return name.count > suffix.utf8.count && name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        && !name.dropLast(suffix.utf8.count).contains(UInt8(ascii: "/"))
    }
    guard let pickle = pickles.first else {
      let format = Array("/archive_format".utf8)
      if archive.members.contains(where: { $0.name.utf8.suffix(format.count).elementsEqual(format) }) {
        throw RefxError.torchExport()
      }
      throw RefxError.torchArchiveWithoutPickle()
    }
    guard pickles.count == 1 else { throw RefxError.torchArchiveOfSeveral(pickles.map(\.name)) }
    folder = String(decoding: pickle.name.utf8.dropLast(suffix.utf8.count - 1), as: UTF8.self)
    let prefix = Array((folder + "code/").utf8)
    if members[Key(folder + "constants.pkl")] != nil
      || archive.members.contains(where: { $0.name.utf8.starts(with: prefix) })
    {
      throw RefxError.torchScript()
    }
    let order = try TorchArchive.word("byteorder", in: folder, members, file, verify)
    switch order {
    case nil, "little": isBigEndian = false
    case "big": isBigEndian = true
    case let other?: throw RefxError.torchByteOrder(other)
    }
    version = try TorchArchive.word("version", in: folder, members, file, verify).flatMap { Int($0) }
    if let version, version > TorchArchive.newestVersion { throw RefxError.torchVersion(version) }
  }

  /// The text of a small member without blanks around it; nil where there is none.
  private static func word(
    _ name: String, in folder: String, _ members: [Key: ZipArchive.Member], _ file: InputFile,
    _ verify: Verification
  ) throws -> String? {
    guard let member = members[Key(folder + name)] else { return nil }
    guard member.byteCount <= 64 else { throw RefxError.torchByteOrder("\(member.byteCount) bytes") }
    let bytes = try ZipMemberRegion(member, in: file, verify: verify).bytes(at: 0, count: member.byteCount)
    let blanks: [UInt8] = [0x20, 0x0A, 0x0D, 0x09]
    return String(decoding: bytes.filter { !blanks.contains($0) }, as: UTF8.self)
  }

  /// Names the members that hold something that the tree does not have; nil where there are none.
  func unread(_ objects: TorchObjects) -> String? {
    var known = Set(TorchArchive.usual.map { Key(folder + $0) })
    for storage in objects.storages { known.insert(memberName(of: storage)) }
    let others = archive.members.map(\.name).filter {
      !known.contains(Key($0)) && $0.utf8.last != UInt8(ascii: "/")
    }
    if others.isEmpty { return nil }
    let named = others.prefix(TorchArchive.mostNamed).joined(separator: ", ")
    let more =
      others.count > TorchArchive.mostNamed ? " and \(others.count - TorchArchive.mostNamed) more" : ""
    return
      "these members of the archive are not read, since nothing in its pickle refers to them: \(named)\(more)"
  }

  private func memberName(of storage: TorchStorage) -> Key { Key("\(folder)data/\(storage.key)") }

  /// Reads the pickle.
  ///
  /// - Returns: what it describes, and its root.
  func objects(_ budget: Budget) throws -> (objects: TorchObjects, root: PickleValue) {
    guard let member = members[Key(folder + "data.pkl")] else { throw RefxError.torchArchiveWithoutPickle() }
    // What is packed may be far larger than the file.
    try budget.charge(metadataBytes: member.isDeflated ? member.byteCount : 0)
    let region = ZipMemberRegion(member, in: file, verify: verify)
    let input = PickleInput(region, origin: member.isDeflated ? 0 : member.stored.lowerBound, budget)
    var machine = PickleMachine(input, TorchObjects(budget, hasStorages: true))
    let root = try machine.runOrRefuse()
    guard machine.input.bytesLeft == 0 else {
      throw RefxError.pickleDamaged(
        "\(machine.input.bytesLeft) bytes follow its end", at: machine.input.place)
    }
    return (machine.objects, root)
  }
}

extension TorchArchive: TorchPayload {
  func place(of storage: TorchStorage, number: Int) throws -> StoragePlace {
    let key = memberName(of: storage)
    let name = key.string
    guard let member = members[key] else { throw RefxError.torchStorageMissing(name) }
    guard member.byteCount / storage.element.itemSize == storage.byteCount / storage.element.itemSize else {
      throw RefxError.torchStorageSize(name, expected: storage.byteCount, found: member.byteCount)
    }
    return StoragePlace(
      region: ZipMemberRegion(member, in: file, verify: verify), start: 0, isBigEndian: isBigEndian)
  }
}

extension PickleMachine {
  /// Reads the pickle; where it names classes that are not known these are the error, whatever else is wrong with
  /// it.
  mutating func runOrRefuse() throws -> PickleValue {
    do {
      let root = try run()
      try objects.refuseForeignNames()
      return root
    } catch let error as RefxError {
      if !objects.heap.budget.isExceeded { try objects.refuseForeignNames() }
      throw error
    }
  }
}
