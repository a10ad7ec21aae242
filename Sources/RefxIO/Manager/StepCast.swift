import Refx
import RefxStore

/// The arrays of a step that have another dtype in the file than they had.
struct StepCast: Hashable, Sendable {
  let from: DType
  let to: DType
  /// The indexes of Refs in the file, of which each array of the one dtype had the other.
  let refs: [Int]
  /// The paths of other arrays: plain ones, and those in Refs that have arrays of the dtype which had it before.
  let paths: [String]

  init(from: DType, to: DType, refs: [Int], paths: [String] = []) {
    self.from = from
    self.to = to
    self.refs = refs
    self.paths = paths
  }

  var json: JSON {
    var object: JSONObject = [
      "from": .string(from.name), "to": .string(to.name),
      "refs": .array(refs.map { .integer(Int64($0)) }),
    ]
    if !paths.isEmpty { object["paths"] = .array(paths.map { .string($0) }) }
    return .object(object)
  }

  init?(_ json: JSON) {
    guard case .object(let object) = json, case .string(let from) = object["from"],
      case .string(let to) = object["to"], case .array(let refs) = object["refs"],
      let from = DType(name: from), let to = DType(name: to)
    else { return nil }
    self.from = from
    self.to = to
    self.refs = refs.compactMap { if case .integer(let index) = $0 { Int(exactly: index) } else { nil } }
    guard let listed = object["paths"] else {
      paths = []
      if self.refs.count != refs.count { return nil }
      return
    }
    guard case .array(let paths) = listed else { return nil }
    self.paths = paths.compactMap { if case .string(let path) = $0 { path } else { nil } }
    if self.refs.count != refs.count || self.paths.count != paths.count { return nil }
  }
}

/// Collects the casts of a tree, leaf by leaf.
struct CastTable {
  private struct Change: Hashable {
    let from: DType
    let to: DType
  }

  private struct Ref {
    var cast: [(change: Change, path: Path)] = []
    var kept: Set<DType> = []
  }

  private var refs: [Int: Ref] = [:]
  private var paths: [Change: [String]] = [:]

  mutating func add(_ place: LeafPlace, from: DType, to: DType) {
    let change = Change(from: from, to: to)
    if let owner = place.owner {
      refs[owner.index, default: Ref()].cast.append((change, place.path))
    } else {
      paths[change, default: []].append(place.path.text)
    }
  }

  mutating func keep(_ place: LeafPlace, _ dtype: DType) {
    if let owner = place.owner { refs[owner.index, default: Ref()].kept.insert(dtype) }
  }

  var casts: [StepCast] {
    var whole: [Change: [Int]] = [:]
    var paths = paths
    for (index, ref) in refs {
      let changes = Set(ref.cast.map(\.change))
      for change in changes {
        // What a file could not tell apart by the dtype is named.
        let isClear = !ref.kept.contains(change.to) && changes.count { $0.to == change.to } == 1
        if isClear {
          whole[change, default: []].append(index)
        } else {
          paths[change, default: []] += ref.cast.filter { $0.change == change }.map(\.path.text)
        }
      }
    }
    return Set(whole.keys).union(paths.keys).map { change in
      StepCast(
        from: change.from, to: change.to, refs: (whole[change] ?? []).sorted(),
        paths: (paths[change] ?? []).sorted())
    }.sorted { ($0.from.name, $0.to.name) < ($1.from.name, $1.to.name) }
  }
}

extension CheckpointContents {
  /// The arrays of a step in the dtypes that they had.
  ///
  /// - Throws: ``RefxError`` where there is no such array.
  func undoing(_ casts: [StepCast]) throws -> CheckpointContents {
    if casts.isEmpty { return self }
    var wanted: [Int: [StepCast]] = [:]
    var named: [Key: StepCast] = [:]
    for cast in casts {
      for ref in cast.refs { wanted[ref, default: []].append(cast) }
      for path in cast.paths { named[Key(path)] = cast }
    }
    var result = self
    result.tree = try tree.mappingPlacedLeaves { leaf, place in
      if !named.isEmpty, let cast = named.removeValue(forKey: Key(place.path.text)) {
        guard cast.to == leaf.dtype else { throw RefxError.castIsLost(place.path.text) }
        return try leaf.cast(to: cast.from, at: place.path)
      }
      guard let owner = place.owner, let cast = wanted[owner.index]?.first(where: { $0.to == leaf.dtype })
      else { return leaf }
      return try leaf.cast(to: cast.from, at: place.path)
    }
    if let lost = named.keys.min() { throw RefxError.castIsLost(lost.string) }
    return result
  }
}

/// Where a leaf stands in a tree.
struct LeafPlace {
  let path: Path
  /// The Ref that holds it, the innermost, under its first path; nil for a plain leaf.
  let owner: (index: Int, collection: CollectionTag?, path: Path)?
}

extension Tree where Element == Leaf {
  /// The tree with each leaf replaced; that of a Ref once, at its first place.
  func mappingPlacedLeaves(_ change: (Leaf, LeafPlace) throws -> Leaf) rethrows -> Tree {
    func apply(
      _ tree: Tree, _ path: Path, _ owner: (index: Int, collection: CollectionTag?, path: Path)?
    ) throws -> Tree {
      switch tree {
      case .leaf(let leaf): return .leaf(try change(leaf, LeafPlace(path: path, owner: owner)))
      case .value(var value):
        value.value = try apply(
          value.value, value.value.isReference ? path.appending("0") : path,
          (value.index, value.collection, path))
        return .value(value)
      default: return try tree.mapMembers(at: path) { try apply($0, $1, owner) }
      }
    }
    return try apply(self, .root, nil)
  }
}
