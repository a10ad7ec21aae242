import Refx
import RefxTestSupport
import Testing

/// Each dtype has a Swift type whose values are leaves, members of models, and come back.
@Suite struct ElementTypeTests {
  @Test func everyDTypeHasOne() {
    let sized = Set(DType.allCases.filter { $0.itemSize != nil })
    let missing = sized.subtracting(ElementTypes.all.map { $0.dtype })
    #expect(missing.isEmpty, "in ElementTypes.all there is no type for \(missing.map(\.name).sorted())")
    #expect(ElementTypes.all.count == sized.count)
  }

  @Test func eachIsALeafAndAMemberOfAModel() throws {
    for type in ElementTypes.all { try check(type) }
  }

  private func check<E: ElementTypes.Element>(_ type: E.Type) throws {
    #expect(E.dtype.itemSize == MemoryLayout<E>.stride, "\(type)")
    let leaf = Leaf(
      dtype: E.dtype, shape: [], bytes: [UInt8](repeating: 1, count: MemoryLayout<E>.size))
    let one = try E(leaf: leaf)
    let tree = try TreeEncoder().encode(Members(one: one, row: [one, one]))
    for (name, shape) in [("one", [Int]()), ("row", [2])] {
      guard case .leaf(let found)? = tree[[Key(name)]] else {
        Issue.record("\(type): no leaf at \(name)")
        continue
      }
      #expect(found.dtype == E.dtype && found.shape == shape, "\(type)")
    }
    let back = try TreeDecoder().decode(Members<E>.self, from: tree)
    #expect(try firstDifference(TreeEncoder().encode(back), tree) == nil, "\(type)")
  }
}

private struct Members<E: Codable>: Codable {
  var one: E
  var row: [E]
}
