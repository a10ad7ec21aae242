import Refx
import RefxStore
import RefxTestSupport

@testable import RefxIO

/// The golden files of the `.refx` format: how they are made. They are written once, by
/// `REFX_WRITE_GOLDEN=1 swift test --filter RefxGoldenTests`, and read for ever; a file that is there is never
/// written again.
enum GoldenRefxFiles {
  struct Golden: Sendable, CustomStringConvertible {
    let name: String
    /// The version of the format, which says in which folder it lies.
    let version = 1
    let compression: Compression
    let contents: CheckpointContents

    init(
      _ name: String, _ tree: Tree<Leaf>, metadata: JSONObject = [:],
      attributes: NodeAttributes = NodeAttributes(), compression: Compression = .none
    ) {
      self.name = name
      self.compression = compression
      contents = CheckpointContents(tree: tree, metadata: metadata, attributes: attributes)
    }

    var description: String { name }
  }

  static let all: [Golden] = [
    Golden("empty-dictionary", [:]),
    Golden("one-leaf", .leaf(Leaf(Tensor([Float(1), 2, 3, 4], shape: [2, 2])))),
    Golden("dtypes", .dictionary(dtypes)),
    Golden(
      "structure",
      [
        "dictionary": [:], "hole": .hole, "list": [.none, [], .tuple([.none])], "none": .none,
        "nothing": .nothing,
        "static": .list(statics.map { .static($0) }), "twelve": .list(twelve),
      ],
      metadata: [
        "note": "every kind of node", "step": 12, "loss": .number(0.25),
        "nested": ["list": [1, .null, true]],
      ]),
    Golden("sharing", sharing),
    Golden("attributes", AttributeSamples.tree, attributes: AttributeSamples.all),
    Golden("four-bits", fourBits, attributes: fourBitAttributes),
    Golden("keys", .dictionary(oddKeys.map { (Key($0), .static(.string($0))) })),
    Golden(
      "empty-leaves",
      ["a": .leaf(leaf(.float32, [0])), "b": .leaf(leaf(.float64, [3, 0])), "c": .leaf(leaf(.int8, [3]))]),
    Golden(
      "alignment",
      [
        "a": .leaf(leaf(.uint8, [3])), "b": .leaf(leaf(.uint8, [65])), "c": .leaf(leaf(.float32, [16_384])),
        "d": .leaf(leaf(.uint8, [1])), "e": .leaf(leaf(.float32, [16_383])),
      ]),
    Golden(
      "text",
      [
        "words": .leaf(.text(["", "one", "zwei ä", "\u{1F600}"], shape: [2, 2])),
        "none": .leaf(.text([], shape: [0])),
      ]),
    Golden("compressed-fast", compressed, compression: .fast),
    Golden("compressed-best", compressed, compression: .best),
    Golden("compressed-weights", ["weight": .leaf(weights), "half": .leaf(weights)], compression: .fast),
  ]

  private static let statics: [StaticValue] = [
    "relu", "", .string("e\u{301}"), 0, -1, .int(.max), .int(.min), 0.5, .float(-0.0), .float(.infinity),
    .float(Double(bitPattern: 0x7FF8_0000_0000_0001)), true, false,
  ]

  private static let twelve: [Tree<Leaf>] = (0..<12).map { .leaf(Leaf(Int16($0))) }

  private static let oddKeys: [String] = [
    "", ".", "..", "/", "a/b", "%2F", "~1", " ", "é", "e\u{301}", "\u{0}", "a\u{0}", "10", "9", "\n", "日本",
    "\u{1F600}",
  ]

  private static let dtypes: [(Key, Tree<Leaf>)] = DType.ofFirstGoldens.filter { $0.itemSize != nil }.map {
    (Key($0.name), .leaf(leaf($0, [2, 3])))
  }

  static let fourBits: Tree<Leaf> = [
    "int4": .leaf(Leaf(Tensor((-8...7).compactMap { Int4(exactly: $0) }))),
    "uint4": .leaf(Leaf(Tensor((0...15).compactMap { UInt4(exactly: $0) }, shape: [4, 4]))),
  ]

  private static let fourBitAttributes: NodeAttributes = {
    var attributes = NodeAttributes()
    attributes[["int4"]] = [
      Attribute("ends", .numbers(dtype: .int4, shape: [2], bytes: [0xF8, 7])),
      Attribute("one", .numbers(dtype: .uint4, shape: [], bytes: [15])),
    ]
    return attributes
  }()

  private static let sharing: Tree<Leaf> = [
    "a": .value(Value(.leaf(leaf(.float32, [2])), index: 0, collection: "params")),
    "b": .index(Index(0, collection: "params")),
    "cycle": .value(
      Value(["self": .index(Index(1)), "w": .index(Index(0, collection: "params"))], index: 1)),
    "deep": .value(
      Value(
        .value(Value(.value(Value(.leaf(leaf(.int8, [1])), index: 4, collection: 3)), index: 3)), index: 2,
        collection: "")),
    "inner": .index(Index(4, collection: 3)),
    "lone": .value(Value(.none, index: 5, collection: .number(.min))),
    "tree": .value(
      Value(
        ["x": .value(Value(.leaf(leaf(.uint16, [2])), index: 7, collection: "params")), "y": .static("s")],
        index: 6,
        collection: "3")),
    "tree again": .index(Index(6, collection: "3")), "x": .index(Index(7, collection: "params")),
  ]

