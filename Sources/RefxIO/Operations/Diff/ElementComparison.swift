import Glibc
import Refx

/// Whether two buffers of the same count hold the same bytes.
func memcmpEqual(_ x: UnsafeRawBufferPointer, _ y: UnsafeRawBufferPointer) -> Bool {
  guard let first = x.baseAddress, let second = y.baseAddress else { return true }
  return memcmp(first, second, x.count) == 0
}

/// The differences of two arrays, added up element by element in Double.
struct ElementComparison {
  struct Tolerance {
    let relative: Double
    let absolute: Double
  }

  let tolerance: Tolerance?
  let nanIsNaN: Bool

  private var difference = ElementDifference()
  private var maxAbs = 0.0
  private var maxRel: Double?
  private var comparable = 0
  /// The sum of squares is `sum` × `scale`², so that large distances do not overflow.
  private var sum = 0.0
  private var scale = 0.0

  init(tolerance: Tolerance?, nanIsNaN: Bool) {
    self.tolerance = tolerance
    self.nanIsNaN = nanIsNaN
  }

  /// Whether any element so far counts as changed.
  var isAnyChanged: Bool { difference.changed > 0 }

  /// What was found; nil where no element counts as changed.
  func result(count: Int) -> ElementDifference? {
    guard difference.changed > 0 else { return nil }
    var result = difference
    result.maxAbs = comparable == 0 ? .nan : maxAbs
    result.maxRel = comparable == 0 ? .nan : maxRel ?? (maxAbs == 0 ? 0 : .infinity)
    result.rms = comparable == 0 ? .nan : scale * (sum / Double(max(count, 1))).squareRoot()
    return result
  }

  /// Adds what was found in another piece of the same arrays.
  mutating func add(_ other: ElementComparison) {
    difference.changed += other.difference.changed
    difference.nan += other.difference.nan
    comparable += other.comparable
    maxAbs = max(maxAbs, other.maxAbs)
    if let theirs = other.maxRel { maxRel = max(maxRel ?? 0, theirs) }
    guard other.scale > 0 else { return }
    if other.scale > scale {
      let ratio = other.scale.isInfinite ? 0 : scale / other.scale
      sum = sum * ratio * ratio + other.sum
      scale = other.scale
    } else {
      let ratio = scale.isInfinite ? (other.scale.isInfinite ? 1 : 0) : other.scale / scale
      sum += other.sum * ratio * ratio
    }
  }

  /// Adds an element whose bits differ: its distance and the magnitudes on both sides.
  private mutating func add(distance: Double, from: Double, to: Double, isNaN: Bool, otherIsNaN: Bool) {
    if isNaN || otherIsNaN {
      if isNaN && otherIsNaN && nanIsNaN { return }
      difference.changed += 1
      if isNaN != otherIsNaN { difference.nan += 1 }
      return
    }
    comparable += 1
    if let tolerance {
      if distance > tolerance.absolute + tolerance.relative * to || distance == .infinity {
        difference.changed += 1
      }
    } else {
      difference.changed += 1
    }
    if distance == 0 { return }
    maxAbs = max(maxAbs, distance)
    if from != 0 {
      let relative = from.isInfinite ? 1 : distance / from
      maxRel = max(maxRel ?? 0, relative)
    }
    if distance > scale {
      let ratio = distance.isInfinite ? 0 : scale / distance
      sum = sum * ratio * ratio + 1
      scale = distance
    } else if distance < .infinity {
      let ratio = scale.isInfinite ? 0 : distance / scale
      sum += ratio * ratio
    }
  }

  typealias Function =
    @Sendable (
      inout ElementComparison, UnsafeRawBufferPointer, UnsafeRawBufferPointer
    ) -> Void

