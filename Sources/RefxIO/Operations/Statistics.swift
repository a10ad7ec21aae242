import Glibc
import Refx
import RefxStore

/// What the elements of an array are like. Minimum, maximum, mean and deviation are over finite values; of
/// complex numbers the magnitude counts, of booleans 0 and 1.
public struct ElementStatistics: Sendable, Hashable {
  /// A value as exactly as its dtype holds it.
  public enum Number: Hashable, Sendable {
    /// Of a signed integer or a boolean.
    case integer(Int64)
    /// Of an unsigned integer.
    case unsigned(UInt64)
    /// Of a float, or the magnitude of a complex number.
    case real(Double)
  }

  /// NaN where there is no finite value.
  public internal(set) var min = Number.real(.nan)
  /// The greatest finite value; NaN where there is none.
  public internal(set) var max = Number.real(.nan)
  /// The mean of the finite values; NaN where there is none.
  public internal(set) var mean = Double.nan
  /// The standard deviation of the values as a population.
  public internal(set) var deviation = Double.nan
  /// How many elements are zero.
  public internal(set) var zeros = 0
  /// How many are not a number.
  public internal(set) var nan = 0
  /// How many are infinite.
  public internal(set) var infinite = 0
}

extension Leaf {
  /// Reads the whole payload once, chunk by chunk, on several threads.
  ///
  /// - Returns: nil for text.
  public func statistics(progress: ((Int) -> Void)? = nil) throws -> ElementStatistics? {
    guard let add = StatisticsSum.function(for: dtype) else {
      if let reason = source.unsupported { throw RefxError.unsupportedLeaf(reason) }
      return nil
    }
    var sum = StatisticsSum()
    let reader = PieceReader([self]) { _, bytes in
      var part = StatisticsSum()
      add(&part, bytes)
      return part
    }
    try reader.forEach { piece, _, part in
      sum.add(try part.get())
      progress?(piece.range.count)
    }
    return sum.result(dtype)
  }
}

/// Sums over pieces: each piece's mean and squared deviations, put together by Chan's formula.
struct StatisticsSum {
  private var count = 0
  private var mean = 0.0
  private var squares = 0.0
  private var least = Double.infinity
  private var greatest = -Double.infinity
  private var leastInteger: ElementStatistics.Number?
  private var greatestInteger: ElementStatistics.Number?
  private var statistics = ElementStatistics()
  /// Whether a histogram is wanted, which costs another look at each value.
  private let isSpread: Bool
  private var spread: HistogramSum?

  init(withHistogram isSpread: Bool = false) {
    self.isSpread = isSpread
  }

  /// How the values are spread; without bins where there are none.
  var histogram: Histogram { spread?.result ?? Histogram(exponent: 0, first: 0, counts: []) }

  func result(_ dtype: DType) -> ElementStatistics {
    var result = statistics
    guard count > 0 else { return result }
    result.min = leastInteger ?? .real(least)
    result.max = greatestInteger ?? .real(greatest)
    result.mean = mean
    result.deviation = (squares / Double(count)).squareRoot()
    return result
  }

  typealias Function = @Sendable (inout StatisticsSum, UnsafeRawBufferPointer) -> Void

  static func function(for dtype: DType) -> Function? {
    switch dtype {
    case .bool, .uint8, .uint4: { $0.addIntegers(UInt8.self, $1) }
    case .int8, .int4: { $0.addIntegers(Int8.self, $1) }
    case .int16: { $0.addIntegers(Int16.self, $1) }
    case .int32: { $0.addIntegers(Int32.self, $1) }
    case .int64: { $0.addIntegers(Int64.self, $1) }
    case .uint16: { $0.addIntegers(UInt16.self, $1) }
    case .uint32: { $0.addIntegers(UInt32.self, $1) }
    case .uint64: { $0.addIntegers(UInt64.self, $1) }
    case .float16: { $0.addFloats(UInt16.self, $1) { Double(Float16(bitPattern: $0)) } }
    case .bfloat16: { $0.addFloats(UInt16.self, $1) { Double(BFloat16(bits: $0).float) } }
    case .float32: { $0.addFloats(UInt32.self, $1) { Double(Float(bitPattern: $0)) } }
    case .float64: { $0.addFloats(UInt64.self, $1) { Double(bitPattern: $0) } }
    case .float8E4M3FN: { $0.addFloats(UInt8.self, $1) { Double(Float8E4M3FN(bits: $0).float) } }
    case .float8E5M2: { $0.addFloats(UInt8.self, $1) { Double(Float8E5M2(bits: $0).float) } }
    case .complex64: { $0.addComplex(UInt32.self, $1) { Double(Float(bitPattern: $0)) } }
    case .complex128: { $0.addComplex(UInt64.self, $1) { Double(bitPattern: $0) } }
    case .string, .unsupported: nil
    }
  }

