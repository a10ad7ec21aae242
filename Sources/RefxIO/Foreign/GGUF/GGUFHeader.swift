import Refx
import RefxStore

/// What stands before the data of a GGUF file: values under keys, and a row of tensors. All of it is checked before
/// a payload byte is touched.
struct GGUFHeader {
  struct Tensor {
    let name: Key
    let type: GGUFType
    /// The extents of the elements, outermost first. The file has them the other way about.
    let shape: [Int]
    /// Where the bytes begin, counted from the beginning of the data.
    let start: Int
    /// How many they are; nil where the type is unknown.
    let byteCount: Int?
    /// Where the header speaks of it.
    let place: Int
  }

  static let magic: [UInt8] = Array("GGUF".utf8)
  private static let mostDimensions = 4
  private static let alignmentName: Key = "general.alignment"

  let version: UInt32
  let isBigEndian: Bool
  private(set) var metadata: [JSONObject.Member] = []
  private(set) var tensors: [Tensor] = []
  /// What the beginning of each tensor's data is a multiple of.
  private(set) var alignment = 32
  /// Where in the file the data begins.
  private(set) var dataStart = 0
  /// Bytes of the data that belong to no tensor and do not align the next one.
  private(set) var unclaimedByteCount = 0

  /// - Throws: ``RefxError`` where the header is malformed, or a tensor's data is not all there.
  init(of file: InputFile, _ budget: Budget) throws {
    try GGUFHeader.checkMagic(of: file)
    var start = ForwardReader(file, at: 4)
    let number: UInt32 = try start.number()
    // No version needs more than two bytes; swapped, those are the upper ones.
    isBigEndian = number & 0xFFFF == 0 && number != 0
    version = isBigEndian ? number.byteSwapped : number
    guard (1...3).contains(version) else { throw RefxError.ggufVersion(version) }

    var reader = ForwardReader(file, at: 8, isBigEndian: isBigEndian)
    let values = GGUFValues(version: version, budget)
    // A name's length, the number of dimensions, a type and a place; a name's length, a type and a byte.
    let tensorCount = try values.count(&reader, of: "tensors") { $0 / 20 }
    try budget.check(nodes: tensorCount, at: reader.place)
    let valueCount = try values.count(&reader, of: "values") { $0 / 9 }
    try budget.charge(
      metadataBytes: valueCount.multipliedReportingOverflow(by: 32).overflow ? .max : valueCount * 32)
    try readValues(valueCount, &reader, values)
    try readTensors(tensorCount, &reader, values, budget)
    let (end, overflow) = reader.place.addingReportingOverflow(alignment - 1)
    guard !overflow else { throw RefxError.ggufDamaged("a smaller alignment", found: "\(alignment)", at: 0) }
    dataStart = end & ~(alignment - 1)
    try checkPlaces(fileByteCount: file.byteCount)
  }

  private static func checkMagic(of file: InputFile) throws {
    let start = try file.bytes(at: 0, count: min(4, file.byteCount))
    if start == magic { return }
    // The formats before it, whose signatures are numbers and so stand backwards.
    let older = ["lmgg": "GGML", "fmgg": "GGMF", "tjgg": "GGJT", "algg": "GGLA"]
    if let name = older[String(decoding: start, as: UTF8.self)] { throw RefxError.ggufOlder(name) }
    guard file.byteCount >= 4 else {
      throw RefxError.cut(file: file.name, offset: 0, wanted: 4, size: file.byteCount)
    }
    throw RefxError.notGGUF(found: start)
  }

  // MARK: Values

  private mutating func readValues(
    _ count: Int, _ reader: inout ForwardReader, _ values: GGUFValues
  ) throws {
    var names: Set<Key> = []
    for _ in 0..<count {
      let place = reader.place
      let name = try values.name(&reader, of: "value")
      guard names.insert(name).inserted else {
        throw RefxError.ggufDamaged("values of different names", found: "two of \"\(name)\"", at: place)
      }
      let (kind, json) = try values.value(&reader)
      metadata.append(.init(name, json))
      guard name == GGUFHeader.alignmentName else { continue }
      guard kind == .uint32, case .object(let object) = json, case .integer(let number)? = object["value"],
        number > 0, number & (number - 1) == 0
      else {
        throw RefxError.ggufDamaged(
          "a power of two, as uint32, under \"\(name)\"",
          found: String(decoding: json.bytes(), as: UTF8.self),
          at: place)
      }
      alignment = Int(number)
    }
  }

