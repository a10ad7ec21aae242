import Refx
import Testing

/// The examples of the original's README, in Swift.
@Suite struct ReadmeExamples {
  @Test func oneRefAtSeveralPlaces() throws {
    let r1 = Ref(1)
    let r2 = Ref(2)
    let tree: RefTree = ["a": [.ref(r1), .ref(r1), .ref(r2)], "b": .ref(r2)]

    tree["a", 0]?.ref(as: Int.self)?.value = 10

    #expect(try tree["a", 1]?.value() == 10)
    #expect(tree["a", 0]?.ref(as: Int.self) === r1)
  }

  @Test func derefAndRerefAroundABoundary() throws {
    let r1 = Ref(1)
    let r2 = Ref(2)
    let tree: RefTree = ["a": [.ref(r1), .ref(r1), .ref(r2)], "b": .ref(r2)]
    let crossing = try deref(tree)

    let returned: Tree<Leaf> = try withTraceLevel {
      let inside = try reref(crossing)
      inside["a", 2]?.ref(as: Leaf.self)?.value = Leaf(50)
      return try deref(inside)
    }

    let after = try reref(returned)
    #expect(try after["b"]?.value() == 50)
    #expect(try after["a", 0]?.value() == 1)
    #expect(after["a", 2]?.ref === after["b"]?.ref)
    #expect(r2.value == 2)
  }
}
