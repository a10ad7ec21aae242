/// Classes of values that correspond to each other.
struct ValueClasses {
  enum Member: Hashable {
    case inA(Int)
    case inB(Int)
    case placeInB(Path)
  }

  private var numbers: [Member: Int] = [:]
  private var sets = DisjointSets()

  /// Puts both into one class; says whether they were in one already.
  mutating func unite(_ x: Member, _ y: Member) -> Bool {
    sets.unite(number(of: x), number(of: y))
  }

  private mutating func number(of member: Member) -> Int {
    if let number = numbers[member] { return number }
    numbers[member] = sets.count
    sets.add()
    return sets.count - 1
  }
}
