import Refx
import RefxStore

/// The comparison of pairs of arrays, element by element.
struct ValueComparison {
  private let options: DiffOptions
  private let pairs: [DiffPair]
  /// What was found, for each pair's others in a row; nil where nothing differs.
  private var differences: [ElementDifference?] = []
  /// The comparisons that need the bytes, and the place of their results.
  private var arrays: [LeafPair] = []
  private var placesOfArrays: [Int] = []
  /// Text has a comparison of its own: what is equal in number need not be in length.
  private var texts: [(pair: LeafPair, place: Int)] = []
  /// Whether stored hashes show that some elements differ.
  private var isKnownToDiffer = false
  private let total: Int

  /// - Parameter contents: what is known of arrays that moved.
  init(of pairs: [DiffPair], _ options: DiffOptions, _ contents: DiffContents?) {
    self.pairs = pairs
    self.options = options
    total = pairs.reduce(0) { $0.addingSaturated($1.byteCount) }
    for pair in pairs {
      for other in pair.others {
        let isSame = ValueComparison.isKnownEqual(pair.leaf, other.leaf, options)
        if !isSame && (options.exact || !(contents?.areSame(pair.leaf, other.leaf) ?? false)) {
          if !isKnownToDiffer {
            isKnownToDiffer = ValueComparison.isKnownToDiffer(pair.leaf, other.leaf, options)
          }
          add(LeafPair(leaf: pair.leaf, path: pair.path, other: other.leaf, otherPath: other.path))
        }
        differences.append(nil)
      }
    }
  }

  private mutating func add(_ pair: LeafPair) {
    if pair.leaf.dtype == .string {
      texts.append((pair, differences.count))
    } else {
      arrays.append(pair)
      placesOfArrays.append(differences.count)
    }
  }

  /// Whether nothing needs to be read to know that two arrays are equal.
  private static func isKnownEqual(_ leaf: Leaf, _ other: Leaf, _ options: DiffOptions) -> Bool {
    if leaf.source === other.source { return true }
    if options.exact { return false }
    guard let hash = leaf.source.contentHash else { return false }
    return hash == other.source.contentHash
  }

  private static func isKnownToDiffer(_ leaf: Leaf, _ other: Leaf, _ options: DiffOptions) -> Bool {
    if options.exact || options.nanIsNaN || options.comparison.tolerance != nil { return false }
    guard let hash = leaf.source.contentHash, let theirs = other.source.contentHash else { return false }
    return hash != theirs
  }

  /// Whether any pair differs. Reads no further than to the first.
  mutating func findsAny(sharing: (any LeafSharing)?, progress: ProgressHandler?) throws -> Bool {
    if isKnownToDiffer { return true }
    guard let sharing, !costs.isEmpty else { return try findsAny(progress: progress) }
    let found = try sharing.share(costs) { positions in
      var part = chosen(positions)
      let isAny = try part.findsAny(progress: progress)
      // Said of the first pair, of whichever it is.
      return positions.indices.map { $0 == 0 && isAny ? [1] : [] }
    }
    return found.contains { !$0.isEmpty }
  }

  private mutating func findsAny(progress: ProgressHandler?) throws -> Bool {
    struct Found: Error {}
    do {
      try compareArrays(progress: progress) { if $0 { throw Found() } }
    } catch is Found {
      return true
    }
    return try texts.contains { pair, _ in
      try pair.leaf.textDifference(to: pair.other, path: pair.path, otherPath: pair.otherPath) != nil
    }
  }

  /// The rows of the pairs that differ, in order.
  mutating func rows(sharing: (any LeafSharing)?, progress: ProgressHandler?) throws -> [ValueChange] {
    if let sharing, !costs.isEmpty {
      let places = placesOfArrays + texts.map(\.place)
      let found = try sharing.share(costs) { positions in
        var part = chosen(positions)
        try part.compare(progress: progress)
        return positions.map { ElementDifference.bytes(of: part.differences[places[$0]]) }
      }
      for (place, finding) in zip(places, found) {
        differences[place] = ElementDifference.difference(in: finding)
      }
    } else {
      try compare(progress: progress)
    }
    var first = 0
    return pairs.compactMap { pair in
      defer { first += pair.others.count }
      return row(of: pair, differences[first..<(first + pair.others.count)])
    }
  }

  private mutating func compare(progress: ProgressHandler?) throws {
    try compareArrays(progress: progress)
    for (pair, place) in texts {
      differences[place] = try pair.leaf.textDifference(
        to: pair.other, path: pair.path, otherPath: pair.otherPath)
    }
  }

  /// The bytes to read of each pair, arrays before texts.
  private var costs: [Int] {
    (arrays + texts.map(\.pair)).map { $0.leaf.byteCount.addingSaturated($0.other.byteCount) }
  }

  /// The same with some of the pairs, by their positions in ``costs``.
  private func chosen(_ positions: [Int]) -> ValueComparison {
    var part = self
    let inArrays = positions.prefix { $0 < arrays.count }
    part.arrays = inArrays.map { arrays[$0] }
    part.placesOfArrays = inArrays.map { placesOfArrays[$0] }
    part.texts = positions.dropFirst(inArrays.count).map { texts[$0 - arrays.count] }
    return part
  }

  /// - Parameter look: told of each piece whether anything in it differs.
  private mutating func compareArrays(
    progress: ProgressHandler?, _ look: (Bool) throws -> Void = { _ in }
  ) throws {
    let blank = options.comparison
    let pairs = arrays
    let compare = pairs.map { blank.function(for: $0.leaf.dtype) }
    let reader = LeafPairReader(pairs) { pair, x, y -> ElementComparison? in
      if memcmpEqual(x, y) { return nil }
      var comparison = blank
      compare[pair](&comparison, x, y)
      return comparison
    }
    var done = total - pairs.reduce(0) { $0.addingSaturated($1.leaf.byteCount) }
    progress?(done, total)
    var sum = blank
    try reader.forEach { number, piece, found in
      if let found {
        sum.add(found)
        try look(found.isAnyChanged)
      }
      done = done.addingSaturated(piece.range.count)
      progress?(done, total)
      guard piece.isLast else { return }
      differences[placesOfArrays[number]] = sum.result(count: pairs[number].leaf.count)
      sum = blank
    }
  }

  /// The row of a pair; nil where nothing differs. Of several arrays that stand for one, that which is farthest off.
  private func row(of pair: DiffPair, _ differences: ArraySlice<ElementDifference?>) -> ValueChange? {
    var worst: ValueChange?
    var count = 0
    for (other, difference) in zip(pair.others, differences) {
      guard let difference else { continue }
      count += 1
      if let worst, !difference.isLarger(than: worst.difference) { continue }
      worst = ValueChange(
        path: pair.path, other: other.path == pair.path ? nil : other.path, count: pair.leaf.count,
        difference: difference)
    }
    worst?.more = count - 1
    return worst
  }
}

extension DiffPair {
  /// The logical bytes to compare.
  fileprivate var byteCount: Int {
    let (product, overflow) = leaf.byteCount.multipliedReportingOverflow(by: others.count)
    return overflow ? .max : product
  }
}
