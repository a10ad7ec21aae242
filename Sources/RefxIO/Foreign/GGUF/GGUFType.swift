import Refx

/// What the elements of a tensor are. They lie in blocks, each of so many elements of a row and so many bytes; a
/// block of one element is a plain number.
struct GGUFType: Hashable, Sendable {
  /// The number in the file.
  let id: UInt32
  /// The name that ggml gives it; of an unknown one, its number.
  let name: String
  /// The dtype of plain numbers; nil for blocks.
  let dtype: DType?
  private let block: Block?

  /// The elements and the bytes of a block.
  struct Block: Hashable, Sendable {
    let elements: Int
    let bytes: Int
  }

  /// Whether it is known how many bytes it takes.
  var isKnown: Bool { block != nil }

  /// A type that any number may stand for.
  init(id: UInt32) {
    self = GGUFType.known[id] ?? GGUFType(id, "type \(id)", nil, nil)
  }

  private init(_ id: UInt32, _ name: String, _ dtype: DType?, _ block: Block?) {
    self.id = id
    self.name = name
    self.dtype = dtype
    self.block = block
  }

  /// The bytes of a row of so many elements.
  ///
  /// - Returns: nil where the row is no whole number of blocks, has too many bytes, or the type is unknown.
  func rowBytes(of elements: Int) -> Int? {
    guard let block, elements.isMultiple(of: block.elements) else { return nil }
    let (bytes, overflow) = (elements / block.elements).multipliedReportingOverflow(by: block.bytes)
    return overflow ? nil : bytes
  }

  /// The elements of a block; 1 where nothing is known of it.
  var blockElements: Int { block?.elements ?? 1 }

  // MARK: The types that ggml has, or had while there was GGUF

  private static let known: [UInt32: GGUFType] = {
    let all = numbers + blocks
    return Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
  }()

  private static let numbers: [GGUFType] = [
    number(0, "F32", .float32), number(1, "F16", .float16), number(24, "I8", .int8),
    number(25, "I16", .int16), number(26, "I32", .int32), number(27, "I64", .int64),
    number(28, "F64", .float64), number(30, "BF16", .bfloat16),
  ]

  private static let blocks: [GGUFType] = [
    blocks(2, "Q4_0", 32, 18), blocks(3, "Q4_1", 32, 20), blocks(6, "Q5_0", 32, 22),
    blocks(7, "Q5_1", 32, 24), blocks(8, "Q8_0", 32, 34), blocks(9, "Q8_1", 32, 40),
    blocks(10, "Q2_K", 256, 84), blocks(11, "Q3_K", 256, 110), blocks(12, "Q4_K", 256, 144),
    blocks(13, "Q5_K", 256, 176), blocks(14, "Q6_K", 256, 210), blocks(15, "Q8_K", 256, 292),
    blocks(16, "IQ2_XXS", 256, 66), blocks(17, "IQ2_XS", 256, 74), blocks(18, "IQ3_XXS", 256, 98),
    blocks(19, "IQ1_S", 256, 50), blocks(20, "IQ4_NL", 32, 18), blocks(21, "IQ3_S", 256, 110),
    blocks(22, "IQ2_S", 256, 82), blocks(23, "IQ4_XS", 256, 136), blocks(29, "IQ1_M", 256, 56),
    // Rows of Q4_0 and IQ4_NL put in another order, which ggml did in files for a while.
    blocks(31, "Q4_0_4_4", 32, 18), blocks(32, "Q4_0_4_8", 32, 18), blocks(33, "Q4_0_8_8", 32, 18),
    blocks(34, "TQ1_0", 256, 54), blocks(35, "TQ2_0", 256, 66),
    blocks(36, "IQ4_NL_4_4", 32, 18), blocks(37, "IQ4_NL_4_8", 32, 18), blocks(38, "IQ4_NL_8_8", 32, 18),
    blocks(39, "MXFP4", 32, 17), blocks(40, "NVFP4", 64, 36), blocks(41, "Q1_0", 128, 18),
  ]

  private static func number(_ id: UInt32, _ name: String, _ dtype: DType) -> GGUFType {
    GGUFType(id, name, dtype, Block(elements: 1, bytes: dtype.itemSize ?? 1))
  }

  private static func blocks(_ id: UInt32, _ name: String, _ elements: Int, _ bytes: Int) -> GGUFType {
    GGUFType(id, name, nil, Block(elements: elements, bytes: bytes))
  }
}
