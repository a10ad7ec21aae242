/// A Swift type whose values lie in memory as the elements of a dtype do, so that a tensor's bytes can be
/// looked at as its values without a copy.
public protocol TensorElement: Sendable, BitwiseCopyable {
  /// The dtype of arrays of this type.
  static var dtype: DType { get }
}

extension Bool: TensorElement { public static var dtype: DType { .bool } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }
extension UInt: TensorElement { public static var dtype: DType { .uint64 } }
#if !(os(macOS) && arch(x86_64))
  extension Float16: TensorElement { public static var dtype: DType { .float16 } }
#endif
extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }

/// A complex number as NumPy lays it out: the real part, then the imaginary part.
public struct Complex<Part: TensorElement & BinaryFloatingPoint>: Hashable, Sendable, BitwiseCopyable {
  /// The real part.
  public var real: Part
  /// The imaginary part.
  public var imaginary: Part

  /// A number by its two parts.
  public init(_ real: Part, _ imaginary: Part) {
    self.real = real
    self.imaginary = imaginary
  }
}

/// The parts of a complex dtype.
public protocol ComplexPart: TensorElement & BinaryFloatingPoint {
  /// The dtype of complex numbers with parts of this type.
  static var complexDType: DType { get }
}
extension Float: ComplexPart { public static var complexDType: DType { .complex64 } }
extension Double: ComplexPart { public static var complexDType: DType { .complex128 } }
extension Complex: TensorElement where Part: ComplexPart {
  public static var dtype: DType { Part.complexDType }
}
