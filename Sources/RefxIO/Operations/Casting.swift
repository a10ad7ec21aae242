import Refx
import RefxStore
import Synchronization

/// Explicit changes of dtype: each array of one dtype becomes one of another.
///
/// Floats round to the nearest value, ties to even, once. An integer or boolean takes only values that it
/// can hold: anything else is an error at the leaf's path.
public struct Casts: Sendable {
  /// What each dtype becomes; others stay.
  public let wanted: [DType: DType]

  /// - Throws: ``RefxError`` where one dtype cannot become the other.
  public init(_ wanted: [DType: DType]) throws {
    for (from, to) in wanted where !Casts.isPossible(from, to) {
      throw RefxError.cannotCast(from: from, to: to)
    }
    self.wanted = wanted
  }

  /// Those of the dtypes to cast that no array of `tree` has, in order of their names.
  public func unused(in tree: Tree<Leaf>) throws -> [DType] {
    var missing = Set(wanted.keys)
    try tree.forEachSite { site in if case .leaf(let leaf) = site.content { missing.remove(leaf.dtype) } }
    return missing.sorted { $0.name < $1.name }
  }

  static func isPossible(_ from: DType, _ to: DType) -> Bool {
    func isComplex(_ dtype: DType) -> Bool { dtype == .complex64 || dtype == .complex128 }
    if from.itemSize == nil || to.itemSize == nil { return false }
    return !isComplex(from) || isComplex(to)
  }
}

extension Leaf {
  /// The same array with its elements in another dtype, converted as they are read.
  ///
  /// - Throws: ``RefxError`` where the dtype cannot become the other; reading throws where a value cannot.
  public func cast(to dtype: DType, at path: Path) throws -> Leaf {
    if dtype == self.dtype { return self }
    if let reason = source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
    guard Casts.isPossible(self.dtype, dtype), let size = dtype.itemSize else {
      throw RefxError.cannotCast(from: self.dtype, to: dtype).atPath(path)
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow else { throw RefxError.cannotCast(from: self.dtype, to: dtype).atPath(path) }
    return Leaf(dtype: dtype, shape: shape, source: CastSource(self, to: dtype, byteCount: bytes, path: path))
  }
}

extension Leaf {
  /// Whether a value was too large, and a finite one became infinite or an infinite one NaN, in what was read of a cast
  /// so far.
  var hasOverflowed: Bool { (source as? CastSource)?.overflowed ?? false }
}

extension Tree where Element == Leaf {
  /// Applies `casts` to every array; a shared one stays shared.
  ///
  /// - Returns: the tree, and a function that lists, after the payload was read, the arrays in which a
  ///   value was too large: a finite one became infinite or NaN, or an infinite one NaN.
  public func applying(_ casts: Casts) throws -> (tree: Tree, overflowed: @Sendable () -> [Path]) {
    var sources: [CastSource] = []
    func apply(_ tree: Tree<Leaf>, _ path: Path) throws -> Tree<Leaf> {
      switch tree {
      case .leaf(let leaf):
        guard let dtype = casts.wanted[leaf.dtype] else { return tree }
        let cast = try leaf.cast(to: dtype, at: path)
        if let source = cast.source as? CastSource { sources.append(source) }
        return .leaf(cast)
      case .value(var value):
        value.value = try apply(value.value, value.value.isReference ? path.appending("0") : path)
        return .value(value)
      default: return try tree.mapMembers(at: path, apply)
      }
    }
    let tree = try apply(self, .root)
    let all = sources
    return (tree, { all.filter { $0.overflowed }.map(\.path) })
  }
}

/// An array read in one dtype and handed on in another.
private final class CastSource: LeafSource {
  let byteCount: Int
  let path: Path
  private let leaf: Leaf
  private let dtype: DType
  private let overflow = Atomic(false)

  var overflowed: Bool { overflow.load(ordering: .relaxed) }

