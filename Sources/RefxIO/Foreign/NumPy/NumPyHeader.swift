import Refx
import RefxStore

/// What stands before the elements of an array, as NumPy's format of versions 1 to 3 has it: a magic number, a
/// length, and a Python dictionary of three entries.
struct NumPyHeader {
  let type: NumPyType
  let isFortranOrder: Bool
  let shape: [Int]
  /// Where the elements begin.
  let dataStart: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// Far more than any array's, and than what NumPy itself takes without being asked twice.
  private static let mostBytes = 1 << 16

  /// - Throws: ``RefxError`` where the header is malformed, or the elements are not all there.
  init(of region: some FileRegion, _ budget: Budget) throws {
    guard region.byteCount >= 10 else {
      throw RefxError.numpyDamaged("a header", found: "\(region.byteCount) bytes")
    }
    let start = try region.bytes(at: 0, count: 10, streamed: true)
    guard start.starts(with: NumPyHeader.magic) else {
      throw RefxError.numpyDamaged("an array of NumPy", found: "another beginning", at: 0)
    }
    let version = start[6]
    guard (1...3).contains(version), start[7] == 0 else {
      throw RefxError.numpyDamaged("version 1.0, 2.0 or 3.0", found: "\(version).\(start[7])", at: 6)
    }
    var prefix = 10
    var count = Int(start[8]) | Int(start[9]) << 8
    if version > 1 {
      guard region.byteCount >= 12 else { throw RefxError.numpyDamaged("a header", found: "its beginning") }
      let more = try region.bytes(at: 10, count: 2, streamed: true)
      count |= Int(more[0]) << 16 | Int(more[1]) << 24
      prefix = 12
    }
    guard count <= NumPyHeader.mostBytes, count <= region.byteCount - prefix else {
      throw RefxError.numpyDamaged(
        "a header of at most \(min(NumPyHeader.mostBytes, region.byteCount - prefix)) bytes",
        found: "\(count)", at: 8)
    }
    try budget.charge(metadataBytes: count)
    let text = try region.bytes(at: prefix, count: count, streamed: true)
    dataStart = prefix + count
    guard case .dictionary(let entries) = try PythonLiteral(text, firstByte: prefix) else {
      throw RefxError.numpyDamaged("a dictionary", at: prefix)
    }
    var type: PythonLiteral?
    var order: PythonLiteral?
    var extents: PythonLiteral?
    for (key, value) in entries {
      switch key {
      case "descr": type = value
      case "fortran_order": order = value
      case "shape": extents = value
      default: throw RefxError.numpyDamaged("descr, fortran_order and shape", found: "\"\(key)\"", at: prefix)
      }
    }
    guard let type, case .boolean(let isFortranOrder)? = order, case .tuple(let axes)? = extents else {
      throw RefxError.numpyDamaged("descr, fortran_order and a tuple as shape", at: prefix)
    }
    try budget.check(rank: axes.count, at: prefix)
    shape = try axes.map { axis in
      guard case .integer(let extent) = axis, extent >= 0 else {
        throw RefxError.numpyDamaged("extents that are whole numbers", at: prefix)
      }
      return extent
    }
    self.isFortranOrder = isFortranOrder
    self.type = try NumPyType(type, at: prefix)
    try checkSize(region.byteCount)
  }

  /// Every byte behind the header is an element's.
  private func checkSize(_ byteCount: Int) throws {
    // What a pickle takes says nobody.
    if case .object = type { return }
    let (expected, overflow) = (DType.elementCount(of: shape) ?? -1)
      .multipliedReportingOverflow(by: type.itemSize)
    guard !overflow, expected >= 0 else { throw RefxError.numpyShapeTooLarge(shape, at: dataStart) }
    guard expected == byteCount - dataStart else {
      throw RefxError.numpyDamaged(
        "\(expected) bytes of elements for the shape \(shape)", found: "\(byteCount - dataStart)",
        at: dataStart)
    }
  }
}
