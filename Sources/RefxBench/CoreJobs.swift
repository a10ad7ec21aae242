import RefxIO

/// What the core takes for a leaf: a live model of small leaves, or its dereffed tree.
///
/// Each job runs once before it is timed, unless `cold=1`: the first time most goes to the system, which clears
/// fresh pages, and that is no cost of a leaf.
enum CoreJobs {
  static let all: [Job] = [
    Job("core.deref", "deref of a live tree of Refs", keys: keys) { run in
      let tree = try liveTree(run)
      let made = try measure(run) { try deref(tree) }
      try run.check(made.leafCount == references(tree).count, "the leaves of all Refs")
    },
    Job("core.reref", "reref of a dereffed tree", keys: keys) { run in
      let dereffed = try deref(liveTree(run))
      let made = try measure(run) { try reref(dereffed) }
      try run.check(references(made).count == dereffed.leafCount, "a Ref for each value")
    },
    Job("core.partition", "a dereffed tree into three parts by collection", keys: keys) { run in
      let dereffed = try deref(liveTree(run))
      let parts = try measure(run) { partition(dereffed).partitions }
      try run.check(parts.reduce(0) { $0 + $1.filledCount } == run.leaves, "every leaf in one part")
    },
    Job("core.partition.live", "a live tree into three parts by collection", keys: keys) { run in
      let tree = try liveTree(run)
      let parts = try measure(run) {
        treePartition(tree, byCollection("params"), byCollection("batch_stats")).partitions
      }
      try run.check(parts.reduce(0) { $0 + $1.filledCount } == run.leaves, "every leaf in one part")
    },
    Job("core.merge", "three parts of a dereffed tree into one again", keys: keys) { run in
      let dereffed = try deref(liveTree(run))
      let (parts, structure) = partition(dereffed)
      let made = try measure(run) { try mergePartitions(parts, structure) }
      try run.check(made.leafCount == dereffed.leafCount, "the leaves that were parted")
    },
    Job("core.update", "the Refs of a live tree from a dereffed tree", keys: keys) { run in
      let tree = try liveTree(run)
      let dereffed = try deref(tree)
      try measure(run) { try updateRefs(tree, dereffed) }
      try run.check(try deref(tree).leafCount == dereffed.leafCount, "as many leaves as before")
    },
    Job("core.sites", "every site of a dereffed tree with its path", keys: keys) { run in
      let dereffed = try deref(liveTree(run))
      let count = try measure(run) {
        var count = 0
        try dereffed.forEachSite { count += $0.reference == nil ? 0 : 1 }
        return count
      }
      try run.check(count == run.leaves, "every leaf once")
    },
  ]

  private static let keys = "leaves= shape=nested|flat|lists cold="

  private static func measure<R>(_ run: Run, _ body: () throws -> R) throws -> R {
    if !run.flag("cold") { _ = try body() }
    return try run.measure(body)
  }

  private static func partition(
    _ tree: Tree<Leaf>
  ) -> (partitions: [Partition<Leaf>], structure: Structure) {
    treePartition(tree, byCollection("params"), byCollection("batch_stats"))
  }

  private static func references(_ tree: RefTree) -> Set<ObjectIdentifier> {
    Set(tree.leaves().compactMap { $0.ref.map { ObjectIdentifier($0) } })
  }

  /// Refs to leaves of two collections, of which one in a hundred is the Ref of the leaf before it: dictionaries
  /// of twenty, one dictionary of all, or lists of twenty.
  private static func liveTree(_ run: Run) throws -> RefTree {
    let leaves = try run.count("leaves")
    run.leaves = leaves
    var last = RefTree.nothing
    func member(_ number: Int) -> RefTree {
      if number % 100 == 99 { return last }
      let collection: CollectionTag = number % 20 < 16 ? "params" : "batch_stats"
      last = .ref(Ref(Leaf([Float(number), 1]), collection: collection))
      return last
    }
    func key(_ number: Int) -> Key {
      Key("weight_\(String(repeating: "0", count: 8 - "\(number)".count))\(number)")
    }
    func group(_ start: Int) -> Range<Int> { start..<min(start + 20, leaves) }
    let starts = stride(from: 0, to: leaves, by: 20)
    switch run["shape"] ?? "nested" {
    case "nested":
      return .dictionary(
        starts.map { (key($0), .dictionary(group($0).map { (key($0), member($0)) })) })
    case "flat": return .dictionary((0..<leaves).map { (key($0), member($0)) })
    case "lists": return .list(starts.map { .list(group($0).map(member)) })
    default: throw Trouble("shape= is nested, flat or lists")
    }
  }
}
