import Refx
import RefxIO
import RefxStore

/// Random trees through pairs of formats: written in one, what is read written in another, and all of it
/// compared bit by bit with what it was; or refused, with the reason and the place.
public struct RoundTrips: Sendable {
  /// A format with the compression that it is written with.
  public struct Form: Hashable, Sendable, CustomStringConvertible {
    let format: FormatName
    let compression: Compression

    public var description: String { "\(format.rawValue) \(compression.rawValue)" }
  }

  public static let forms: [Form] =
    Compression.allCases.map { Form(format: .refx, compression: $0) }
    + Compression.allCases.map { Form(format: .hdf5, compression: $0) } + [
      Form(format: .safetensors, compression: .none)
    ]

  /// What was done.
  public struct Figures: Sendable {
    public var trees = 0
    public var trips = 0
    public var refusals = 0
    /// How often each pair was gone through, its first form counting times ``forms``' count.
    public var pairs = [Int](repeating: 0, count: forms.count * forms.count)

    public init() {}

    public mutating func add(_ other: Figures) {
      trees += other.trees
      trips += other.trips
      refusals += other.refusals
      for pair in pairs.indices { pairs[pair] += other.pairs[pair] }
    }
  }

  /// Sends the tree of `seed` through pairs of forms.
  ///
  /// - Parameter inAllPairs: through each, one by one; else along one walk in which each form comes at least
  ///   once, so that what is written has come through all forms before it.
  /// - Throws: ``ContractViolation`` where something differs, or is refused without need; its words begin
  ///   with the seed.
  public static func run(seed: UInt64, inAllPairs: Bool) throws -> Figures {
    var random = SeededRandom(seed: seed ^ 0x5EED)
    let contents = contents(seed: seed, &random)
    var figures = Figures()
    figures.trees = 1
    do {
      if inAllPairs {
        for first in forms.indices {
          guard let once = try trip(contents, contents, forms[first], &figures) else { continue }
          for second in forms.indices {
            _ = try trip(once, contents, forms[second], &figures)
            figures.pairs[first * forms.count + second] += 1
          }
        }
      } else {
        let order = forms.indices.shuffled(using: &random)
        var current = contents
        var last: Int?
        for next in order + [order[0]] {
          guard let read = try trip(current, contents, forms[next], &figures) else { continue }
          if let last { figures.pairs[last * forms.count + next] += 1 }
          current = read
          last = next
        }
      }
    } catch {
      throw ContractViolation(visible("seed \(seed): \(error)"))
    }
    return figures
  }

  // MARK: One trip

  /// Writes what was read or made, and reads it.
  ///
  /// - Returns: nil where the format has no room for it, and said so.
  private static func trip(
    _ contents: CheckpointContents, _ original: CheckpointContents, _ form: Form, _ figures: inout Figures
  ) throws -> CheckpointContents? {
    let bytes: [UInt8]
    do {
      bytes = try Checkpoint.encode(
        contents: contents, as: form.format, options: WriteOptions(compression: form.compression))
    } catch let error as RefxError {
      guard form.format == .safetensors, isRightlyRefused(original.tree, error) else {
        throw ContractViolation("\(form) refuses it: \(error)")
      }
      figures.refusals += 1
      return nil
    }
    figures.trips += 1
    let file = InputFile(MemoryBytes(sharing: bytes), name: "bytes")
    let opened = try Checkpoint.open(file)
    guard opened.format == form.format.rawValue else {
      throw ContractViolation("\(form) is taken for \(opened.format)")
    }
    if let difference = try firstDifference(original.tree, opened.contents.tree) {
      throw ContractViolation("\(form): \(difference)")
    }
    // Equal numbers may be different bits, as −0 is.
    guard JSON.object(opened.contents.metadata).bytes() == JSON.object(original.metadata).bytes() else {
      throw ContractViolation("\(form): the metadata is \(opened.contents.metadata)")
    }
    return opened.contents
  }

  /// Whether the refusal names a leaf of a type that safetensors lacks, and that type.
  private static func isRightlyRefused(_ tree: Tree<Leaf>, _ error: RefxError) -> Bool {
    var isNamed = false
    try? tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, [.complex128, .int4, .uint4, .string].contains(leaf.dtype)
      else { return }
      if error.path == site.path, error.description.contains(leaf.dtype.name) { isNamed = true }
    }
    return isNamed
  }

  // MARK: Trees

  private static func contents(seed: UInt64, _ random: inout SeededRandom) -> CheckpointContents {
    var trees = RandomTree(seed: seed, mostElements: random.oneIn(6) ? 4000 : 64)
    // Trees of types that all formats have, more often than by chance.
    let isPlain = random.oneIn(2)
    let specials = random.next()
    var number: UInt64 = 0
    let tree = trees.make(nodes: random.oneIn(5) ? 60 : 20).map { leaf in
      number += 1
      if isPlain, leaf.dtype == .string { return Leaf(Int64(number)) }
      if isPlain, leaf.dtype == .complex128 {
        return Leaf(dtype: .float64, shape: leaf.shape + [2], source: leaf.source)
      }
      if isPlain, leaf.dtype == .int4 || leaf.dtype == .uint4 {
        return Leaf(dtype: .int8, shape: leaf.shape, source: leaf.source)
      }
      return withSpecials(leaf, seed: specials &+ number)
    }
    var metadata: JSONObject = [:]
    if random.oneIn(2) {
      metadata = [
        "seed": .integer(Int64(bitPattern: seed)), "é": "composed", "e\u{301}": "decomposed",
        "zero": .number(-0.0),
        "beyond": .integer(1 << 53 + 1), "list": [1, .number(0.1), .null, [:]],
      ]
    }
    return CheckpointContents(tree: tree, metadata: metadata)
  }

  /// What random bits seldom are: NaNs with something in them, quiet and signalling, −0, infinities, numbers
  /// behind the last that a double counts.
  private static let words: [DType: [UInt64]] = [
    .float16: [0x7E01, 0x7D55, 0xFE00, 0x8000, 0x7C00, 0x0001],
    .bfloat16: [0x7FC1, 0x7F81, 0xFFFF, 0x8000, 0xFF80],
    .float32: [0x7FC0_0001, 0x7F80_0001, 0xFFDE_ADBE, 0x8000_0000, 0xFF80_0000, 1],
    .float64: [
      0x7FF8_0000_0000_0001, 0x7FF0_0000_0000_0001, 0xFFFF_DEAD_BEEF_0001, 0x8000_0000_0000_0000,
      0x4340_0000_0000_0001,
    ],
    .int64: [1 << 53 + 1, UInt64(bitPattern: -(1 << 53) - 1), 1 << 63], .uint64: [1 << 53 + 1, .max],
    .int4: [0xF8, 0xFF, 0x07], .uint4: [0x0F, 0x08], .float8E4M3FN: [0x7F, 0xFF, 0x80],
    .float8E5M2: [0x7D, 0x7F, 0xFE, 0x80],
  ]

  private static func withSpecials(_ leaf: Leaf, seed: UInt64) -> Leaf {
    guard let words = words[leaf.dtype], let size = leaf.dtype.itemSize, leaf.byteCount > 0,
      var bytes = try? leaf.allBytes()
    else { return leaf }
    var random = SeededRandom(seed: seed)
    for _ in 0...random.below(6) {
      let place = random.below(bytes.count / size) * size
      withUnsafeBytes(of: words[random.below(words.count)].littleEndian) {
        bytes.replaceSubrange(place..<(place + size), with: $0.prefix(size))
      }
    }
    return Leaf(dtype: leaf.dtype, shape: leaf.shape, bytes: bytes)
  }
}