  /// The integer under a key, whatever its width; nil where there is none.
  func integer(_ name: Key) -> Int64? {
    guard case .object(let object)? = metadata.first(where: { $0.name == name })?.value,
      case .integer(let number)? = object["value"]
    else { return nil }
    return number
  }

  // MARK: Tensors

  private mutating func readTensors(
    _ count: Int, _ reader: inout ForwardReader, _ values: GGUFValues, _ budget: Budget
  ) throws {
    try budget.charge(nodes: 1, depth: 0)
    try budget.charge(nodes: count, depth: 1, at: reader.place)
    tensors.reserveCapacity(count)
    var names: Set<Key> = []
    for _ in 0..<count {
      let place = reader.place
      let name = try values.name(&reader, of: "tensor")
      guard names.insert(name).inserted else {
        throw RefxError.ggufDamaged("tensors of different names", found: "two of this name", at: place)
          .atPath([name])
      }
      do {
        tensors.append(try tensor(name, &reader, values, budget, at: place))
      } catch let error as RefxError {
        throw error.atPath([name])
      }
    }
  }

  private func tensor(
    _ name: Key, _ reader: inout ForwardReader, _ values: GGUFValues, _ budget: Budget, at place: Int
  ) throws -> Tensor {
    let rank: UInt32 = try reader.number()
    guard rank <= GGUFHeader.mostDimensions else {
      throw RefxError.ggufDamaged(
        "at most \(GGUFHeader.mostDimensions) dimensions", found: "\(rank)", at: place)
    }
    try budget.check(rank: Int(rank), at: place)
    var extents: [Int] = []
    for _ in 0..<rank {
      extents.append(try values.count(&reader, of: "elements along an axis") { _ in .max })
    }
    let type = GGUFType(id: try reader.number())
    let offset: UInt64 = try reader.number()
    let shape = Array(extents.reversed())
    guard let elements = DType.elementCount(of: shape), let start = Int(exactly: offset) else {
      throw RefxError.ggufDamaged("a tensor that a file can hold", found: "the shape \(shape)", at: place)
    }
    guard start.isMultiple(of: alignment) else {
      throw RefxError.ggufDamaged("data at a multiple of \(alignment)", found: "\(start)", at: place)
    }
    var byteCount: Int?
    if type.isKnown {
      let width = extents.first ?? 1
      guard width.isMultiple(of: type.blockElements) else {
        throw RefxError.ggufDamaged(
          "rows of a multiple of \(type.blockElements) elements for \(type.name)", found: "\(width)",
          at: place)
      }
      let (bytes, overflow) = (type.rowBytes(of: width) ?? .max)
        .multipliedReportingOverflow(by: elements == 0 ? 0 : elements / width)
      guard !overflow, bytes < .max else {
        throw RefxError.ggufDamaged("a tensor that a file can hold", found: "the shape \(shape)", at: place)
      }
      byteCount = bytes
      try budget.charge(bytes: bytes, at: place)
    }
    return Tensor(name: name, type: type, shape: shape, start: start, byteCount: byteCount, place: place)
  }

  // MARK: Data

  /// Checks that the tensors lie within the file and in bytes of their own. Of one whose size is not known, that its
  /// first byte does.
  private mutating func checkPlaces(fileByteCount: Int) throws {
    let available = max(0, fileByteCount - dataStart)
    var end = 0
    var last: Tensor?
    for tensor in tensors.filter({ $0.byteCount != 0 && DType.elementCount(of: $0.shape) != 0 })
      .sorted(by: { ($0.start, $0.place) < ($1.start, $1.place) })
    {
      if let last, tensor.start < end {
        throw RefxError.ggufOverlap(tensor.name, last.name, at: tensor.place)
      }
      let byteCount = tensor.byteCount ?? 1
      guard tensor.start <= available, byteCount <= available - tensor.start else {
        throw RefxError.ggufDataCut(
          byteCount, at: dataStart.addingSaturated(tensor.start), size: fileByteCount
        ).atPath([tensor.name])
      }
      addUnclaimed(from: end, to: tensor.start, after: last)
      end = tensor.start + byteCount
      last = tensor
    }
    addUnclaimed(from: end, to: available, after: last)
  }

  private mutating func addUnclaimed(from end: Int, to start: Int, after tensor: Tensor?) {
    // How far a tensor of unknown size goes, nobody knows.
    if let tensor, tensor.byteCount == nil { return }
    let aligned = (end + alignment - 1) & ~(alignment - 1)
    if start > aligned { unclaimedByteCount += start - aligned }
  }
}
