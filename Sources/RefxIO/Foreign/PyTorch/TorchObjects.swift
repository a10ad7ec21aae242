import Refx
import RefxStore

/// What a pickle of torch's builds beside texts, numbers and containers: tensors, storages, arrays of NumPy. Each is
/// described here by what the pickle says of it; no payload is looked at.
struct TorchObjects {
  var heap: PickleHeap
  /// Whether storages lie beside the pickle, so that it may refer to them.
  let hasStorages: Bool
  private(set) var names: [PythonName] = []
  private var known: [[UInt8]: PickleValue] = [:]
  private(set) var foreignNames: [String] = []
  /// How many classes beyond those were named.
  private(set) var furtherForeignNames = 0
  private(set) var storages: [TorchStorage] = []
  private var storageNumbers: [Key: Int] = [:]
  private(set) var views: [TorchView] = []
  private var viewNumbers: [TorchView: Int] = [:]
  var made: [TorchObject] = []
  /// Tensors that carry attributes of Python's, which are left out.
  var attributed = 0

  init(_ budget: Budget, hasStorages: Bool) {
    heap = PickleHeap(budget)
    self.hasStorages = hasStorages
  }

  private static let mostForeignNames = 50
  private static let mostOfAName = 200
  // What each takes in the tables that it stands in, with what it refers to.
  private static let nameBytes = 192
  private static let objectBytes = 112
  private static let viewBytes = 400
  private static let storageBytes = 208

  // MARK: Names

  /// What a name stands for. One that is not known is remembered, so that all of them can be told at once.
  mutating func named(_ module: [UInt8], _ name: [UInt8], at place: Int) throws -> PickleValue {
    let full = module + [0x0A] + name
    if let value = known[full] { return value }
    try heap.budget.check(nameBytes: full.count, at: place)
    try heap.budget.charge(metadataBytes: TorchObjects.nameBytes + full.count)
    let value: PickleValue
    if let found = PythonName(
      module: String(decoding: module, as: UTF8.self), name: String(decoding: name, as: UTF8.self))
    {
      names.append(found)
      value = .name(names.count - 1)
    } else {
      value = .foreign
      // Which class the machinery of Python is called for is said by its arguments.
      if !TorchObjects.isMachinery(module, name) { note(foreign: module, name) }
    }
    known[full] = value
    return value
  }

  private static func isMachinery(_ module: [UInt8], _ name: [UInt8]) -> Bool {
    (module.elementsEqual("copyreg".utf8) || module.elementsEqual("copy_reg".utf8))
      && name.elementsEqual("_reconstructor".utf8)
  }

  private mutating func note(foreign module: [UInt8], _ name: [UInt8]) {
    guard foreignNames.count < TorchObjects.mostForeignNames else {
      furtherForeignNames += 1
      return
    }
    var text = String(
      decoding: (module + [UInt8(ascii: ".")] + name).prefix(TorchObjects.mostOfAName), as: UTF8.self)
    if module.count + name.count >= TorchObjects.mostOfAName { text += "…" }
    foreignNames.append(text)
  }

  /// - Throws: ``RefxError`` where the pickle names classes that are not known, with all of their names.
  func refuseForeignNames() throws {
    if foreignNames.isEmpty { return }
    throw RefxError.pickleNames(foreignNames, further: furtherForeignNames)
  }

  // MARK: Making things

  mutating func add(_ object: TorchObject) throws -> PickleValue {
    try heap.budget.charge(metadataBytes: TorchObjects.objectBytes)
    made.append(object)
    return .made(made.count - 1)
  }

  func object(_ value: PickleValue) -> TorchObject? {
    if case .made(let number) = value { made[number] } else { nil }
  }

  func name(_ value: PickleValue) -> PythonName? {
    if case .name(let number) = value { names[number] } else { nil }
  }

