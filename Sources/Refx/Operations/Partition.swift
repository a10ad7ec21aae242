/// The leaves of a tree that belong to one part: an immutable ordered map from every path of the tree to the
/// leaf there, or to Nothing where the leaf is in another part. From refx: `Partition`.
///
/// The paths are kept once, as the structure they come from, by all parts of a tree together. A part costs the
/// leaves that are in it, and the parts together a word for each path.
public struct Partition<Element> {
  let layout: PartitionLayout
  /// The leaves in order, one for each path; ``Tree/nothing`` where the leaf is in another part, or the
  /// origin had a Nothing of its own.
  public let leaves: PartLeaves<Element>

  init(layout: PartitionLayout, leaves: PartLeaves<Element>) {
    self.layout = layout
    self.leaves = leaves
  }

  /// A part made by hand.
  ///
  /// - Throws: ``RefxError`` where a path comes twice.
  public init(_ entries: [(path: Path, leaf: Tree<Element>)]) throws {
    layout = try PartitionLayout(listing: entries.map { $0.path })
    leaves = PartLeaves(all: entries.map { $0.leaf })
  }

  /// The number of paths, Nothings included.
  public var count: Int { leaves.count }

  /// The paths in order. Made anew at each call, in linear time.
  public var paths: [Path] { layout.paths }

  /// What stands at `path`: a leaf or Nothing; nil where the origin has no such path.
  public subscript(path: Path) -> Tree<Element>? {
    layout.position(at: path).map { leaves[$0] }
  }

  /// What stands at the path of these keys.
  public subscript(keys: Key...) -> Tree<Element>? { self[Path(keys)] }

  /// The same paths with each leaf transformed, inside Values too; Nothings stay.
  public func map<Other>(_ transform: (Element) throws -> Other) rethrows -> Partition<Other> {
    Partition<Other>(layout: layout, leaves: try leaves.map(own: { try $0.map(transform) }))
  }

  /// The leaves that are here, Nothings left out.
  public var filledCount: Int { leaves.own.reduce(0) { $1.isVacant ? $0 : $0 + 1 } }
}

extension Partition: Sendable where Element: Sendable {}
extension Partition: Equatable where Element: Equatable {}
extension Partition: Hashable where Element: Hashable {}

extension Partition {
  /// Paths and leaves in order: `for (path, leaf) in partition.entries`. Makes the paths anew, in linear time.
  public var entries: Zip2Sequence<[Path], PartLeaves<Element>> { zip(paths, leaves) }
}

extension Tree {
  /// Whether nothing stands here: the tree's own Nothing, or a hole.
  public var isVacant: Bool {
    switch self {
    case .nothing, .hole: true
    default: false
    }
  }
}

/// Which paths the leaves of a Partition have, and which of them had nothing from the start.
public struct PartitionLayout: Sendable {
  enum Source: Sendable {
    case structure(Structure)
    case listed([Path], positions: [Path: Int])
  }

  let source: Source
  /// Where a Partition was partitioned: which of its places were Nothing. Nil where the structure says it.
  let vacant: [Bool]?

  init(_ structure: Structure) {
    source = .structure(structure)
    vacant = nil
  }

  init(listing paths: [Path]) throws {
    var positions: [Path: Int] = [:]
    positions.reserveCapacity(paths.count)
    for (position, path) in paths.enumerated() where positions.updateValue(position, forKey: path) != nil {
      throw RefxError.pathTwice(path)
    }
    source = .listed(paths, positions: positions)
    vacant = nil
  }

  private init(source: Source, vacant: [Bool]?) {
    self.source = source
    self.vacant = vacant
  }

  /// The same paths, for the parts of a Partition that has Nothing where `vacant` says.
  func marking(_ vacant: [Bool]) -> PartitionLayout { PartitionLayout(source: source, vacant: vacant) }

  var paths: [Path] {
    switch source {
    case .structure(let structure): structure.paths
    case .listed(let paths, _): paths
    }
  }

  func path(of position: Int) -> Path {
    switch source {
    case .structure(let structure): structure.path(of: position)
    case .listed(let paths, _): paths[position]
    }
  }

  func position(at path: Path) -> Int? {
    switch source {
    case .structure(let structure): structure.position(at: path)
    case .listed(_, let positions): positions[path]
    }
  }

  /// Whether the paths are the same, in the same order. Where both come from one tree nothing is compared.
  func hasPaths(of other: PartitionLayout) -> Bool {
    if case .structure(let one) = source, case .structure(let two) = other.source, one == two { return true }
    return paths == other.paths
  }
}

/// Layouts are equal when their paths are.
extension PartitionLayout: Hashable {
  public static func == (a: PartitionLayout, b: PartitionLayout) -> Bool { a.hasPaths(of: b) }
  public func hash(into hasher: inout Hasher) { hasher.combine(paths) }
}