  /// Several chunks, edges that are padded, and what stays raw between them.
  private static let compressed: Tree<Leaf> = [
    "matrix": .leaf(sparse(.float32, [3, 300_007])), "row": .leaf(sparse(.float16, [524_289])),
    "scalar": .leaf(Leaf(Float(2.5))), "small": .leaf(leaf(.uint8, [100])),
    "square": .leaf(sparse(.complex64, [32, 32])),
    "zeros": .leaf(Leaf(dtype: .bfloat16, shape: [2048], bytes: [UInt8](repeating: 0, count: 4096))),
  ]

  /// Bytes that count up, as far as the dtype allows.
  private static func leaf(_ dtype: DType, _ shape: [Int]) -> Leaf {
    let count = dtype.byteCount(of: shape) ?? 0
    return Leaf(
      dtype: dtype, shape: shape,
      bytes: (0..<count).map { dtype == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) })
  }

  /// Numbers as trained weights have them: exponents crowd together, mantissas are noise. So the stream has
  /// blocks with a code for single bytes beside stored ones.
  private static let weights: Leaf = {
    var random = SeededRandom(seed: 20)
    let numbers = (0..<2500).map { _ in
      let word = UInt32(truncatingIfNeeded: random.next())
      let exponent = 124 - UInt32((random.next() | 1 << 20).trailingZeroBitCount)
      return Float(bitPattern: word & 0x807F_FFFF | exponent << 23)
    }
    return Leaf(Tensor(numbers, shape: [50, 50]))
  }()

  /// Mostly zeros, so that the file stays small.
  private static func sparse(_ dtype: DType, _ shape: [Int]) -> Leaf {
    var bytes = [UInt8](repeating: 0, count: dtype.byteCount(of: shape) ?? 0)
    for place in stride(from: 0, to: bytes.count, by: 997) {
      bytes[place] = UInt8(truncatingIfNeeded: place / 997)
    }
    return Leaf(dtype: dtype, shape: shape, bytes: bytes)
  }

  // MARK: Listings

  /// What a golden file holds, in the form that the Python reader prints.
  static func listing(of opened: OpenedCheckpoint) throws -> JSON {
    let codec = codec(of: opened.contents.tree)
    var document: JSONObject = [
      "version": opened.version.map { .integer(Int64($0)) } ?? .null,
      "codec": codec.map { .string($0.text) } ?? .null,
      "metadata": .object(opened.contents.metadata),
      "tree": try listing(of: opened.contents.tree),
    ]
    let attributes = opened.contents.attributes
    if !attributes.isEmpty { document["attributes"] = attributes.json }
    return .object(document)
  }

  private static func codec(of tree: Tree<Leaf>) -> ChunkCodec.Identity? {
    var found: ChunkCodec.Identity?
    try? tree.forEachSite { site in
      if case .leaf(let leaf) = site.content, let source = leaf.source as? RefxLeafSource {
        found = found ?? source.codecIdentity
      }
    }
    return found
  }

  private static func listing(of tree: Tree<Leaf>) throws -> JSON {
    switch tree {
    case .none: return ["kind": "none"]
    case .nothing: return ["kind": "nothing"]
    case .hole: return ["kind": "hole"]
    case .dictionary(let branches):
      let members = try zip(branches.keys, branches.members).map { key, member in
        JSON.array([.string(key.string), try listing(of: member)])
      }
      return ["kind": "dictionary", "members": .array(members)]
    case .list(let members): return ["kind": "list", "members": .array(try members.map(listing(of:)))]
    case .tuple(let members): return ["kind": "tuple", "members": .array(try members.map(listing(of:)))]
    case .static(let value):
      let shown: JSON =
        switch value {
        case .string(let text): .string(text)
        case .int(let number): .integer(number)
        case .float(let number): .string(hexadecimal(number.bitPattern))
        case .bool(let flag): .bool(flag)
        }
      return ["kind": "static", "type": .string(value.typeName), "value": shown]
    case .value(let value):
      let collection: JSON =
        switch value.collection {
        case nil: .null
        case .name(let name): .string(name.string)
        case .number(let number): .integer(number)
        }
      return [
        "kind": "value", "index": .integer(Int64(value.index)), "collection": collection,
        "value": try listing(of: value.value),
      ]
    case .index(let index): return ["kind": "index", "index": .integer(Int64(index.index))]
    case .leaf(let leaf): return try listing(of: leaf)
    }
  }

  private static func listing(of leaf: Leaf) throws -> JSON {
    guard let source = leaf.source as? RefxLeafSource, let hash = source.contentHash,
      let crc = source.logicalCRC32
    else { throw ContractViolation("the leaf is of another format") }
    let hashBytes =
      withUnsafeBytes(of: hash.low.littleEndian) { Array($0) }
      + withUnsafeBytes(of: hash.high.littleEndian) { Array($0) }
    return [
      "kind": "leaf", "dtype": .string(leaf.dtype.name),
      "shape": .array(leaf.shape.map { .integer(Int64($0)) }),
      "storage": source.codecIdentity == nil ? "raw" : "compressed", "bytes": .integer(Int64(leaf.byteCount)),
      "stored": .integer(Int64(source.storedByteCount ?? 0)), "crc32": .string(hexadecimal(crc)),
      "hash": .string(RefxStore.hexadecimal(hashBytes)),
      "sha256": .string(RefxStore.hexadecimal(SHA256.of(try leaf.allBytes()))),
    ]
  }

  private static func hexadecimal<Number: FixedWidthInteger>(_ number: Number) -> String {
    withUnsafeBytes(of: number.bigEndian) { RefxStore.hexadecimal($0) }
  }
}
