import Refx
import RefxStore

/// How a part of a model is saved: the Refs of a collection, or what stands at the paths that a glob matches.
///
/// Of several policies that apply to a value the one that is declared last decides, alone: what an earlier one says of
/// the same value does not count. So the general ones stand first, and exceptions from them follow:
///
/// ```swift
/// settings.policies = [
///   .collection("optimizer", dtype: .bfloat16),
///   try .path("optimizer/embedding/**"),  // as it is
///   try .leavingOut(path: "cache/**"),
/// ]
/// ```
///
/// A path is that of a Ref, and then stands for all that the Ref holds, or of a leaf. A shared value has several, and
/// policies by path may say different things of it: that is an error, which names both, and nothing is saved. A policy
/// that concerns nothing in the model of the first save is told to ``CheckpointManager/Settings/warn``.
public struct SavePolicy: Sendable {
  enum Scope: Sendable {
    /// nil for Refs without one.
    case collection(CollectionTag?)
    case paths(PathPattern)
  }

  /// What is done with a value.
  struct Treatment: Hashable, Sendable {
    var dtype: DType?
    var compression: Compression?
    var isSaved = true
  }

  let scope: Scope
  let treatment: Treatment

  /// The Refs of a collection, with what they hold up to the Refs inside.
  ///
  /// - Parameters:
  ///   - collection: nil stands for Refs without one.
  ///   - dtype: what the arrays of a wider floating dtype become in the file; what is loaded has the old dtype and
  ///     the values that were left. As they are where it is nil.
  ///   - compression: another one than that of the file.
  public static func collection(
    _ collection: CollectionTag?, dtype: DType? = nil, compression: Compression? = nil
  ) -> SavePolicy {
    SavePolicy(
      scope: .collection(collection), treatment: Treatment(dtype: dtype, compression: compression))
  }

  /// What stands at the paths that a glob matches, `*` one component, `**` any number: Refs with all that they hold,
  /// the Refs inside among it, and leaves, within a Ref or outside of every one. `dtype` and `compression` as in
  /// ``collection(_:dtype:compression:)``; with neither, what earlier policies say does not count there.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func path(
    _ glob: String, dtype: DType? = nil, compression: Compression? = nil
  ) throws -> SavePolicy {
    SavePolicy(
      scope: .paths(try PathPattern(glob: glob)),
      treatment: Treatment(dtype: dtype, compression: compression))
  }

  /// Refs that are not saved: a file has holes in their places, and a model that is restored keeps its own. One that
  /// lies inside of another Ref is saved with that.
  public static func leavingOut(_ collection: CollectionTag?) -> SavePolicy {
    SavePolicy(scope: .collection(collection), treatment: Treatment(isSaved: false))
  }

  /// Refs and plain leaves that are not saved, by the path of the whole Ref; else as ``leavingOut(_:)``.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func leavingOut(path glob: String) throws -> SavePolicy {
    SavePolicy(scope: .paths(try PathPattern(glob: glob)), treatment: Treatment(isSaved: false))
  }

  /// How messages call it.
  var name: String {
    switch scope {
    case .collection(let tag?): "the collection \(tag)"
    case .collection(nil): "no collection"
    case .paths(let pattern): pattern.text
    }
  }
}

/// Finds the policy that decides.
struct PolicyTable {
  private let policies: [SavePolicy]
  /// The last policy of each collection.
  private var byCollection: [CollectionTag?: Int] = [:]
  /// The policies by path, the last first.
  private var patterns: [(number: Int, pattern: PathPattern)] = []

  init(_ policies: [SavePolicy]) {
    self.policies = policies
    for (number, policy) in policies.enumerated() {
      switch policy.scope {
      case .collection(let tag): byCollection[tag] = number
      case .paths(let pattern): patterns.insert((number, pattern), at: 0)
      }
    }
  }

  /// The later of `number` and the last policy that matches `path`.
  func last(at path: Path, atLeast number: Int?) -> Int? {
    for (other, pattern) in patterns {
      if let number, other <= number { break }
      // A glob is matched in bounded time, so this never throws.
      if (try? pattern.matches(path)) == true { return other }
    }
    return number
  }

  /// The policy for the Refs of a collection.
  func last(of collection: CollectionTag?) -> Int? { byCollection[collection] }

  func treatment(_ number: Int?) -> SavePolicy.Treatment {
    number.map { policies[$0].treatment } ?? SavePolicy.Treatment()
  }

  func name(_ number: Int?) -> String? { number.map { policies[$0].name } }

  func disagreement(_ one: (path: Path, number: Int?), _ other: (path: Path, number: Int?)) -> RefxError {
    .policiesDisagree(one.path, name(one.number), other.path, name(other.number))
  }
}

extension CheckpointContents {
  /// The contents as the policies want them, and which arrays have another dtype than they had.
  ///
  /// - Parameter releasing: whether large arrays let go of their bytes as soon as they are written.
  /// - Throws: ``RefxError`` where policies by path disagree about a shared value.
  func applying(
    _ policies: [SavePolicy], releasing: Bool = false
  ) throws -> (contents: CheckpointContents, casts: [StepCast]) {
    let table = PolicyTable(policies)
    var result = self
    if policies.contains(where: { !$0.treatment.isSaved }) { result = try result.leavingOut(table) }
    guard policies.contains(where: { $0.treatment.dtype != nil || $0.treatment.compression != nil }) else {
      if releasing { result.tree = result.tree.map { $0.isInMemory ? $0.lettingGo() : $0 } }
      return (result, [])
    }
    let sites = try RefSites(in: result.tree, table)
    var casts = CastTable()
    result.tree = try result.tree.mappingPlacedLeaves { leaf, place in
      let treatment = try sites.treatment(of: leaf, at: place, table)
      let isInMemory = leaf.isInMemory
      var leaf = leaf
      if let dtype = treatment.dtype, leaf.dtype.isWiderFloat(than: dtype) {
        casts.add(place, from: leaf.dtype, to: dtype)
        leaf = try leaf.cast(to: dtype, at: place.path)
      } else {
        casts.keep(place, leaf.dtype)
      }
      if releasing, isInMemory { leaf = leaf.lettingGo() }
      return treatment.compression.map { leaf.wishing($0) } ?? leaf
    }
    return (result, casts.casts)
  }