  init(_ leaf: Leaf, to dtype: DType, byteCount: Int, path: Path) {
    self.leaf = leaf
    self.dtype = dtype
    self.byteCount = byteCount
    self.path = path
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let size = dtype.itemSize, let sourceSize = leaf.dtype.itemSize, !buffer.isEmpty else { return }
    let batch = 1 << 16
    var element = offset / size
    var skipped = offset % size
    var done = 0
    while done < buffer.count {
      let count = min(batch, (buffer.count - done + skipped + size - 1) / size)
      let source = UnsafeMutableRawBufferPointer.allocate(byteCount: count * sourceSize, alignment: 16)
      defer { source.deallocate() }
      let target = UnsafeMutableRawBufferPointer.allocate(byteCount: count * size, alignment: 16)
      defer { target.deallocate() }
      try leaf.source.read(at: element * sourceSize, into: source)
      try convert(UnsafeRawBufferPointer(source), into: target, count: count)
      let taken = min(count * size - skipped, buffer.count - done)
      UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + taken)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: target[skipped..<(skipped + taken)]))
      done += taken
      element += count
      skipped = 0
    }
  }

  private func convert(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, count: Int
  ) throws {
    let (from, to) = (Element(leaf.dtype), Element(dtype))
    guard let from, let to else { throw RefxError.cannotCast(from: leaf.dtype, to: dtype).atPath(path) }
    var overflowed = false
    for position in 0..<count {
      let number = from.read(source, position)
      guard to.write(number, target, position, &overflowed) else {
        throw RefxError.castLosesValue(number.text, to: dtype, path: path)
      }
    }
    if overflowed { overflow.store(true, ordering: .relaxed) }
  }
}

/// An element's value, held exactly.
private enum Number {
  case real(Double)
  case integer(Int128)
  case complex(Double, Double)

  var text: String {
    switch self {
    case .real(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .complex(let re, let im): "\(re)+\(im)i"
    }
  }

  /// The value in Double; where it does not fit, cut and marked in the last bit (rounding to odd), so that
  /// rounding once more to a narrower float is as if it were done once.
  var oddDouble: Double {
    switch self {
    case .real(let value), .complex(let value, _): return value
    case .integer(let whole):
      let near = Double(whole)
      guard let back = Int128(exactly: near), back != whole else { return near }
      let cut = back.magnitude > whole.magnitude ? near.bitPattern - 1 : near.bitPattern
      return Double(bitPattern: cut | 1)
    }
  }

  var integer: Int128? {
    switch self {
    case .integer(let value): value
    case .real(let value): Int128(exactly: value)
    case .complex: nil
    }
  }
}

/// Rounds to odd; see ``Number/oddDouble``.
private func oddFloat(_ value: Double) -> Float {
  let near = Float(value)
  if value.isNaN || Double(near) == value { return near }
  let cut =
    near.magnitude > Float(0) && Double(near.magnitude) > value.magnitude
    ? near.bitPattern - 1 : near.bitPattern
  return Float(bitPattern: cut | 1)
}

/// How the elements of a dtype are read and written.
private struct Element {
  let read: (UnsafeRawBufferPointer, Int) -> Number
  /// Says whether the dtype holds the number; sets the flag where it was too large.
  let write: (Number, UnsafeMutableRawBufferPointer, Int, inout Bool) -> Bool

