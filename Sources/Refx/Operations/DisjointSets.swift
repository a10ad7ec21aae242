/// Numbers from 0 on in sets that grow together. Each set goes by its smallest number.
package struct DisjointSets {
  /// Towards the smallest number of the set.
  private var parents: [Int]

  /// So many numbers, each in a set of its own.
  package init(count: Int = 0) { parents = Array(0..<count) }

  package var count: Int { parents.count }

  /// Adds the next number, in a set of its own.
  package mutating func add() { parents.append(parents.count) }

  /// The smallest number of the set that a number is in.
  package mutating func smallest(with number: Int) -> Int {
    var number = number
    while parents[number] != number {
      parents[number] = parents[parents[number]]
      number = parents[number]
    }
    return number
  }

  /// Makes the sets of two numbers one; says whether they were one already.
  @discardableResult
  package mutating func unite(_ one: Int, _ other: Int) -> Bool {
    let (i, j) = (smallest(with: one), smallest(with: other))
    parents[max(i, j)] = min(i, j)
    return i == j
  }
}