  private func leavingOut(_ table: PolicyTable) throws -> CheckpointContents {
    var first: [Int: (path: Path, number: Int?)] = [:]
    var left: Set<Int> = []
    var plain: Set<Path> = []
    try forEachPartSite { site in
      let own = site.index == nil ? nil : table.last(of: site.collection)
      let number = table.last(at: site.path, atLeast: own)
      let isSaved = table.treatment(number).isSaved
      guard let index = site.index else {
        if !isSaved { plain.insert(site.path) }
        return
      }
      if let other = first[index] {
        guard isSaved == left.contains(index) else { return }
        throw table.disagreement(other, (site.path, number))
      }
      first[index] = (site.path, number)
      if !isSaved { left.insert(index) }
    }
    return try keeping { site in
      site.index.map { !left.contains($0) } ?? !plain.contains(site.path)
    }
  }

  /// How messages call the policies that concern nothing here.
  func idle(_ policies: [SavePolicy]) throws -> [String] {
    var waiting = Array(policies.enumerated())
    func look(_ path: Path, _ collection: CollectionTag??) {
      waiting.removeAll { _, policy in
        switch policy.scope {
        case .collection(let tag): collection.map { $0 == tag } ?? false
        case .paths(let pattern): (try? pattern.matches(path)) ?? false
        }
      }
    }
    func visit(_ tree: Tree<Leaf>, _ path: Path) {
      if waiting.isEmpty { return }
      switch tree {
      case .leaf: look(path, nil)
      case .index: look(path, nil)
      case .value(let value):
        look(path, .some(value.collection))
        visit(value.value, value.value.isReference ? path.appending("0") : path)
      default: tree.forEachMember(at: path, visit)
      }
    }
    visit(tree, .root)
    return waiting.map(\.element.name)
  }
}

/// Where the Refs of a tree stand, those inside others among them, and the policy by path that each place has.
private struct RefSites {
  private struct Site {
    let path: Path
    let number: Int?
  }

  private var sites: [Int: [Site]] = [:]

  init(in tree: Tree<Leaf>, _ table: PolicyTable) throws {
    /// The Refs that hold others, whose policies are found by way of one of their places alone.
    var holders: Set<Int> = []
    var found: [Int: [Site]] = [:]
    func visit(_ tree: Tree<Leaf>, _ path: Path, _ outer: (index: Int, number: Int?)?) {
      switch tree {
      case .value, .index:
        guard let index = tree.referenceIndex else { return }
        let number = table.last(at: path, atLeast: outer?.number)
        if let outer { holders.insert(outer.index) }
        found[index, default: []].append(Site(path: path, number: number))
        guard case .value(let value) = tree else { return }
        visit(value.value, value.value.isReference ? path.appending("0") : path, (index, number))
      default: tree.forEachMember(at: path) { visit($0, $1, outer) }
      }
    }
    visit(tree, .root, nil)
    for index in holders.sorted() {
      guard let all = found[index], let first = all.first else { continue }
      for site in all.dropFirst()
      where table.treatment(site.number).inFile != table.treatment(first.number).inFile {
        throw table.disagreement((first.path, first.number), (site.path, site.number))
      }
    }
    sites = found
  }

  /// What is done with a leaf: the same, by whichever of its paths one comes to it.
  func treatment(of leaf: Leaf, at place: LeafPlace, _ table: PolicyTable) throws -> SavePolicy.Treatment {
    guard let owner = place.owner, let all = sites[owner.index] else {
      return table.treatment(table.last(at: place.path, atLeast: nil)).concerning(leaf)
    }
    let inside = place.path.keys.dropFirst(owner.path.keys.count)
    var decision: (path: Path, number: Int?, treatment: SavePolicy.Treatment)?
    for site in all {
      var number = site.number
      if let own = table.last(of: owner.collection) { number = max(own, number ?? own) }
      let path = inside.isEmpty ? site.path : Path(site.path.keys + inside)
      if !inside.isEmpty { number = table.last(at: path, atLeast: number) }
      let treatment = table.treatment(number).concerning(leaf)
      guard let other = decision else {
        decision = (path, number, treatment)
        continue
      }
      if other.treatment != treatment {
        throw table.disagreement((other.path, other.number), (path, number))
      }
    }
    return decision?.treatment ?? SavePolicy.Treatment()
  }
}

extension SavePolicy.Treatment {
  /// What it says of how something stands in the file.
  fileprivate var inFile: SavePolicy.Treatment {
    SavePolicy.Treatment(dtype: dtype, compression: compression)
  }

  /// What of it matters to a leaf.
  fileprivate func concerning(_ leaf: Leaf) -> SavePolicy.Treatment {
    var own = inFile
    if let dtype, !leaf.dtype.isWiderFloat(than: dtype) { own.dtype = nil }
    return own
  }
}

extension DType {
  /// Whether both are real floats and this one takes more room.
  fileprivate func isWiderFloat(than other: DType) -> Bool {
    guard isRealFloat, other.isRealFloat, let size = itemSize, let otherSize = other.itemSize else {
      return false
    }
    return size > otherSize
  }
}