  private mutating func addIntegers<I: FixedWidthInteger>(_ type: I.Type, _ bytes: UnsafeRawBufferPointer) {
    var values: [Double] = []
    values.reserveCapacity(bytes.count / MemoryLayout<I>.size)
    var least = I.max
    var greatest = I.min
    for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<I>.size) {
      let value = I(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: I.self))
      least = Swift.min(least, value)
      greatest = Swift.max(greatest, value)
      if value == 0 { statistics.zeros += 1 }
      values.append(Double(value))
    }
    guard !values.isEmpty else { return }
    leastInteger = Self.number(least)
    greatestInteger = Self.number(greatest)
    add(values)
    spreadOut(values, from: Double(least), to: Double(greatest), isInteger: true)
  }

  private static func number<I: FixedWidthInteger>(_ value: I) -> ElementStatistics.Number {
    Int64(exactly: value).map { .integer($0) } ?? .unsigned(UInt64(truncatingIfNeeded: value))
  }

  /// Adds the sum over the next piece.
  mutating func add(_ part: StatisticsSum) {
    statistics.zeros += part.statistics.zeros
    statistics.nan += part.statistics.nan
    statistics.infinite += part.statistics.infinite
    least = Swift.min(least, part.least)
    greatest = Swift.max(greatest, part.greatest)
    if let theirs = part.leastInteger, leastInteger.map({ theirs < $0 }) ?? true { leastInteger = theirs }
    if let theirs = part.greatestInteger, greatestInteger.map({ $0 < theirs }) ?? true {
      greatestInteger = theirs
    }
    add(count: part.count, mean: part.mean, squares: part.squares)
    if let theirs = part.spread {
      if spread == nil { spread = theirs } else { spread?.add(theirs) }
    }
  }

  private mutating func spreadOut(_ values: [Double], from low: Double, to high: Double, isInteger: Bool) {
    guard isSpread else { return }
    var sum = spread ?? HistogramSum(isInteger: isInteger)
    sum.add(values, from: low, to: high)
    spread = sum
  }

  private mutating func addFloats<Bits: FixedWidthInteger>(
    _ type: Bits.Type, _ bytes: UnsafeRawBufferPointer, _ value: (Bits) -> Double
  ) {
    var values: [Double] = []
    values.reserveCapacity(bytes.count / MemoryLayout<Bits>.size)
    for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Bits>.size) {
      consider(
        value(Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self))), &values)
    }
    add(values)
    spreadOut(values, from: least, to: greatest, isInteger: false)
  }

  private mutating func addComplex<Bits: FixedWidthInteger>(
    _ type: Bits.Type, _ bytes: UnsafeRawBufferPointer, _ value: (Bits) -> Double
  ) {
    var values: [Double] = []
    let width = MemoryLayout<Bits>.size
    for offset in stride(from: 0, to: bytes.count, by: 2 * width) {
      let real = value(Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self)))
      let imaginary = value(
        Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + width, as: Bits.self)))
      // A number with a NaN part is none, even where the other is infinite.
      consider(real.isNaN || imaginary.isNaN ? .nan : hypot(real, imaginary), &values)
    }
    add(values)
    spreadOut(values, from: least, to: greatest, isInteger: false)
  }

  private mutating func consider(_ value: Double, _ values: inout [Double]) {
    if value.isNaN {
      statistics.nan += 1
    } else if value.isInfinite {
      statistics.infinite += 1
    } else {
      if value == 0 { statistics.zeros += 1 }
      least = Swift.min(least, value)
      greatest = Swift.max(greatest, value)
      values.append(value)
    }
  }

  private mutating func add(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let total = values.reduce(0, +)
    var pieceMean = total / Double(values.count)
    // The sum of values near the largest Double is infinite, their mean is not.
    if !pieceMean.isFinite { pieceMean = values.reduce(0) { $0 + $1 / Double(values.count) } }
    let pieceSquares = values.reduce(0) { $0 + ($1 - pieceMean) * ($1 - pieceMean) }
    add(count: values.count, mean: pieceMean, squares: pieceSquares)
  }

  private mutating func add(count added: Int, mean addedMean: Double, squares addedSquares: Double) {
    guard added > 0 else { return }
    guard count > 0 else {
      (mean, squares, count) = (addedMean, addedSquares, added)
      return
    }
    let all = count + added
    let apart = addedMean - mean
    let share = Double(added) / Double(all)
    squares += addedSquares + apart * apart * Double(count) * share
    mean += apart * share
    count = all
  }
}

extension ElementStatistics.Number {
  /// Compares integers of any width; real numbers are not asked.
  fileprivate static func < (a: Self, b: Self) -> Bool {
    switch (a, b) {
    case (.integer(let a), .integer(let b)): a < b
    case (.unsigned(let a), .unsigned(let b)): a < b
    case (.integer(let a), .unsigned(let b)): a < b
    case (.unsigned(let a), .integer(let b)): a < b
    default: false
    }
  }
}
