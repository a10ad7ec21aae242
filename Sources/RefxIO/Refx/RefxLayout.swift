import Refx
import RefxStore

/// The numbers of the `.refx` layout, version 1, as `Documentation/refx-format.md` specifies them.
enum RefxLayout {
  static let version: UInt16 = 1

  static let magic: [UInt8] = [0x89, 0x52, 0x45, 0x46, 0x58, 0x0D, 0x0A, 0x1A]
  static let endMagic: [UInt8] = [0x1A, 0x0A, 0x0D, 0x58, 0x46, 0x45, 0x52, 0x89]

  static let headerBytes = 64
  static let trailerBytes = 64
  static let directoryEntryBytes = 32
  static let chunkEntryBytes = 8

  /// The features this release knows, of those that a reader must know.
  static let knownFeatures: UInt64 = 0

  /// More sections than this are no catalogue.
  static let mostSections = 1024
  /// A longer name of a codec is none.
  static let mostCodecBytes = 255

  /// Where the data of a raw leaf may start.
  static func alignment(ofRawLeaf byteCount: Int) -> Int {
    byteCount == 0 ? 1 : byteCount < 64 << 10 ? 64 : 4096
  }

  /// The most zero bytes before the data of a leaf.
  static let mostPadding = 4095

  /// The zero bytes before the data of a leaf that follows what ends at `end`.
  static func padding(after end: Int, storage: LeafStorage, byteCount: Int) -> Int {
    guard storage == .raw else { return 0 }
    let alignment = alignment(ofRawLeaf: byteCount)
    let over = end % alignment
    return over == 0 ? 0 : alignment - over
  }

  enum Section {
    static let names = tag("NAME")
    static let collections = tag("COLL")
    static let nodes = tag("NODE")
    static let leaves = tag("LEAF")
    static let chunks = tag("CHNK")
    static let metadata = tag("META")
    static let codec = tag("CODC")
    static let attributes = tag("ATTR")

    static let all = [names, collections, nodes, leaves, chunks, metadata, codec, attributes]

    /// The flag of a section that a reader must know.
    static let required: UInt32 = 1

    private static func tag(_ name: StaticString) -> UInt32 {
      name.withUTF8Buffer { UnsafeRawBufferPointer($0).loadUnaligned(as: UInt32.self).littleEndian }
    }
  }

  enum Node: UInt8 {
    case none = 0, nothing = 1, hole = 2
    case leaf = 3
    case dictionary = 4, list = 5, tuple = 6
    case string = 7, int = 8, float = 9, `false` = 10, `true` = 11
    case value = 12, index = 13
  }

  /// The number of a dtype in a file. Never to be changed.
  static func code(of dtype: DType) -> UInt8? {
    switch dtype {
    case .bool: 1
    case .int8: 2
    case .int16: 3
    case .int32: 4
    case .int64: 5
    case .uint8: 6
    case .uint16: 7
    case .uint32: 8
    case .uint64: 9
    case .float16: 10
    case .bfloat16: 11
    case .float32: 12
    case .float64: 13
    case .complex64: 14
    case .complex128: 15
    case .float8E4M3FN: 16
    case .float8E5M2: 17
    case .string: 18
    case .int4: 19
    case .uint4: 20
    case .unsupported: nil
    }
  }

  /// The dtypes by their number.
  static let dtypes: [DType?] = {
    var byCode = [DType?](repeating: nil, count: 256)
    for dtype in DType.allCases {
      if let code = code(of: dtype) { byCode[Int(code)] = dtype }
    }
    return byCode
  }()
}

/// The four letters of a section's tag, for errors.
func nameOfSection(_ tag: UInt32) -> String {
  withUnsafeBytes(of: tag.littleEndian) { bytes in
    bytes.allSatisfy { (0x20..<0x7F).contains($0) }
      ? String(decoding: bytes, as: UTF8.self) : "0x" + hexadecimal(bytes)
  }
}
