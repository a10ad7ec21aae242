import Refx
import RefxStore

/// Which collection a tied value gets.
public enum TieCollection: Hashable, Sendable {
  /// The one that all Refs with a collection agree on; with a site that wins, that site's own where it has one.
  case agreed
  /// This one; nil for none.
  case given(CollectionTag?)
}

/// A checkpoint in which sites were tied, and what there is to say about it.
public struct TiedCheckpoint: Sendable {
  /// The checkpoint with the tie.
  public let contents: CheckpointContents
  /// All sites of the value, depth first: those that were asked for and those that shared with one of them before.
  public let sites: [Path]
  /// Those of the paths that shared the value before, or name the same place as another.
  public let alreadyTied: [Path]
  /// The collection of the value.
  public let collection: CollectionTag?
  /// The nodes whose attributes went with a value that gave way.
  public let lostAttributes: [Path]
}

extension CheckpointContents {
  /// Makes the sites at `paths` share one value. They must be equal, byte for byte, unless `take` says which one
  /// wins; payload is read, in pieces, where no stored hash decides. Plain arrays become a Ref. Whatever else
  /// shared with one of them shares with all of them then. Metadata stays, and so do attributes, at the value's first
  /// site.
  ///
  /// A path through any site of a shared subtree names what stands inside. Indexes count from 0 in order of first
  /// sight.
  ///
  /// - Parameters:
  ///   - take: the one of `paths` whose value, attributes and collection stay.
  ///   - collection: the collection of the tied value.
  /// - Throws: ``RefxError`` where nothing stands at a path, or what stands there is neither an array nor a Ref;
  ///   where values or collections differ; where one path lies inside the value of another, so that a value would
  ///   hold itself; and for a part of a partition.
  public func tying(
    _ paths: [Path], take: Path? = nil, collection: TieCollection = .agreed
  ) throws -> TiedCheckpoint {
    guard let first = paths.first, paths.contains(where: { $0 != first }) else {
      throw RefxError.tyingNeedsTwoPaths(paths.first)
    }
    if metadata[PartRecord.key] != nil { throw RefxError.rulesOnAPart("tie") }
    let values = try ValueTable(of: tree)
    let places = try paths.map { try values.tiable(at: $0, in: tree) }
    let winner = try take.map { take in
      guard let place = values.place(take, in: tree) else {
        throw RefxError.noSuchPath(take, near: values.names(near: take, in: tree))
      }
      guard places.contains(place.path) else { throw RefxError.takenIsNotTied(take, among: paths) }
      return place.path
    }

    var table = try RuleTable(tree)
    let numbers = table.items(at: Set(places + [winner].compactMap { $0 }))
    var seen: Set<Int> = []
    let group = places.compactMap { numbers[$0] }.filter { seen.insert($0).inserted }
    let lead = winner.flatMap { numbers[$0] } ?? group[0]
    let shared = table.ref(at: lead)
    let already = zip(paths, places).filter { _, place in
      guard let item = numbers[place] else { return false }
      return item == lead || shared != nil && table.ref(at: item) == shared
    }
    let isWhole = already.count == paths.count
    // One place by several names has nothing to be tied to.
    if group.count > 1 {
      _ = try table.tie(
        [group], take: winner.flatMap { numbers[$0] }.map { [$0] }, collection: collection, rule: 1)
    }
    var builder = RuleTreeBuilder(table)
    var result = self
    result.tree = builder.tree()
    var lost: [Path] = []
    if !attributes.isEmpty, !isWhole {
      let first = places.firstIndex { numbers[$0] == lead } ?? 0
      let others = take == nil ? places.indices.filter { $0 != first } : []
      let carrying = AttributeCarrying(from: tree, values, attributes)
      (result.attributes, lost) = try carrying.carried(
        to: result.tree, tied: [places[first]] + others.map { places[$0] })
    }
    let after = try ValueTable(of: result.tree)
    // A value that holds itself may be named by a site inside of it, and give way.
    for (path, place) in zip(paths, places) where after.place(path, in: result.tree) == nil {
      let ref = values.place(place, in: tree)?.node.referenceIndex
      throw RefxError.tiedWhereItGoes(path, site: ref.flatMap { values[$0]?.firstSite } ?? place)
    }
    let index = after.place(paths[0], in: result.tree)?.node.referenceIndex
    return TiedCheckpoint(
      contents: result, sites: try result.tree.sites(of: index, or: places),
      // With nothing tied before, the lead is not worth a word.
      alreadyTied: already.count > 1 ? already.map(\.0) : [],
      collection: index.flatMap { after[$0]?.collection }, lostAttributes: lost)
  }
}

extension TiedCheckpoint {
  /// Whether all of the paths shared one value before.
  public func wasTied(_ paths: [Path]) -> Bool { paths.allSatisfy(alreadyTied.contains) }
}

extension ValueTable where Element == Leaf {
  /// Where a listing names what stands at `path`, if it can be tied.
  fileprivate func tiable(at path: Path, in tree: Tree<Leaf>) throws -> Path {
    guard let (place, node) = place(path, in: tree) else {
      throw RefxError.noSuchPath(path, near: names(near: path, in: tree))
    }
    let advice: String?
    switch node {
    case .leaf, .value, .index: return place
    case .dictionary(let branches):
      let names = branches.keys.prefix(3).map { path.appending($0).text }.joined(separator: ", ")
      advice =
        branches.count == 0
        ? nil : "tie what is in it, one by one: \(names)\(branches.count > 3 ? ", …" : "")"
    case .list(let members), .tuple(let members):
      advice = members.isEmpty ? nil : "tie what is in it, one by one: \(path.appending("0").text), …"
    case .hole: advice = "merge the parts first"
    case .static: advice = "static values belong to the structure and are never shared"
    case .none, .nothing: advice = nil
    }
    throw RefxError.cannotBeTied(path, found: node.inWords, advice: advice)
  }
}

extension Tree where Element == Leaf {
  /// The sites of a Ref, depth first; `others` where there is no Ref.
  fileprivate func sites(of index: Int?, or others: [Path]) throws -> [Path] {
    guard let index else { return Array(Set(others)).sorted() }
    var found: [Path] = []
    try forEachSite { if $0.reference?.index == index { found.append($0.path) } }
    return found
  }
}
