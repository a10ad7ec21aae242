import Refx
import RefxStore
import Synchronization

/// What the payload of an array says, from one reading.
struct LintContents {
  var hash: ContentHash?
  var nan = 0
  var infinite = 0
  /// Whether every element has the same bytes; nil where nobody looked.
  var isConstant: Bool?
  /// Why it could not be read.
  var failure: String?
}

/// Reads arrays once, on several threads, a few pieces at a time.
struct LintReader {
  let threads: Int?
  let progress: ProgressHandler?

  /// - Returns: what each array says.
  /// - Throws: ``RefxError`` where the system cannot read.
  func contents(of leaves: [Leaf]) throws -> [LintContents] {
    var found = [LintContents](repeating: LintContents(), count: leaves.count)
    var progress = Progress(total: self.progress == nil ? 0 : leaves.payloadByteCount, report: self.progress)
    var sum = LintSum()
    // Of each array the first piece that could not be read, so far.
    let failed = Mutex<[Int: Int]>([:])
    struct Passed: Error {}
    let reader = PieceReader(
      leaves, threads: threads,
      read: { leaf, piece, target in
        // Where pieces share a large chunk that is damaged, each would decode it again.
        if failed.withLock({ $0[piece.leaf] ?? .max }) < piece.position { throw Passed() }
        do { try leaf.source.readPiece(at: piece.range.lowerBound, into: target) } catch {
          failed.withLock { $0[piece.leaf] = min($0[piece.leaf] ?? .max, piece.position) }
          throw error
        }
      },
      look: { piece, bytes in LintPiece(bytes, leaves[piece.leaf].dtype) })
    try reader.forEach { piece, bytes, result in
      if piece.position == 0 { sum = LintSum() }
      do {
        sum.add(try result.get())
        progress.add(bytes.count)
      } catch let error as RefxError {
        if error.code == .system { throw error }
        if found[piece.leaf].failure == nil { found[piece.leaf].failure = error.bareSummary }
      } catch is Passed {}
      if piece.isLast, found[piece.leaf].failure == nil { found[piece.leaf] = sum.finish() }
    }
    return found
  }
}

extension Leaf {
  /// Whether every element has the same bytes; reads no further than to the first piece that says no. Text counts as
  /// different.
  func isConstant() throws -> Bool {
    struct Differs: Error {}
    var sum = LintSum()
    do {
      try forEachPiece { bytes in
        sum.add(LintPiece(bytes, dtype, hashed: false))
        if !sum.isConstant { throw Differs() }
      }
    } catch is Differs {
      return false
    }
    return sum.isConstant
  }
}

/// What is found in one piece.
struct LintPiece: Sendable {
  fileprivate let hash: ContentHash?
  fileprivate let isEmpty: Bool
  fileprivate var nan = 0
  fileprivate var infinite = 0
  /// The first element's bytes, where all elements are as it is.
  fileprivate let constant: (low: UInt64, high: UInt64)?

  init(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, hashed: Bool = true) {
    isEmpty = bytes.isEmpty
    hash = hashed ? ContentHasher.hash(bytes) : nil
    constant = LintPiece.constant(bytes, dtype)
    let counts = LintPiece.notFinite(bytes, dtype)
    nan = counts.nan
    infinite = counts.infinite
  }

  private static func constant(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) -> (UInt64, UInt64)? {
    guard let size = dtype.itemSize, bytes.count >= size else { return nil }
    // All elements are alike where each is as the one before it.
    let isSame = memcmpEqual(
      UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - size)]),
      UnsafeRawBufferPointer(rebasing: bytes[size...]))
    guard isSame else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &words) { target in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<size]))
    }
    return words
  }

  private static func notFinite(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) -> (nan: Int, infinite: Int)
  {
    switch dtype {
    case .float16: count(bytes, infinity: UInt16(0x7C00))
    case .bfloat16: count(bytes, infinity: UInt16(0x7F80))
    case .float32: count(bytes, infinity: UInt32(0x7F80_0000))
    case .float64: count(bytes, infinity: UInt64(0x7FF0_0000_0000_0000))
    case .float8E5M2: count(bytes, infinity: UInt8(0x7C))
    // It has no infinities: what would come behind the largest number is its NaN.
    case .float8E4M3FN: (count(bytes, infinity: UInt8(0x7F)).infinite, 0)
    case .complex64: countPairs(bytes, infinity: UInt32(0x7F80_0000))
    case .complex128: countPairs(bytes, infinity: UInt64(0x7FF0_0000_0000_0000))
    case .bool, .int4, .int8, .int16, .int32, .int64, .uint4, .uint8, .uint16, .uint32, .uint64, .string,
      .unsupported:
      (0, 0)
    }
  }

  /// - Parameter infinity: the bits of positive infinity; above it, without the sign, are the NaN.
  private static func count<Bits: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, infinity: Bits
  ) -> (nan: Int, infinite: Int) {
    let width = MemoryLayout<Bits>.size
    var nan = 0
    var infinite = 0
    for place in 0..<(bytes.count / width) {
      let bits = Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: place &* width, as: Bits.self))
      let magnitude = bits & (Bits.max >> 1)
      nan &+= magnitude > infinity ? 1 : 0
      infinite &+= magnitude == infinity ? 1 : 0
    }
    return (nan, infinite)
  }

  /// Of complex numbers: one with a NaN part is none, even where the other part is infinite.
  private static func countPairs<Bits: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, infinity: Bits
  ) -> (nan: Int, infinite: Int) {
    let width = MemoryLayout<Bits>.size
    var nan = 0
    var infinite = 0
    for place in 0..<(bytes.count / (2 * width)) {
      let start = 2 * width * place
      let real = Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: Bits.self))
      let imaginary = Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: start + width, as: Bits.self))
      let larger = max(real & (Bits.max >> 1), imaginary & (Bits.max >> 1))
      nan += larger > infinity ? 1 : 0
      infinite += larger == infinity ? 1 : 0
    }
    return (nan, infinite)
  }
}

/// What was found in the pieces of an array, put together in order.
private struct LintSum {
  private var hasher = ContentHasher()
  private var nan = 0
  private var infinite = 0
  private(set) var isConstant = true
  private var constant: (low: UInt64, high: UInt64)?

  mutating func add(_ piece: LintPiece) {
    if piece.isEmpty { return }
    if let hash = piece.hash { hasher.addSlabHash(hash) }
    nan = nan.addingSaturated(piece.nan)
    infinite = infinite.addingSaturated(piece.infinite)
    guard isConstant else { return }
    guard let theirs = piece.constant, constant.map({ $0 == theirs }) ?? true else {
      isConstant = false
      return
    }
    constant = theirs
  }

  func finish() -> LintContents {
    LintContents(
      hash: hasher.finish(), nan: nan, infinite: infinite, isConstant: isConstant, failure: nil)
  }
}

extension RefxError {
  /// What happened, where file and path are said beside it.
  var bareSummary: String {
    var copy = self
    copy.file = nil
    copy.path = nil
    copy.advice = nil
    return copy.summary
  }
}
