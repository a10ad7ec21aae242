/// A whole number of four bits, −8 to 7, in a byte of its own: that of the same Int8.
public struct Int4: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// From −8 to 7.
  public let value: Int8

  /// The number; nil where it is outside of −8 to 7.
  public init?(exactly number: some BinaryInteger) {
    guard let value = Int8(exactly: number), Int4.range.contains(value) else { return nil }
    self.value = value
  }

  /// The least value, −8.
  public static let min = Int4(integerLiteral: -8)
  /// The greatest value, 7.
  public static let max = Int4(integerLiteral: 7)
  private static let range: ClosedRange<Int8> = -8...7

  public static func < (a: Int4, b: Int4) -> Bool { a.value < b.value }
}

extension Int4: TensorElement, ExpressibleByIntegerLiteral, CustomStringConvertible {
  public static var dtype: DType { .int4 }
  public var description: String { value.description }

  /// - Precondition: the number is from −8 to 7.
  public init(integerLiteral number: Int8) {
    precondition(Int4.range.contains(number), "\(number) is no Int4")
    value = number
  }
}

/// A whole number of four bits, 0 to 15, in a byte of its own: that of the same UInt8.
public struct UInt4: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// From 0 to 15.
  public let value: UInt8

  /// The number; nil where it is outside of 0 to 15.
  public init?(exactly number: some BinaryInteger) {
    guard let value = UInt8(exactly: number), value <= 15 else { return nil }
    self.value = value
  }

  /// The least value, 0.
  public static let min = UInt4(integerLiteral: 0)
  /// The greatest value, 15.
  public static let max = UInt4(integerLiteral: 15)

  public static func < (a: UInt4, b: UInt4) -> Bool { a.value < b.value }
}

extension UInt4: TensorElement, ExpressibleByIntegerLiteral, CustomStringConvertible {
  public static var dtype: DType { .uint4 }
  public var description: String { value.description }

  /// - Precondition: the number is from 0 to 15.
  public init(integerLiteral number: UInt8) {
    precondition(number <= 15, "\(number) is no UInt4")
    value = number
  }
}
