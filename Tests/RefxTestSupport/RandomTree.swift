import Refx

/// Makes random dereffed trees: the same seed gives the same tree.
public struct RandomTree {
  /// What a tree may hold; all of it by default.
  public struct Contents: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let refs = Contents(rawValue: 1)
    /// Refs whose value is no leaf: subtrees, other Refs, themselves.
    public static let deepRefs = Contents(rawValue: 2)
    public static let holes = Contents(rawValue: 4)
    public static let statics = Contents(rawValue: 8)
    public static let text = Contents(rawValue: 16)
    public static let oddKeys = Contents(rawValue: 32)
    /// None, nothing, tuples.
    public static let oddNodes = Contents(rawValue: 64)
    public static let all: Contents = [.refs, .deepRefs, .holes, .statics, .text, .oddKeys, .oddNodes]
  }

  private var random: SeededRandom
  private let contents: Contents
  private let mostElements: Int
  /// The collection of each Ref so far.
  private var refs: [CollectionTag?] = []
  private var nodesLeft = 0

  /// - Parameter mostElements: the most elements of a leaf.
  public init(seed: UInt64, contents: Contents = .all, mostElements: Int = 64) {
    random = SeededRandom(seed: seed)
    self.contents = contents
    self.mostElements = mostElements
  }

  /// A tree of about `nodes` nodes. Indexes count from 0 in order of first sight.
  public mutating func make(nodes: Int = 30) -> Tree<Leaf> {
    refs = []
    nodesLeft = nodes
    return container(depth: 0)
  }

  private mutating func node(depth: Int) -> Tree<Leaf> {
    nodesLeft -= 1
    if nodesLeft > 0, depth < 8, random.oneIn(3) { return container(depth: depth) }
    switch random.below(10) {
    case 0...2 where contents.contains(.refs): return reference(depth: depth)
    case 3 where contents.contains(.oddNodes): return random.oneIn(2) ? .none : .nothing
    case 4 where contents.contains(.holes): return .hole
    case 5 where contents.contains(.statics): return .static(staticValue())
    default: return .leaf(leaf())
    }
  }

  private mutating func container(depth: Int) -> Tree<Leaf> {
    let count = random.oneIn(8) ? 0 : 1 + random.below(random.oneIn(6) ? 13 : 4)
    switch random.below(4) {
    case 0: return .list((0..<count).map { _ in node(depth: depth + 1) })
    case 1 where contents.contains(.oddNodes): return .tuple((0..<count).map { _ in node(depth: depth + 1) })
    default:
      // Drawn first and ordered, so that what is seen first stands first.
      var keys: Set<Key> = []
      for _ in 0..<count { keys.insert(key()) }
      return .dictionary(keys.sorted().map { ($0, node(depth: depth + 1)) })
    }
  }

  private mutating func reference(depth: Int) -> Tree<Leaf> {
    if !refs.isEmpty, random.oneIn(2) {
      let index = random.below(refs.count)
      return .index(Index(index, collection: refs[index]))
    }
    let index = refs.count
    let collection = collection()
    refs.append(collection)
    let content =
      contents.contains(.deepRefs) && random.oneIn(4) && depth < 8
      ? (random.oneIn(3) ? reference(depth: depth + 1) : node(depth: depth + 1)) : .leaf(leaf())
    return .value(Value(content, index: index, collection: collection))
  }

  private mutating func collection() -> CollectionTag? {
    switch random.below(6) {
    case 0: nil
    case 1: .number([0, -1, 3, .min, .max][random.below(5)])
    case 2: .name(["", "3", "-", "bäd ñame", "a/b"][random.below(5)])
    default: .name(["params", "batch_stats"][random.below(2)])
    }
  }

  private static let oddKeys: [String] = [
    "", ".", "..", "/", "a/b", "%", "%2F", "~", "~0", " ", "a b", "\u{0}", "a\u{0}b", "é", "e\u{301}", "10",
    "9", "0",
    "日本", "\u{1F600}", "\n", "\"", "\\", "x.y.z", String(repeating: "k", count: 300),
  ]

  private mutating func key() -> Key {
    if contents.contains(.oddKeys), random.oneIn(3) {
      return Key(RandomTree.oddKeys[random.below(RandomTree.oddKeys.count)])
    }
    return Key(
      ["w", "b", "layer", "kernel", "bias", "mean", "var"][random.below(7)] + String(random.below(20)))
  }

  private mutating func staticValue() -> StaticValue {
    switch random.below(4) {
    case 0: .string(["", "relu", "é", "e\u{301}", "a\u{0}b", "line\nline"][random.below(6)])
    case 1: .int([0, 1, -1, .min, .max, 1 << 53 + 1][random.below(6)])
    case 2: .float([0, -0.0, 0.1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude][random.below(7)])
    default: .bool(random.oneIn(2))
    }
  }

  private static let dtypes = DType.allCases.filter { $0 != .unsupported && $0 != .string }

  public mutating func leaf() -> Leaf {
    if contents.contains(.text), random.oneIn(12) {
      let strings = (0..<random.below(4)).map { _ in ["", "one", "zwei ä", "\u{1F600}"][random.below(4)] }
      return .text(strings, shape: [strings.count])
    }
    return leaf(RandomTree.dtypes[random.below(RandomTree.dtypes.count)], shape: shape())
  }

  /// A leaf of random bits: NaN payloads, −0 and extreme integers among them.
  public mutating func leaf(_ dtype: DType, shape: [Int]) -> Leaf {
    let bytes = dtype.elements(from: random.bytes(dtype.byteCount(of: shape) ?? 0))
    return Leaf(dtype: dtype, shape: shape, bytes: bytes)
  }

  private mutating func shape() -> [Int] {
    if random.oneIn(6) { return [] }
    var shape: [Int] = []
    var count = 1
    for _ in 0..<(1 + random.below(3)) {
      let extent = random.oneIn(12) ? 0 : 1 + random.below(max(1, min(9, mostElements / max(count, 1))))
      shape.append(extent)
      count *= max(extent, 1)
    }
    return shape
  }
}

extension Leaf {
  /// A leaf of these bytes, copied.
  ///
  /// - Precondition: there are as many as the shape needs.
  public init(dtype: DType, shape: [Int], bytes: [UInt8]) {
    precondition(dtype.itemSize == nil || dtype.byteCount(of: shape) == bytes.count)
    let memory = MemoryBytes(count: bytes.count) { buffer in
      bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    self.init(dtype: dtype, shape: shape, source: memory)
  }

  /// A leaf of text.
  public static func text(_ strings: [String], shape: [Int]) -> Leaf {
    var bytes: [UInt8] = []
    for string in strings {
      withUnsafeBytes(of: UInt64(string.utf8.count).littleEndian) { bytes += $0 }
      bytes += string.utf8
    }
    return Leaf(dtype: .string, shape: shape, bytes: bytes)
  }

  /// The logical bytes, read whole.
  public func allBytes() throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      try source.read(
        at: 0,
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<byteCount]))
      filled = byteCount
    }
  }
}
