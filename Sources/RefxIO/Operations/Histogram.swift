/// How the finite values of an array are spread: exact counts in bins of one width, a power of two, whose edges
/// are multiples of it.
///
/// There are at most ``mostBins``, and more than half as many unless the values are few: the width is the
/// smallest with which all fit. So the histogram is the same whatever pieces the values came in, and one pass
/// finds it. Of integers the width is at least 1, so that few different ones have a bin each. Complex numbers
/// count by their magnitude, booleans as 0 and 1, and integers beyond 2⁵³ as the nearest double.
public struct Histogram: Sendable, Hashable {
  /// The most bins that a histogram may have.
  public static let mostBins = 64

  /// The bins are 2 to the power of this wide.
  public let exponent: Int
  /// The first bin begins at this many widths from zero.
  public let first: Int64
  /// How many values each bin has; neither the first nor the last is 0. Empty where no value is finite.
  public let counts: [Int]

  /// Where bin `position` begins, and the one before it ends.
  public func edge(_ position: Int) -> Double {
    (Double(first) + Double(position)) * Double(sign: .plus, exponent: exponent, significand: 1)
  }
}

/// A histogram of values that come piece by piece.
struct HistogramSum {
  private var low = Double.infinity
  private var high = -Double.infinity
  private var exponent = 0
  private var first: Int64 = 0
  private var counts: [Int] = []
  private let leastExponent: Int

  /// - Parameter isInteger: whether no bin is to be narrower than 1.
  init(isInteger: Bool) {
    // Below, 2 to its power is beyond what a double holds the inverse of.
    leastExponent = isInteger ? 0 : -1000
  }

  /// Adds finite values, in one look at them once their extremes are known.
  mutating func add(_ values: [Double], from low: Double, to high: Double) {
    guard !values.isEmpty else { return }
    var piece = HistogramSum(isInteger: leastExponent == 0)
    (piece.low, piece.high) = (low, high)
    piece.exponent = piece.width(low, high)
    piece.first = HistogramSum.bin(of: low, piece.exponent)
    let last = HistogramSum.bin(of: high, piece.exponent)
    piece.counts = Array(repeating: 0, count: Int(last - piece.first) + 1)
    let (exponent, first) = (piece.exponent, piece.first)
    if low == high {
      piece.counts[0] = values.count
    } else {
      piece.counts.withUnsafeMutableBufferPointer { counts in
        for value in values { counts[Int(HistogramSum.bin(of: value, exponent) - first)] += 1 }
      }
    }
    add(piece)
  }

  /// Adds the sum over other pieces.
  mutating func add(_ other: HistogramSum) {
    guard !other.counts.isEmpty else { return }
    guard !counts.isEmpty else {
      self = other
      return
    }
    let (least, most) = (min(low, other.low), max(high, other.high))
    let width = width(least, most)
    let (mine, theirs) = (widened(to: width), other.widened(to: width))
    let start = min(mine.first, theirs.first)
    let end = max(mine.first + Int64(mine.counts.count), theirs.first + Int64(theirs.counts.count))
    var sum = [Int](repeating: 0, count: Int(end - start))
    for part in [mine, theirs] {
      for (position, count) in part.counts.enumerated() { sum[Int(part.first - start) + position] += count }
    }
    (low, high, exponent, first, counts) = (least, most, width, start, sum)
  }

  var result: Histogram {
    Histogram(exponent: exponent, first: first, counts: counts)
  }

  /// The exponent of the smallest width with which everything from `low` to `high` fits. No part of a range asks
  /// for more than the whole.
  private func width(_ low: Double, _ high: Double) -> Int {
    // A bin's number must be an integer of 64 bits.
    let magnitude = max(low.magnitude, high.magnitude)
    var exponent = max(leastExponent, magnitude == 0 ? leastExponent : Int(magnitude.exponent) - 60)
    if low == high {
      // One value alone: a bin that is narrow beside it. It never decides how wide others are.
      return max(exponent, leastExponent == 0 || magnitude == 0 ? 0 : Int(magnitude.exponent) - 5)
    }
    // The distance of two doubles is never 0, but that of the largest is beyond them: half of it is not.
    let distance = high - low
    let magnitudeOfDistance =
      distance.isFinite ? Int(distance.exponent) : Int((high / 2 - low / 2).exponent) + 1
    exponent = max(exponent, magnitudeOfDistance - 7)
    while HistogramSum.bin(of: high, exponent) - HistogramSum.bin(of: low, exponent) >= Histogram.mostBins {
      exponent += 1
    }
    return exponent
  }

  private func widened(to width: Int) -> (first: Int64, counts: [Int]) {
    if low == high { return (HistogramSum.bin(of: low, width), [counts.reduce(0, +)]) }
    let shift = Int64(width - exponent)
    if shift == 0 { return (first, counts) }
    let start = first >> shift
    var wide = [Int](repeating: 0, count: Int((first + Int64(counts.count) - 1) >> shift - start) + 1)
    for (position, count) in counts.enumerated() {
      wide[Int((first + Int64(position)) >> shift - start)] += count
    }
    return (start, wide)
  }

  /// The largest number of whole widths that is not above `value`.
  @inline(__always)
  private static func bin(of value: Double, _ exponent: Int) -> Int64 {
    let scaled = (value * Double(sign: .plus, exponent: -exponent, significand: 1)).rounded(.down)
    // What is so small that nothing is left of it still lies below zero.
    return scaled == 0 && value < 0 ? -1 : Int64(scaled)
  }
}
