import Refx
import RefxIO
import RefxStore

/// One array as a `.npy` file, version 1.0.
struct NumPyFile {
  private let leaf: Leaf
  private let path: Path

  init(_ leaf: Leaf, at path: Path) {
    self.leaf = leaf
    self.path = path
  }

  func write(to file: String, force: Bool, progress: ProgressHandler?) throws {
    let header = try self.header()
    try AtomicFile.replace(file, overwrite: force) { target in
      try header.withUnsafeBytes { try target.append($0) }
      var done = 0
      try leaf.forEachPiece { piece in
        try target.append(piece)
        done += piece.count
        progress?(done, leaf.byteCount)
      }
    }
  }

  /// Magic, version, and a Python dictionary padded with spaces so that the data begins at a multiple of 64.
  private func header() throws -> [UInt8] {
    guard let type = NumPyFile.typeName(leaf.dtype) else {
      throw RefxError.textNeedsTerminal(path, dtype: leaf.dtype.name)
    }
    let shape = leaf.shape.map { "\($0)" }.joined(separator: ", ") + (leaf.shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
    let start = 10
    let padding = (64 - (start + text.count + 1) % 64) % 64
    text += [UInt8](repeating: 0x20, count: padding) + [0x0A]
    guard let length = UInt16(exactly: text.count) else {
      throw RefxError.textNeedsTerminal(path, dtype: "so many axes")
    }
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + text
  }

  static func typeName(_ dtype: DType) -> String? {
    switch dtype {
    case .bool: "|b1"
    case .int8: "|i1"
    case .uint8: "|u1"
    case .int16: "<i2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint16: "<u2"
    case .uint32: "<u4"
    case .uint64: "<u8"
    case .float16: "<f2"
    case .float32: "<f4"
    case .float64: "<f8"
    case .complex64: "<c8"
    case .complex128: "<c16"
    case .bfloat16: "<V2"
    case .float8E4M3FN, .float8E5M2: "|V1"
    case .string, .unsupported: nil
    }
  }
}
