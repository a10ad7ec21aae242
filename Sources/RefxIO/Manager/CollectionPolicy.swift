import Refx
import RefxStore

/// How the Refs of one collection are saved.
public struct CollectionPolicy: Sendable, Hashable {
  /// The collection; nil for Refs without one.
  let collection: CollectionTag?
  let dtype: DType?
  let compression: Compression?
  let isSaved: Bool

  /// - Parameters:
  ///   - dtype: what the arrays of a wider floating dtype become in the file; what is loaded has the old dtype and
  ///     the values that were left. As they are where it is nil.
  ///   - compression: another one than that of the file.
  public static func collection(
    _ collection: CollectionTag?, dtype: DType? = nil, compression: Compression? = nil
  ) -> CollectionPolicy {
    CollectionPolicy(collection: collection, dtype: dtype, compression: compression, isSaved: true)
  }

  /// Refs that are not saved: a file has holes in their places, and a model that is restored keeps its own.
  public static func leavingOut(_ collection: CollectionTag?) -> CollectionPolicy {
    CollectionPolicy(collection: collection, dtype: nil, compression: nil, isSaved: false)
  }
}

/// The Refs of a step whose arrays have another dtype in the file than they had.
struct StepCast: Hashable, Sendable {
  let from: DType
  let to: DType
  /// Their indexes in the file.
  let refs: [Int]

  init(from: DType, to: DType, refs: [Int]) {
    self.from = from
    self.to = to
    self.refs = refs
  }

  var json: JSON {
    [
      "from": .string(from.name), "to": .string(to.name),
      "refs": .array(refs.map { .integer(Int64($0)) }),
    ]
  }

  init?(_ json: JSON) {
    guard case .object(let object) = json, case .string(let from) = object["from"],
      case .string(let to) = object["to"], case .array(let refs) = object["refs"],
      let from = DType(name: from), let to = DType(name: to)
    else { return nil }
    self.from = from
    self.to = to
    self.refs = refs.compactMap { if case .integer(let index) = $0 { Int(exactly: index) } else { nil } }
    if self.refs.count != refs.count { return nil }
  }
}

extension CheckpointContents {
  /// The Refs that are to be saved, each whole with all of its sites; in the place of the others there are holes.
  ///
  /// - Parameter chooses: asked for each site; a Ref is chosen where one of its sites is.
  /// - Returns: self where nothing is left out.
  func keeping(_ chooses: (PartSite) throws -> Bool) throws -> CheckpointContents {
    var chosen: Set<Int> = []
    var leavesOut = false
    try forEachPartSite { site in
      if try chooses(site) {
        if let index = site.index { chosen.insert(index) }
      } else {
        leavesOut = true
      }
    }
    if !leavesOut { return self }
    return try planningPartition(names: ["saved", "left out"]) { site in
      try site.index.map { chosen.contains($0) ? 0 : 1 } ?? (chooses(site) ? 0 : 1)
    }.part(0).contents
  }

  /// The arrays of the Refs of each collection as its policy wants them.
  func applying(_ policies: [CollectionPolicy]) throws -> (contents: CheckpointContents, casts: [StepCast]) {
    var result = self
    let left = Set(policies.filter { !$0.isSaved }.map(\.collection))
    if !left.isEmpty {
      result = try result.keeping { site in site.index == nil || !left.contains(site.collection) }
    }
    let active = policies.filter { $0.isSaved && ($0.dtype != nil || $0.compression != nil) }
    if active.isEmpty { return (result, []) }
    let byCollection = Dictionary(active.map { ($0.collection, $0) }) { $1 }
    // What a file with both could not tell apart afterwards stays as it is.
    var dtypes: [Int: Set<DType>] = [:]
    _ = result.tree.mappingOwnLeaves { leaf, index, _, _ in
      dtypes[index, default: []].insert(leaf.dtype)
      return leaf
    }
    func isUnambiguous(_ index: Int, to dtype: DType) -> Bool {
      let held = dtypes[index] ?? []
      return !held.contains(dtype) && held.count { $0.isWiderFloat(than: dtype) } == 1
    }
    var cast: [StepCast.Change: [Int]] = [:]
    result.tree = try result.tree.mappingOwnLeaves { leaf, index, collection, path in
      guard let policy = byCollection[collection] else { return leaf }
      var leaf = leaf
      if let dtype = policy.dtype, leaf.dtype.isWiderFloat(than: dtype),
        isUnambiguous(index, to: dtype)
      {
        cast[.init(from: leaf.dtype, to: dtype), default: []].append(index)
        leaf = try leaf.cast(to: dtype, at: path)
      }
      return policy.compression.map { leaf.wishing($0) } ?? leaf
    }
    let casts = cast.map { StepCast(from: $0.from, to: $0.to, refs: Array(Set($1)).sorted()) }
      .sorted { ($0.from.name, $0.to.name) < ($1.from.name, $1.to.name) }
    return (result, casts)
  }

  /// The arrays of a step in the dtypes that they had.
  func undoing(_ casts: [StepCast]) throws -> CheckpointContents {
    if casts.isEmpty { return self }
    var wanted: [Int: [StepCast]] = [:]
    for cast in casts { for ref in cast.refs { wanted[ref, default: []].append(cast) } }
    var result = self
    result.tree = try tree.mappingOwnLeaves { leaf, index, _, path in
      guard let cast = wanted[index]?.first(where: { $0.to == leaf.dtype }) else { return leaf }
      return try leaf.cast(to: cast.from, at: path)
    }
    return result
  }
}

extension StepCast {
  fileprivate struct Change: Hashable {
    let from: DType
    let to: DType
  }
}

extension DType {
  /// Whether both are real floats and this one takes more room.
  fileprivate func isWiderFloat(than other: DType) -> Bool {
    let floats: [DType] = [.float16, .bfloat16, .float32, .float64]
    let narrow: [DType] = floats + [.float8E4M3FN, .float8E5M2]
    guard floats.contains(self), narrow.contains(other), let size = itemSize, let otherSize = other.itemSize
    else { return false }
    return size > otherSize
  }
}

extension Tree where Element == Leaf {
  /// The tree with the leaves of each Ref replaced: those that it holds up to the Refs inside, with the index and the
  /// collection of the Ref. Plain leaves stay.
  func mappingOwnLeaves(
    _ change: (Leaf, _ index: Int, CollectionTag?, Path) throws -> Leaf
  ) rethrows -> Tree {
    func apply(_ tree: Tree, _ path: Path, _ owner: (index: Int, collection: CollectionTag?)?) throws -> Tree
    {
      switch tree {
      case .leaf(let leaf):
        guard let owner else { return tree }
        return .leaf(try change(leaf, owner.index, owner.collection, path))
      case .value(var value):
        value.value = try apply(
          value.value, value.value.isReference ? path.appending("0") : path, (value.index, value.collection))
        return .value(value)
      default: return try tree.mapMembers(at: path) { try apply($0, $1, owner) }
      }
    }
    return try apply(self, .root, nil)
  }
}
