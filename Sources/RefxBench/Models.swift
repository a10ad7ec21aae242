import Glibc
import RefxIO

/// The trees that jobs work on: read from a file, or made of the bytes of one.
enum Models {
  /// All of a checkpoint in memory; where it has no Refs, every leaf the value of one of the collection
  /// "params", as a model has its weights.
  ///
  /// - Parameter plain: whether they stay leaves, without Refs.
  static func inMemory(_ path: String, plain: Bool = false) throws -> Tree<Leaf> {
    let tree = try Checkpoint.open(path).contents.tree.map { Leaf(try $0.tensor()) }
    guard !plain, try tree.sites().allSatisfy({ $0.reference == nil }) else { return tree }
    var next = 0
    return tree.flatMap { leaf in
      defer { next += 1 }
      return .value(.init(.leaf(leaf), index: next, collection: "params"))
    }
  }

  /// As many leaves of float32 as asked for, in layers of twenty, each the value of a Ref.
  static func small(leaves: Int, elements: Int) -> Tree<Leaf> {
    var layers: [(Key, Tree<Leaf>)] = []
    var made = 0
    while made < leaves {
      var parts: [(Key, Tree<Leaf>)] = []
      while made < leaves, parts.count < 20 {
        let row = (0..<elements).map { Float(made) + Float($0) / 64 }
        let value = Tree<Leaf>.leaf(Tensor(row))
        parts.append((Key("part\(parts.count)"), .value(.init(value, index: made, collection: "params"))))
        made += 1
      }
      layers.append((Key("layer\(padded(layers.count))"), .dictionary(parts)))
    }
    return .dictionary([("model", .dictionary(layers))])
  }

  /// `byteCount` bytes of float32 in leaves of at most 16 MiB: the bytes of a file again and again, each time
  /// from another place on.
  static func large(byteCount: Int, from path: String) throws -> Tree<Leaf> {
    let source = try OpenFile(path).content()
    let weights = source.bytes
    defer { withExtendedLifetime(source) {} }
    // Past the header of the file, and a multiple of an element.
    let start = min(1 << 20, weights.count / 2) & ~3
    var place = start
    var members: [(Key, Tree<Leaf>)] = []
    var left = byteCount & ~4095
    while left > 0 {
      let count = min(left, 16 << 20)
      let bytes = MemoryBytes(count: count) { buffer in
        var filled = 0
        while filled < count {
          let piece = min(count - filled, (weights.count & ~3) - place)
          buffer.baseAddress!.advanced(by: filled)
            .copyMemory(from: weights.baseAddress! + place, byteCount: piece)
          filled += piece
          place = place + piece < weights.count & ~3 ? place + piece : start + 4 * members.count
        }
      }
      let shape = count.isMultiple(of: 4096) ? [count / 4096, 1024] : [count / 4]
      let leaf = Tree<Leaf>.leaf(Leaf(dtype: .float32, shape: shape, source: bytes))
      members.append(
        (
          Key("weight\(padded(members.count))"),
          .value(.init(leaf, index: members.count, collection: "params"))
        ))
      left -= count
    }
    return .dictionary(members)
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 7 - digits.count)) + digits
  }
}

extension Run {
  /// The model that the keys name: `in=FILE [plain=1]`, or `leaves=N elements=M`, or `large=BYTES in=FILE`.
  func model() throws -> Tree<Leaf> {
    let tree: Tree<Leaf>
    if self["large"] != nil {
      tree = try Models.large(byteCount: count("large"), from: text("in"))
    } else if self["leaves"] != nil {
      tree = Models.small(leaves: try count("leaves"), elements: try count("elements", default: 16))
    } else {
      tree = try Models.inMemory(try text("in"), plain: flag("plain"))
    }
    note(sizeOf: tree)
    return tree
  }

  /// Takes the bytes and the leaves of `tree` as what is worked on.
  func note(sizeOf tree: Tree<Leaf>) {
    var sizes = (bytes: 0, leaves: 0)
    tree.forEachLeaf { leaf in
      sizes.bytes += leaf.byteCount
      sizes.leaves += 1
    }
    bytes = sizes.bytes
    leaves = sizes.leaves
  }

  /// The number of threads that was asked for; as many as there are cores where none was.
  var threads: Int? { get throws { self["threads"] == nil ? nil : try count("threads") } }
}