  /// The number of a view; the same for two that are the same elements in the same order.
  mutating func number(of view: TorchView) throws -> Int {
    if let number = viewNumbers[view] { return number }
    try heap.budget.charge(metadataBytes: TorchObjects.viewBytes + 32 * view.shape.count)
    viewNumbers[view] = views.count
    views.append(view)
    return views.count - 1
  }

  // MARK: Storages

  /// The storage that an identifier stands for: `("storage", class, key, location, count)`, in files of old with a
  /// sixth member, which says where in it a part lies.
  mutating func persistent(_ identifier: PickleValue, at place: Int) throws -> PickleValue {
    func damaged(_ what: String) -> RefxError {
      .pickleDamaged("the identifier of a storage \(what)", at: place)
    }
    guard hasStorages else {
      throw RefxError.pickleUnsupported("an object that stands in another file", at: place)
    }
    guard case .tuple(let row) = identifier, let kind = heap.rows[row].first else {
      throw damaged("is no tuple")
    }
    let parts = heap.rows[row]
    if parts.contains(.foreign) { return .foreign }
    guard heap.text(kind) == "storage", (5...6).contains(parts.count), let key = heap.text(parts[2]),
      case .integer(let count) = parts[4]
    else { throw damaged("has other members than those of a storage") }
    let element: TorchElement
    switch name(parts[1]) {
    case .storage(let found)?: element = found
    case .untypedStorage?: element = .uint8
    default: throw damaged("names no class of storages")
    }
    try heap.budget.check(nameBytes: key.utf8.count, at: place)
    let (byteCount, overflow) = Int(count).multipliedReportingOverflow(by: element.itemSize)
    guard count >= 0, !overflow else { throw damaged("has a size of \(count)") }
    let storage = TorchStorage(
      key: Key(key), element: element, byteCount: byteCount,
      isMeta: heap.text(parts[3]).map { $0.utf8.elementsEqual("meta".utf8) } ?? false)
    let number = try number(of: storage, at: place)
    var part = StoragePart(storage: number, element: element, byteStart: 0, byteCount: byteCount)
    if parts.count == 6, parts[5] != .none {
      guard let view = heap.members(parts[5]), view.count == 3, case .integer(let first) = view[1],
        case .integer(let length) = view[2], first >= 0, length >= 0, first <= count, length <= count - first
      else { throw damaged("describes no part of it") }
      part.byteStart = Int(first) * element.itemSize
      part.byteCount = Int(length) * element.itemSize
    }
    return try add(.storage(part))
  }

  private mutating func number(of storage: TorchStorage, at place: Int) throws -> Int {
    if let number = storageNumbers[storage.key] {
      guard storages[number] == storage else {
        throw RefxError.pickleDamaged("the storage \"\(storage.key)\" is described in two ways", at: place)
      }
      return number
    }
    try heap.budget.charge(metadataBytes: TorchObjects.storageBytes)
    storageNumbers[storage.key] = storages.count
    storages.append(storage)
    return storages.count - 1
  }
}

/// A row of elements that tensors view.
struct TorchStorage: Equatable {
  let key: Key
  let element: TorchElement
  let byteCount: Int
  /// Whether it never had content.
  let isMeta: Bool
}

/// All of a storage, or a part of it.
struct StoragePart {
  let storage: Int
  let element: TorchElement
  var byteStart: Int
  var byteCount: Int
}

/// The elements of a tensor in a storage.
struct TorchView: Hashable {
  let storage: Int
  let element: TorchElement
  /// Where the first element stands.
  let byteStart: Int
  let shape: [Int]
  /// In elements. Zero where an extent is 1, since it then says nothing.
  let strides: [Int]
}

/// What a known class or function gave.
enum TorchObject {
  case storage(StoragePart)
  /// The number of its view.
  case tensor(Int)
  case array(PickledArray)
  /// An array of which the state was not met yet.
  case emptyArray
  case arrayType(PickledArrayType)
  /// What cannot be represented.
  case listed(UnsupportedLeaf, shape: [Int])
  case complex(Double, Double)
  /// What is wrong with a tensor.
  case refused(RefxError)
}