  /// What compares two pieces of arrays of `dtype`.
  func function(for dtype: DType) -> Function {
    switch dtype {
    case .bool, .uint8, .uint4: { $0.compareIntegers(UInt8.self, $1, $2) }
    case .int8, .int4: { $0.compareIntegers(Int8.self, $1, $2) }
    case .int16: { $0.compareIntegers(Int16.self, $1, $2) }
    case .int32: { $0.compareIntegers(Int32.self, $1, $2) }
    case .int64: { $0.compareIntegers(Int64.self, $1, $2) }
    case .uint16: { $0.compareIntegers(UInt16.self, $1, $2) }
    case .uint32: { $0.compareIntegers(UInt32.self, $1, $2) }
    case .uint64: { $0.compareIntegers(UInt64.self, $1, $2) }
    case .float16: { $0.compareFloats(UInt16.self, $1, $2) { Double(Float16(bitPattern: $0)) } }
    case .bfloat16: { $0.compareFloats(UInt16.self, $1, $2) { Double(BFloat16(bits: $0).float) } }
    case .float32: { $0.compareFloats(UInt32.self, $1, $2) { Double(Float(bitPattern: $0)) } }
    case .float64: { $0.compareFloats(UInt64.self, $1, $2) { Double(bitPattern: $0) } }
    case .float8E4M3FN: { $0.compareFloats(UInt8.self, $1, $2) { Double(Float8E4M3FN(bits: $0).float) } }
    case .float8E5M2: { $0.compareFloats(UInt8.self, $1, $2) { Double(Float8E5M2(bits: $0).float) } }
    case .complex64: { $0.compareComplex(UInt32.self, $1, $2) { Double(Float(bitPattern: $0)) } }
    case .complex128: { $0.compareComplex(UInt64.self, $1, $2) { Double(bitPattern: $0) } }
    // Text has a comparison of its own, and what is unsupported was refused before.
    case .string, .unsupported: { _, _, _ in }
    }
  }

  private mutating func compareIntegers<I: FixedWidthInteger>(
    _ type: I.Type, _ x: UnsafeRawBufferPointer, _ y: UnsafeRawBufferPointer
  ) {
    for offset in stride(from: 0, to: x.count, by: MemoryLayout<I>.size) {
      let one = I(littleEndian: x.loadUnaligned(fromByteOffset: offset, as: I.self))
      let other = I(littleEndian: y.loadUnaligned(fromByteOffset: offset, as: I.self))
      if one == other { continue }
      // The difference of two magnitudes of one width, which no width of a signed type holds.
      let distance =
        one > other
        ? I.Magnitude(truncatingIfNeeded: one &- other)
        : I.Magnitude(truncatingIfNeeded: other &- one)
      add(
        distance: Double(distance), from: Double(one.magnitude), to: Double(other.magnitude), isNaN: false,
        otherIsNaN: false)
    }
  }

  private mutating func compareFloats<Bits: FixedWidthInteger>(
    _ type: Bits.Type, _ x: UnsafeRawBufferPointer, _ y: UnsafeRawBufferPointer, _ value: (Bits) -> Double
  ) {
    for offset in stride(from: 0, to: x.count, by: MemoryLayout<Bits>.size) {
      let bits = Bits(littleEndian: x.loadUnaligned(fromByteOffset: offset, as: Bits.self))
      let otherBits = Bits(littleEndian: y.loadUnaligned(fromByteOffset: offset, as: Bits.self))
      if bits == otherBits { continue }
      let one = value(bits)
      let other = value(otherBits)
      add(
        distance: (one - other).magnitude, from: one.magnitude, to: other.magnitude, isNaN: one.isNaN,
        otherIsNaN: other.isNaN)
    }
  }

  private mutating func compareComplex<Bits: FixedWidthInteger>(
    _ type: Bits.Type, _ x: UnsafeRawBufferPointer, _ y: UnsafeRawBufferPointer, _ value: (Bits) -> Double
  ) {
    let width = MemoryLayout<Bits>.size
    for offset in stride(from: 0, to: x.count, by: 2 * width) {
      func part(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Bits {
        Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Bits.self))
      }
      let (a, b) = (part(x, offset), part(x, offset + width))
      let (c, d) = (part(y, offset), part(y, offset + width))
      if a == c && b == d { continue }
      let (re, im, otherRe, otherIm) = (value(a), value(b), value(c), value(d))
      // Equal parts are no distance apart, infinite ones too.
      let acrossRe = re == otherRe ? 0 : re - otherRe
      let acrossIm = im == otherIm ? 0 : im - otherIm
      add(
        distance: hypot(acrossRe, acrossIm), from: hypot(re, im), to: hypot(otherRe, otherIm),
        isNaN: re.isNaN || im.isNaN, otherIsNaN: otherRe.isNaN || otherIm.isNaN)
    }
  }
}
