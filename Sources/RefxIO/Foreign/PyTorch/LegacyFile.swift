import Refx
import RefxStore

/// The form in which torch saved before version 1.6, and still does when it is asked to: five pickles, one behind the
/// other (a magic number, a version, facts about the machine, the object, the keys of the storages), then each
/// storage: its number of elements in eight bytes, then these. Everything is little-endian, whatever the machine.
struct LegacyFile {
  /// Each way in which a pickle of the magic number begins, which is all of it: as an integer of ten bytes from protocol 2
  /// on, in a frame from 4 on, and in decimals before.
  static let starts: [[UInt8]] =
    (2...5).map { [0x80, $0, 0x8A, 10] + magic + [0x2E] }
    + (4...5).map { [0x80, $0, 0x95, 13, 0, 0, 0, 0, 0, 0, 0, 0x8A, 10] + magic + [0x2E] }
    + [Array("L119547037146038801333356L\n.".utf8)]
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let version: Int64 = 1001

  let objects: TorchObjects
  let root: PickleValue
  private let file: InputFile
  /// Where the bytes of each storage begin, by its number.
  private var starts: [Int: Int] = [:]

  static func recognises(_ file: InputFile) -> Bool {
    guard let bytes = try? file.bytes(at: 0, count: min(file.byteCount, 32)) else { return false }
    return starts.contains { bytes.starts(with: $0) }
  }

  /// - Throws: ``RefxError`` where the file is cut, damaged, or names what is not known.
  init(_ file: InputFile, _ budget: Budget) throws {
    self.file = file
    var position = 0
    func next(hasStorages: Bool = false) throws -> (objects: TorchObjects, root: PickleValue) {
      var machine = PickleMachine(
        PickleInput(file, from: position, budget), TorchObjects(budget, hasStorages: hasStorages))
      let root = try machine.runOrRefuse()
      position = machine.input.position
      return (machine.objects, root)
    }
    let number = try next()
    guard case .large(let blob) = number.root, number.objects.heap.blobs[blob] == LegacyFile.magic else {
      throw RefxError.pickleDamaged("the magic number of torch is another", at: 0)
    }
    guard case .integer(let version) = try next().root, version == LegacyFile.version else {
      throw RefxError.pickleDamaged(
        "the version of torch's protocol is not \(LegacyFile.version)", at: position)
    }
    guard case .dictionary = try next().root else {
      throw RefxError.pickleDamaged(
        "what should say which machine wrote the file is no dictionary", at: position)
    }
    (objects, root) = try next(hasStorages: true)
    let keys = try next()
    guard let row = keys.objects.heap.members(keys.root) else {
      throw RefxError.pickleDamaged("the keys of the storages are no list", at: position)
    }
    try findStorages(row.map { keys.objects.heap.text($0) }, from: position)
  }

  private mutating func findStorages(_ keys: [String?], from position: Int) throws {
    var position = position
    let numbers = Dictionary(uniqueKeysWithValues: objects.storages.enumerated().map { ($1.key, $0) })
    for key in keys {
      guard let key, let number = numbers[Key(key)], starts[number] == nil else {
        throw RefxError.pickleDamaged(
          "the keys of the storages are not those of its tensors, each once", at: position)
      }
      let storage = objects.storages[number]
      guard file.byteCount - position >= 8 else {
        throw RefxError.cut(file: file.name, offset: position, wanted: 8, size: file.byteCount)
      }
      let count = try file.bytes(at: position, count: 8).withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
      }
      guard count == UInt64(storage.byteCount / storage.element.itemSize) else {
        throw RefxError.torchStorageSize(
          key, expected: storage.byteCount, found: Int(clamping: count), unit: "elements", at: position)
      }
      position += 8
      guard storage.byteCount <= file.byteCount - position else {
        throw RefxError.cut(
          file: file.name, offset: position, wanted: storage.byteCount, size: file.byteCount)
      }
      starts[number] = position
      position += storage.byteCount
    }
    guard position == file.byteCount else {
      throw RefxError.torchTrailing(file.byteCount - position, at: position)
    }
  }
}

extension LegacyFile: TorchPayload {
  func place(of storage: TorchStorage, number: Int) throws -> StoragePlace {
    guard let start = starts[number] else { throw RefxError.torchStorageMissing(storage.key.string) }
    return StoragePlace(region: file, start: start, isBigEndian: false)
  }
}
