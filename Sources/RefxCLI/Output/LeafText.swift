import Refx
import RefxIO
import RefxStore

/// One array as text: a line for each row of the last axis, an empty line between the blocks of outer ones. Strings
/// are written as in JSON, so that none looks like another.
struct LeafText {
  private let leaf: Leaf
  private let path: Path

  init(_ leaf: Leaf, at path: Path) {
    self.leaf = leaf
    self.path = path
  }

  /// - Parameter progress: called with the bytes of each piece that was written.
  func write(progress: (Int) -> Void) throws {
    if leaf.dtype == .string { return try writeStrings() }
    guard let size = leaf.dtype.itemSize, let text = LeafText.element(leaf.dtype) else { return }
    // The extents beside an axis of 0 may be of any size.
    if leaf.count == 0 { return }
    let separators = Separators(leaf.shape)
    var position = 0
    // An element never straddles two pieces: each piece is a whole number of them.
    try leaf.forEachPiece { piece in
      var line: [UInt8] = []
      for offset in stride(from: 0, to: piece.count, by: size) {
        line += separators.before(position).utf8
        line += text(piece, offset).utf8
        position += 1
      }
      try StandardOutput.write(line)
      progress(piece.count)
    }
    if position > 0 { try StandardOutput.write("\n") }
  }

  private func writeStrings() throws {
    if leaf.count == 0 { return }
    let separators = Separators(leaf.shape)
    var reader = TextReader(leaf, at: path)
    for position in 0..<leaf.count {
      let string = try reader.string()
      try StandardOutput.write(separators.before(position))
      try StandardOutput.write(JSON.terminalSafe(JSON.string(string).bytes()))
    }
    if leaf.count > 0 { try StandardOutput.write("\n") }
  }

  /// What stands between an element and the one before it.
  private struct Separators {
    private let rowLength: Int
    private let blockLengths: [Int]
    private let isRow: Bool

    init(_ shape: [Int]) {
      rowLength = shape.count > 1 ? shape[shape.count - 1] : 1
      var length = rowLength
      var lengths: [Int] = []
      for extent in shape.dropLast().dropFirst().reversed() {
        length *= extent
        lengths.append(length)
      }
      blockLengths = lengths
      isRow = shape.count > 1
    }

    func before(_ position: Int) -> String {
      if position == 0 { return "" }
      if isRow && !position.isMultiple(of: rowLength) { return " " }
      return String(repeating: "\n", count: 1 + blockLengths.filter { position.isMultiple(of: $0) }.count)
    }
  }

  typealias Element = (UnsafeRawBufferPointer, Int) -> String

  /// How an element of that dtype at an offset is written; nil for text.
  static func element(_ dtype: DType) -> Element? {
    func load<Bits: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ type: Bits.Type)
      -> Bits
    {
      Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self))
    }
    func complex(_ re: String, _ im: String) -> String {
      re + (im.hasPrefix("-") ? "" : "+") + im + "j"
    }
    switch dtype {
    case .bool: return { $0[$1] == 0 ? "false" : "true" }
    case .int8, .int4: return { "\(load($0, $1, Int8.self))" }
    case .int16: return { "\(load($0, $1, Int16.self))" }
    case .int32: return { "\(load($0, $1, Int32.self))" }
    case .int64: return { "\(load($0, $1, Int64.self))" }
    case .uint8, .uint4: return { "\(load($0, $1, UInt8.self))" }
    case .uint16: return { "\(load($0, $1, UInt16.self))" }
    case .uint32: return { "\(load($0, $1, UInt32.self))" }
    case .uint64: return { "\(load($0, $1, UInt64.self))" }
    case .float16: return { "\(Float16(bitPattern: load($0, $1, UInt16.self)))" }
    case .bfloat16: return { "\(BFloat16(bits: load($0, $1, UInt16.self)).float)" }
    case .float32: return { "\(Float(bitPattern: load($0, $1, UInt32.self)))" }
    case .float64: return { "\(Double(bitPattern: load($0, $1, UInt64.self)))" }
    case .float8E4M3FN: return { "\(Float8E4M3FN(bits: load($0, $1, UInt8.self)).float)" }
    case .float8E5M2: return { "\(Float8E5M2(bits: load($0, $1, UInt8.self)).float)" }
    case .complex64:
      return {
        complex(
          "\(Float(bitPattern: load($0, $1, UInt32.self)))",
          "\(Float(bitPattern: load($0, $1 + 4, UInt32.self)))")
      }
    case .complex128:
      return {
        complex(
          "\(Double(bitPattern: load($0, $1, UInt64.self)))",
          "\(Double(bitPattern: load($0, $1 + 8, UInt64.self)))")
      }
    case .string, .unsupported: return nil
    }
  }
}
