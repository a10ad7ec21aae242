import Refx
import RefxStore

/// One array of NumPy (`.npy`): a tree that is a leaf.
public enum NumPyStore: CheckpointStore {
  public static let format = FormatDescription(name: "npy", suffixes: [".npy"], holdsNamesAlone: true)

  public static func recognises(_ file: InputFile) -> Bool {
    (try? file.bytes(at: 0, count: NumPyHeader.magic.count)) == NumPyHeader.magic
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    let budget = Budget(options.limits)
    do {
      try budget.charge(nodes: 1, depth: 0)
      let contents = CheckpointContents(
        tree: .leaf(try NumPyArray.leaf(in: file, TransposedWindows(), budget)))
      return OpenedCheckpoint(
        contents: contents, format: format.name, version: nil,
        // There are no checksums: what can be found is what cannot be read, and a bool that is none.
        verifyLeaves: { try contents.tree.verify(threads: options.threads, of: $0, $1, $2) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }
}

/// An array as a leaf.
enum NumPyArray {
  /// - Parameters:
  ///   - type: what a description of the file says that the array is, where NumPy cannot say it.
  ///   - windows: those of all arrays of a file.
  static func leaf(
    in region: some FileRegion, as type: FlatType? = nil, _ windows: TransposedWindows, _ budget: Budget
  ) throws -> Leaf {
    let header = try NumPyHeader(of: region, budget)
    try budget.charge(bytes: region.byteCount - header.dataStart)
    switch type {
    case .numbers(let dtype)?:
      guard case .raw(_, let size) = header.type, size == dtype.itemSize else {
        throw RefxError.descriptionDoesNotFit("an array said to be \(dtype.name) has another type")
      }
      return try numbers(header, dtype, isBigEndian: false, in: region, windows)
    case .texts(let shape)?:
      return try NumPyText(header: header, region: region).leaf(ofBytesWithShape: shape, budget)
    case nil: break
    }
    switch header.type {
    case .number(let dtype, let isBigEndian):
      return try numbers(header, dtype, isBigEndian: isBigEndian, in: region, windows)
    case .bytes, .characters:
      return try NumPyText(header: header, region: region).leaf(budget)
    case .raw(let name, _):
      return .unsupported(name, "its elements are bytes without a meaning", shape: header.shape)
    case .object:
      return .unsupported(
        "object", "its elements are Python's own objects, which are never brought back", shape: header.shape)
    case .other(let reason, _): return .unsupported(reason, shape: header.shape)
    }
  }

  /// An array whose first index varies fastest in the file is the transpose of one whose last does.
  private static func numbers(
    _ header: NumPyHeader, _ dtype: DType, isBigEndian: Bool, in region: some FileRegion,
    _ windows: TransposedWindows
  ) throws -> Leaf {
    let source = NumPySource(header, dtype: dtype, isBigEndian: isBigEndian, in: region)
    guard header.isFortranOrder else { return Leaf(dtype: dtype, shape: header.shape, source: source) }
    return try Leaf(dtype: dtype, shape: header.shape.reversed(), source: source)
      .transposed(nil, windows: windows, at: .root)
  }

  /// The text of an array that is one.
  ///
  /// - Returns: nil where it is anything else.
  static func text(in region: some FileRegion, _ budget: Budget) throws -> String? {
    let header = try NumPyHeader(of: region, budget)
    guard case .characters = header.type, header.shape.isEmpty else { return nil }
    let leaf = try NumPyText(header: header, region: region).leaf(budget)
    guard leaf.dtype == .string, let memory = leaf.source.bytesInMemory else { return nil }
    return memory.withBytes { String(decoding: $0.dropFirst(8), as: UTF8.self) }
  }
}
