import Refx

/// What a file says about the nodes of its tree beside what they are: the attributes of HDF5's objects, the name
/// of a type that the tree cannot name. They travel with their paths, are no part of the structure, and are in no
/// digest.
///
/// Those of a shared value stand at its first site.
public struct NodeAttributes: Hashable, Sendable {
  /// Never an empty list.
  private var byPath: [Path: [Attribute]] = [:]

  /// No attributes.
  public init() {}

  /// Whether no node has any.
  public var isEmpty: Bool { byPath.isEmpty }

  /// The nodes that have some, in the order of their paths.
  public var paths: [Path] { byPath.keys.sorted() }

  /// The attributes of the node at `path`, in the order that their writer gave them; none where it has none.
  public subscript(path: Path) -> [Attribute] {
    get { byPath[path] ?? [] }
    set { byPath[path] = newValue.isEmpty ? nil : newValue }
  }

  /// The attributes at their nodes' new places.
  ///
  /// - Parameter place: the new path of a node; nil where it is no longer there. Where two nodes fall on one place
  ///   the first, in the order of the old paths, comes first, and a name counts once.
  public func moved(_ place: (Path) throws -> Path?) rethrows -> NodeAttributes {
    var moved = NodeAttributes()
    for path in paths {
      guard let new = try place(path) else { continue }
      var names = Set(moved[new].map(\.name))
      moved[new] += self[path].filter { names.insert($0.name).inserted }
    }
    return moved
  }
}

extension NodeAttributes {
  /// Those of nodes that `tree` has. Walks the tree where there are any.
  package func kept<Element>(in tree: Tree<Element>) throws -> NodeAttributes {
    if isEmpty { return self }
    var left = Set(byPath.keys)
    var kept = NodeAttributes()
    try tree.forEachSite { site in
      if left.remove(site.path) != nil { kept[site.path] = self[site.path] }
    }
    return kept
  }
}

/// A name and a small value that a node carries.
public struct Attribute: Hashable, Sendable {
  /// What it is called.
  public let name: Key
  /// What it says.
  public var value: AttributeValue

  /// An attribute with that name and value.
  public init(_ name: Key, _ value: AttributeValue) {
    self.name = name
    self.value = value
  }
}

/// The value of an attribute; in memory, since attributes are small.
public enum AttributeValue: Hashable, Sendable {
  /// One text or number of Swift's own types.
  case one(StaticValue)
  /// Texts in a shape, in C order.
  case texts([Key], shape: [Int])
  /// Numbers of any dtype but `string` and `unsupported`, in a shape, little-endian in C order.
  case numbers(dtype: DType, shape: [Int], bytes: [UInt8])
  /// A value of no elements and no type that counts: HDF5's null dataspace.
  case empty
}

extension AttributeValue {
  /// Numbers in their simplest form: a single one of a type of Swift's own is ``one(_:)``.
  ///
  /// - Parameter bytes: little-endian, in C order, as many as the shape needs.
  public init(dtype: DType, shape: [Int], bytes: [UInt8]) {
    func load<T: BitwiseCopyable>(_ type: T.Type) -> T {
      bytes.withUnsafeBytes { $0.loadUnaligned(as: type) }
    }
    self = .numbers(dtype: dtype, shape: shape, bytes: bytes)
    guard shape.isEmpty, bytes.count == dtype.itemSize else { return }
    switch dtype {
    case .bool: self = .one(.bool(bytes[0] != 0))
    case .int64: self = .one(.int(Int64(littleEndian: load(Int64.self))))
    case .float64: self = .one(.float(Double(bitPattern: UInt64(littleEndian: load(UInt64.self)))))
    default: break
    }
  }

  /// The type of the elements; nil where there are none.
  public var dtype: DType? {
    switch self {
    case .one(let value): DType(name: value.typeName)
    case .texts: .string
    case .numbers(let dtype, _, _): dtype
    case .empty: nil
    }
  }

  /// The extents; nil where there is no value.
  public var shape: [Int]? {
    switch self {
    case .one: []
    case .texts(_, let shape), .numbers(_, let shape, _): shape
    case .empty: nil
    }
  }
}