  init?(_ dtype: DType) {
    switch dtype {
    case .bool:
      read = { .integer($0[$1] == 0 ? 0 : 1) }
      write = { number, target, position, _ in
        guard let value = number.integer, value == 0 || value == 1 else { return false }
        target[position] = value == 0 ? 0 : 1
        return true
      }
    case .int8: self = .integer(Int8.self)
    case .int4: self = .integer(Int8.self, in: -8...7)
    case .uint4: self = .integer(UInt8.self, in: 0...15)
    case .int16: self = .integer(Int16.self)
    case .int32: self = .integer(Int32.self)
    case .int64: self = .integer(Int64.self)
    case .uint8: self = .integer(UInt8.self)
    case .uint16: self = .integer(UInt16.self)
    case .uint32: self = .integer(UInt32.self)
    case .uint64: self = .integer(UInt64.self)
    case .float16:
      self = .float({ Double(Float16(bitPattern: $0)) }) { Float16($0).bitPattern }
    case .bfloat16: self = .float({ Double(BFloat16(bits: $0).float) }) { BFloat16(oddFloat($0)).bits }
    case .float32: self = .float({ Double(Float(bitPattern: $0)) }) { Float($0).bitPattern }
    case .float64:
      self = .float(
        { Double(bitPattern: $0) },
        exactly: { if case .integer(let value) = $0 { Double(value) } else { nil } }
      ) {
        $0.bitPattern
      }
    case .float8E4M3FN:
      self = .float({ (bits: UInt8) in Double(Float8E4M3FN(bits: bits).float) }) {
        Float8E4M3FN(oddFloat($0)).bits
      }
    case .float8E5M2:
      self = .float({ (bits: UInt8) in Double(Float8E5M2(bits: bits).float) }) {
        Float8E5M2(oddFloat($0)).bits
      }
    case .complex64: self = .complex({ Double(Float(bitPattern: $0)) }) { Float($0).bitPattern }
    case .complex128: self = .complex({ Double(bitPattern: $0) }) { $0.bitPattern }
    case .string, .unsupported: return nil
    }
  }

  private init(
    read: @escaping (UnsafeRawBufferPointer, Int) -> Number,
    write: @escaping (Number, UnsafeMutableRawBufferPointer, Int, inout Bool) -> Bool
  ) {
    self.read = read
    self.write = write
  }

  private static func load<Bits: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> Bits
  {
    Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: position * MemoryLayout<Bits>.size, as: Bits.self))
  }

  private static func store<Bits: FixedWidthInteger>(
    _ bits: Bits, _ bytes: UnsafeMutableRawBufferPointer, _ position: Int
  ) {
    bytes.storeBytes(of: bits.littleEndian, toByteOffset: position * MemoryLayout<Bits>.size, as: Bits.self)
  }

  private static func integer<I: FixedWidthInteger>(_ type: I.Type) -> Element {
    integer(type, in: I.min...I.max)
  }

  private static func integer<I: FixedWidthInteger>(
    _ type: I.Type, in range: ClosedRange<I>
  ) -> Element {
    Element(
      read: { .integer(Int128(load($0, $1) as I)) },
      write: { number, target, position, _ in
        guard let value = number.integer, let narrow = I(exactly: value), range.contains(narrow) else {
          return false
        }
        store(narrow, target, position)
        return true
      })
  }

  private static func float<Bits: FixedWidthInteger>(
    _ value: @escaping (Bits) -> Double, exactly: @escaping (Number) -> Double? = { _ in nil },
    _ bits: @escaping (Double) -> Bits
  ) -> Element {
    Element(
      read: { .real(value(load($0, $1))) },
      write: { number, target, position, overflowed in
        let wide = exactly(number) ?? number.oddDouble
        let narrow = bits(wide)
        if loses(wide, value(narrow)) { overflowed = true }
        store(narrow, target, position)
        return true
      })
  }

  /// Whether a number was too large: a finite one became infinite, or one that was none became NaN.
  private static func loses(_ wide: Double, _ narrow: Double) -> Bool {
    wide.isFinite ? !narrow.isFinite : narrow.isNaN && !wide.isNaN
  }

  private static func complex<Bits: FixedWidthInteger>(
    _ value: @escaping (Bits) -> Double, _ bits: @escaping (Double) -> Bits
  ) -> Element {
    Element(
      read: { .complex(value(load($0, 2 * $1)), value(load($0, 2 * $1 + 1))) },
      write: { number, target, position, overflowed in
        let (re, im) = if case .complex(let re, let im) = number { (re, im) } else { (number.oddDouble, 0.0) }
        for (place, part) in [re, im].enumerated() {
          let narrow = bits(part)
          if loses(part, value(narrow)) { overflowed = true }
          store(narrow, target, 2 * position + place)
        }
        return true
      })
  }
}
