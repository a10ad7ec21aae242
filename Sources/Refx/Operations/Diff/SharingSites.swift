/// The paths at which both trees have the same kind of node and at least one of them a Ref: by which the
/// sharing of the two is compared as two partitions of one set of paths.
struct SharingSites {
  private var paths: [Path] = []
  /// The same in the second tree: others where something moved.
  private var newPaths: [Path] = []
  /// The Ref in each tree; nil where a plain value stands, which shares with nobody.
  private var references: [(inA: Int?, inB: Int?)] = []

  mutating func add(_ path: Path, _ newPath: Path, _ indexInA: Int?, _ indexInB: Int?) {
    paths.append(path)
    newPaths.append(newPath)
    references.append((indexInA, indexInB))
  }

  /// One row for each group of paths that shares otherwise in the second tree than in the first.
  func changes() -> [TopologyChange] {
    var changes: [TopologyChange] = []
    for group in groups() where group.count > 1 {
      let from = partition(group, of: paths) { $0.inA }
      let to = partition(group, of: newPaths) { $0.inB }
      // Paths that are linked at all and shared by one value on both sides are as they were.
      if from.count == 1 && to.count == 1 { continue }
      let change: TopologyChange.Change = from.count == 1 ? .untied : to.count == 1 ? .tied : .retied
      changes.append(TopologyChange(change: change, paths: group.map { paths[$0] }, from: from, to: to))
    }
    return changes
  }

  /// The positions, put together where one Ref of either tree links them; in order of first position.
  private func groups() -> [[Int]] {
    var sets = DisjointSets(count: paths.count)
    var firstInA: [Int: Int] = [:]
    var firstInB: [Int: Int] = [:]
    func link(_ position: Int, _ index: Int?, _ first: inout [Int: Int]) {
      guard let index else { return }
      if let earlier = first[index] {
        sets.unite(earlier, position)
      } else {
        first[index] = position
      }
    }
    for (position, reference) in references.enumerated() {
      link(position, reference.inA, &firstInA)
      link(position, reference.inB, &firstInB)
    }
    var members: [[Int]] = Array(repeating: [], count: paths.count)
    for position in paths.indices { members[sets.smallest(with: position)].append(position) }
    return members.filter { !$0.isEmpty }
  }

  private func partition(
    _ group: [Int], of paths: [Path], by index: ((inA: Int?, inB: Int?)) -> Int?
  ) -> [[Path]] {
    var sets: [[Path]] = []
    var place: [Int: Int] = [:]
    for position in group {
      guard let index = index(references[position]) else {
        sets.append([paths[position]])
        continue
      }
      if let known = place[index] {
        sets[known].append(paths[position])
      } else {
        place[index] = sets.count
        sets.append([paths[position]])
      }
    }
    return sets
  }
}
