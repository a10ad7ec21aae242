import Refx
import RefxStore
import Testing

@Suite("Trees as JSON")
struct TreeDescriptionTests {
  typealias Names = Tree<String>

  private func roundTrip(_ tree: Names, limits: Limits = Limits()) throws -> Names {
    let text = TreeDescription.json(of: tree) { $0 }.bytes()
    let json = try JSON.parse(text, limits: TreeDescription.parsingLimits(for: limits))
    return try TreeDescription.tree(of: json, limits: limits) { name, _ in name }
  }

  private static let trees: [(Names, String)] = [
    (.leaf("w"), #""w""#),
    (.none, "null"),
    (.nothing, #"{"nothing":true}"#),
    (.hole, #"{"hole":true}"#),
    (.list([]), "[]"),
    (.tuple([.leaf("a"), .list([.none])]), #"{"tuple":["a",[null]]}"#),
    (["b": .leaf("x"), "a": [:]], #"{"dict":{"a":{"dict":{}},"b":"x"}}"#),
    (["ref": .static("ref"), "dict": .static(3)], #"{"dict":{"dict":{"static":3},"ref":{"static":"ref"}}}"#),
    (
      .list([.static(3.0), .static(true), .static(.float(-0.0))]),
      #"[{"static":3.0},{"static":true},{"static":-0.0}]"#
    ),
    (.static(.float(.infinity)), #"{"static":{"float64":"7ff0000000000000"}}"#),
    (
      [
        "a": .value(Value(.leaf("a"), index: 0, collection: "params")),
        "b": .index(Index(0, collection: "params")),
      ],
      #"{"dict":{"a":{"ref":0,"collection":"params","value":"a"},"b":{"ref":0}}}"#
    ),
    (
      .value(Value(["k": .leaf("k")], index: 0, collection: 3)), #"{"ref":0,"collection":3,"dict":{"k":"k"}}"#
    ),
    (.value(Value(.value(Value(.none, index: 1)), index: 0)), #"{"ref":0,"value":{"ref":1,"value":null}}"#),
    // A cycle: the value contains its own index.
    (.value(Value(["self": .index(Index(0))], index: 0)), #"{"ref":0,"dict":{"self":{"ref":0}}}"#),
  ]

  @Test("each node has its form, and comes back", arguments: trees)
  func forms(tree: Names, text: String) throws {
    #expect(String(decoding: TreeDescription.json(of: tree) { $0 }.bytes(), as: UTF8.self) == text)
    #expect(try roundTrip(tree) == tree)
  }

  @Test("a float that is no number keeps its bits")
  func nan() throws {
    let odd = Double(bitPattern: 0x7FF8_0000_DEAD_BEEF)
    #expect(try roundTrip(.static(.float(odd))) == .static(.float(odd)))
  }

  @Test("members are read in the tree's order, in which a value stands before its index")
  func orderOfTheTextDoesNotCount() throws {
    let wrong = #"{"dict":{"b":{"ref":0,"value":"x"},"a":{"ref":0}}}"#
    let error = #expect(throws: RefxError.self) {
      let _: Names = try TreeDescription.tree(of: try JSON.parse(Array(wrong.utf8))) { name, _ in name }
    }
    #expect(error?.path == ["a"])
    let sound = #"{"dict":{"b":{"ref":0},"a":{"ref":0,"value":"x"}}}"#
    let tree: Names = try TreeDescription.tree(of: try JSON.parse(Array(sound.utf8))) { name, _ in name }
    #expect(tree == ["a": .value(Value(.leaf("x"), index: 0)), "b": .index(Index(0))])
  }

  @Test("numbers of Refs are counted anew")
  func renumbered() throws {
    let json = try JSON.parse(Array(#"[{"ref":9,"value":"a"},{"ref":-4,"value":"b"},{"ref":9}]"#.utf8))
    let tree: Names = try TreeDescription.tree(of: json) { name, _ in name }
    #expect(
      tree == [.value(Value(.leaf("a"), index: 0)), .value(Value(.leaf("b"), index: 1)), .index(Index(0))])
  }

  @Test(
    "what is no description is refused",
    arguments: [
      "1", "true", "{}", #"{"dict":[]}"#, #"{"tuple":{}}"#, #"{"nothing":false}"#, #"{"hole":null}"#,
      #"{"what":1}"#, #"{"static":null}"#, #"{"static":[1]}"#, #"{"static":{"float64":"xyz"}}"#,
      #"{"static":{"float64":"0","more":1}}"#, #"{"dict":{},"tuple":[]}"#, #"{"ref":0}"#,
      #"{"ref":"0","value":"a"}"#,
      #"{"ref":0,"collection":1.5,"value":"a"}"#, #"{"ref":0,"collection":null,"value":"a"}"#,
      #"{"ref":0,"collection":"c"}"#, #"{"ref":0,"value":"a","dict":{}}"#, #"{"value":"a"}"#,
      #"[{"ref":0,"value":"a"},{"ref":0,"value":"b"}]"#, #"[{"ref":0},{"ref":0,"value":"b"}]"#,
      #"{"dict":{"a":5}}"#, #"{"ref":0,"value":"a","x":1,"y":2}"#,
    ])
  func refuses(text: String) throws {
    let json = try JSON.parse(Array(text.utf8))
    #expect(throws: RefxError.self) { let _: Names = try TreeDescription.tree(of: json) { name, _ in name } }
  }

  @Test("as deep as a tree may be, and no deeper")
  func depth() throws {
    func chain(_ levels: Int) -> Names {
      var tree: Names = .leaf("end")
      for level in 0..<levels { tree = .value(Value(["k": tree], index: levels - 1 - level)) }
      return tree
    }
    #expect(try roundTrip(chain(1000)) == chain(1000))
    #expect(throws: RefxError.self) { try roundTrip(chain(1001)) }
  }
}
