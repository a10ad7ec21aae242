import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

@Suite struct RenameTests {
  private func same(_ one: Tree<Leaf>, _ other: Tree<Leaf>) throws {
    #expect(try firstDifference(one, other) == nil)
  }

  @Test func containersAreMadeAndLeft() throws {
    let tree: Tree<Leaf> = ["a": ["b": one(1), "c": one(2)], "empty": [:] as Tree<Leaf>]
    try same(
      after(tree, .rename("a/(.)", to: "x/y/$1")),
      ["empty": [:] as Tree<Leaf>, "x": ["y": ["b": one(1), "c": one(2)]]])
    // What was empty before stays.
    try same(after(tree, .drop("a/.*")), ["empty": [:] as Tree<Leaf>])
    try same(after(tree, .drop(".*")), [:] as Tree<Leaf>)
  }

  @Test func listsAndTuplesStayThemselvesUnderOtherNames() throws {
    let tree: Tree<Leaf> = [
      "encoder": ["layers": [["w": one(1)], ["w": one(2)]], "pair": .tuple([one(3), one(4)])]
    ]
    try same(
      after(tree, .rename("encoder/(.*)", to: "enc/$1"), .rename("(.*)/w", to: "$1/weight")),
      ["enc": ["layers": [["weight": one(1)], ["weight": one(2)]], "pair": .tuple([one(3), one(4)])]])
    try same(
      after(tree, .rename("encoder/layers/(.*)", to: "$1"), .drop("encoder/.*")),
      [["w": one(1)], ["w": one(2)]])
    // Members change places, in one rule and over several.
    try same(
      after(
        tree, .rename("encoder/layers/0/(.*)", to: "t/$1"),
        .rename("encoder/layers/1/(.*)", to: "encoder/layers/0/$1"),
        .rename("t/(.*)", to: "encoder/layers/1/$1")),
      ["encoder": ["layers": [["w": one(2)], ["w": one(1)]], "pair": .tuple([one(3), one(4)])]])
  }

  @Test func aListWithAGapIsRefusedUnlessALaterRuleClosesIt() throws {
    let tree: Tree<Leaf> = ["l": [one(0), one(1), one(2)]]
    let said = refusalText { _ = try after(tree, .drop("l/1")) }
    #expect(said.contains("the list 'l' would have the members 0, 2; they must be 0 to 1"))
    try same(after(tree, .drop("l/1"), .rename("l/2", to: "l/1")), ["l": [one(0), one(2)]])
    try same(after(tree, .drop("l/2")), ["l": [one(0), one(1)]])
    try same(after(tree, .drop("l/.*")), [:] as Tree<Leaf>)
    try same(after(tree, .rename("l/(.)", to: "m/x$1")), ["m": ["x0": one(0), "x1": one(1), "x2": one(2)]])
  }

  @Test func longListsKeepTheirOrder() throws {
    let tree: Tree<Leaf> = ["l": .list((0..<25).map { ["w": one(Float($0))] })]
    try same(after(tree, .rename("l/(.*)", to: "m/$1")), ["m": .list((0..<25).map { ["w": one(Float($0))] })])
  }

  /// A rule acts on values: the sites that match move, the others stay, and all still share.
  @Test func sitesOfASharedValueMove() throws {
    let tree: Tree<Leaf> = [
      "decoder": ["w": seen(one(1), 0, "params")], "encoder": ["w": again(0, "params")],
      "z": again(0, "params"),
    ]
    try same(
      after(tree, .rename("(..)coder/w", to: "$1/weight")),
      [
        "de": ["weight": seen(one(1), 0, "params")], "en": ["weight": again(0, "params")],
        "z": again(0, "params"),
      ])
    let report = try CheckpointContents(tree: tree).planning([.rename("decoder/(.*)", to: "zz/$1")]).report
    #expect(
      report.halfMatches == [
        .init(rule: 1, matched: [["decoder", "w"]], unmatched: [["encoder", "w"], ["z"]])
      ])
    #expect(report.halfMatches[0].sentence.contains("rule 1 matches 'decoder/w' and not 'encoder/w', 'z'"))
    // The first site is another one now.
    try same(
      after(tree, .rename("decoder/(.*)", to: "zz/$1")),
      ["encoder": ["w": seen(one(1), 0, "params")], "z": again(0, "params"), "zz": ["w": again(0, "params")]])
    try same(
      after(tree, .drop("decoder/w")), ["encoder": ["w": seen(one(1), 0, "params")], "z": again(0, "params")])
  }

  @Test func keysAreReadBackAsPathsText() throws {
    let tree: Tree<Leaf> = named(("a/b", one(1)), ("", one(2)), ("~", one(3)), ("x\ny", one(4)))
    try same(
      after(tree, .rename("(.*)", to: "k/$1")),
      ["k": named(("a/b", one(1)), ("", one(2)), ("~", one(3)), ("x\ny", one(4)))])
    try same(after(["a": one(1)], .rename("a", to: "x~1y/~2/~0")), ["x/y": ["": ["~": one(1)]]])
    #expect(
      refusalText { _ = try after(["a": one(1)], .rename("a(b?)", to: "x/$1")) }.contains(
        "which has an empty key"))
    #expect(
      refusalText { _ = try after(["a": one(1)], .rename("a", to: "x~y")) }.contains("which is no path"))
  }

  /// Never by Unicode equivalence: a composed "é" and a decomposed one are two keys.
  @Test func pathsAreMatchedByScalars() throws {
    let tree: Tree<Leaf> = named(("\u{E9}", one(1)), ("e\u{301}", one(2)))
    try same(after(tree, .rename("\u{E9}", to: "x")), named(("x", one(1)), ("e\u{301}", one(2))))
    try same(after(tree, .rename("e\u{301}", to: "x")), named(("x", one(2)), ("\u{E9}", one(1))))
    try same(
      after(tree, .rename("e(.)", to: "x$1")), named(("x\u{301}", one(2)), ("\u{E9}", one(1))))
    try same(after(tree, .rename("[\u{E9}]", to: "x")), named(("x", one(1)), ("e\u{301}", one(2))))
  }

  @Test func groupsAndDollars() throws {
    let tree: Tree<Leaf> = ["a1": one(1)]
    try same(after(tree, .rename("(?<name>a)(\\d)|(z)", to: "${name}_${2}0$3$$$0")), ["a_10$a1": one(1)])
    #expect(
      refusalText { _ = try Rule.rename("(a)(b)", to: "$3") }
        == "$3 stands for no group: the pattern '(a)(b)' has 2; put the part of the pattern that is meant in "
        + "parentheses")
    #expect(refusalText { _ = try Rule.rename("a", to: "$1") }.contains("has none"))
    #expect(refusalText { _ = try Rule.rename("a", to: "x$") }.contains("a $ in 'x$' stands for nothing"))
    #expect(refusalText { _ = try Rule.rename("(?<n>a)", to: "${m}") }.contains("$m stands for no group"))
    #expect(
      refusalText { _ = try Rule.drop("ab(c") }
        == "the pattern 'ab(c' is no regular expression: missing closing parenthesis, at character 5")
  }

  /// As Swift's own regular expressions match.
  @Test(arguments: [
    ("abc", "abc", true), ("abc", "abcd", false), ("ab*", "a", true), ("ab?c", "ac", true),
    ("ab{0}c", "ac", true),
    ("ab|cd", "cd", true), ("(?i)abc", "ABC", true), ("a\\.b", "a.b", true), ("a.b", "a/b", true),
    ("abc+", "abcc", true),
    ("x(ab)?", "x", true), ("^a$", "a", true), ("a b#c", "a b#c", true), ("", "", true),
  ])
  func wholeMatches(pattern: String, text: String, matches: Bool) throws {
    #expect((try RulePattern(pattern).expression.match(text) != nil) == matches)
    #expect(((try Regex(pattern).wholeMatch(in: text)) != nil) == matches)
  }

  @Test func groupsAndTheirNames() throws {
    let pattern = try RulePattern("(?<first>a+)(b)?(?<last>ü.*)")
    #expect(pattern.groups == ["first", nil, "last"])
    #expect(try pattern.expression.match("aaüé/🦊") == ["aaüé/🦊", "aa", nil, "üé/🦊"])
    #expect(try pattern.expression.match("aau") == nil)
    // What a star repeats is one scalar, where Swift would take a letter with its accents.
    #expect(try RulePattern("a\u{301}*").expression.match("a") != nil)
    // Composed and decomposed are two texts, and line breaks are characters.
    #expect(try RulePattern("é").expression.match("e\u{301}") == nil)
    #expect(try RulePattern("a.*").expression.match("a\n\r\nb") != nil)
    #expect(try RulePattern("a").expression.match("a\n") == nil)
  }

  /// Each would take longer than anyone waits, or more memory than there is.
  @Test func slowExpressionsAreGivenUp() throws {
    let text = String(repeating: "a", count: 40) + "!"
    for pattern in ["(a+)+", "(a|a)*", "(a|aa)+"] {
      let error = try #require(throws: RefxError.self) { try RulePattern(pattern).expression.match(text) }
      #expect(error.code == .limit && error.summary.contains("too many steps"))
      let tree: Tree<Leaf> = .dictionary([(Key(text), one(1))])
      #expect(
        refusalText { _ = try CheckpointContents(tree: tree).planning([.drop(pattern)]) }.contains(
          "too many steps"))
    }
    // What the text lacks ends these at once, or they are given up as well.
    for pattern in ["(a|a)*b", "(.*)*x"] {
      #expect((try? RulePattern(pattern).expression.match(text)) ?? nil == nil)
    }
    #expect(throws: RefxError.self) { try RulePattern("((a{1,1000}){1,1000}){1,1000}") }
    #expect(throws: RefxError.self) { try RulePattern(String(repeating: "a", count: 900_000)) }
    #expect(throws: RefxError.self) { try RulePattern(String(repeating: "(", count: 100_000)) }
  }

  @Test func collisionsNameBothAndTheRules() throws {
    let tree: Tree<Leaf> = ["a": one(1), "b": one(2), "c": ["d": one(3)]]
    let plan = try CheckpointContents(tree: tree).planning([
      .rename("a", to: "x"), .rename("b", to: "x"), .rename("c/d", to: "y"),
    ])
    #expect(
      plan.report.collisions == [
        .init(rule: 2, path: ["x"], first: ["a"], second: ["b"], firstRule: 1, secondRule: 2)
      ])
    let said = refusalText { _ = try plan.result() }
    #expect(said.contains("the rules would put two sites on one path"))
    #expect(
      said.contains("rule 2 would put 'a' (moved by rule 1) and 'b' (moved by rule 2) on one path: 'x'"))
    // One below the other is as bad.
    let below = try CheckpointContents(tree: tree).planning([.rename("a", to: "c")]).report.collisions
    #expect(below.map(\.path) == [["c"]])
    #expect(below.map(\.firstRule) == [1] && below.map(\.secondRule) == [nil])
    // Two names change places in one rule each.
    try same(
      after(["a": one(1), "b": one(2)], .rename("a", to: "t"), .rename("b", to: "a"), .rename("t", to: "b")),
      ["a": one(2), "b": one(1)])
  }

  @Test func aSharedSubtreeMovesWithItsFirstSite() throws {
    let tree: Tree<Leaf> = [
      "block": seen(["b": one(1), "w": seen(one(2), 1)], 0, "params"), "other": again(0, "params"),
      "w": again(1),
    ]
    // By the site itself, by all of its contents, or by both.
    for rules: Rules in try [
      [.rename("block", to: "new/block")], [.rename("block/(.*)", to: "new/block/$1")],
      [.rename("block(.*)", to: "new/block$1")],
    ] {
      try same(
        tree.applying(rules),
        [
          "new": ["block": seen(["b": one(1), "w": seen(one(2), 1)], 0, "params")],
          "other": again(0, "params"),
          "w": again(1),
        ])
    }
    // Inside it stays inside, at each of its sites.
    try same(
      after(tree, .rename("(.*)/b", to: "$1/bias")),
      [
        "block": seen(["bias": one(1), "w": seen(one(2), 1)], 0, "params"), "other": again(0, "params"),
        "w": again(1),
      ])
    #expect(
      refusalText { _ = try after(tree, .rename("block/b", to: "b")) }.hasPrefix(
        "block/b: rule 1 (rename 'block/b' to 'b'): it lies in a shared subtree, which stands at 'block', 'other', "
          + "and would leave it for 'b'"))
    // Into it, by either of its sites.
    for site in ["block", "other"] {
      try same(
        after(
          ["block": seen(["b": one(1)], 0), "other": again(0), "x": one(3)], .rename("x", to: "\(site)/x")),
        ["block": seen(["b": one(1), "x": one(3)], 0), "other": again(0)])
    }
    // The site by which its contents are named goes, they stay.
    for pattern in ["block.*", "block/.*", "block"] {
      try same(
        after(tree, .drop(pattern)),
        ["other": seen(["b": one(1), "w": seen(one(2), 1)], 0, "params"), "w": again(1)])
    }
    try same(
      after(tree, .drop("block/b")),
      ["block": seen(["w": seen(one(2), 1)], 0, "params"), "other": again(0, "params"), "w": again(1)])
    try same(after(tree, .drop("block|other")), ["w": seen(one(2), 0)])
  }

  @Test func anArrayThatLeavesATaggedSubtreeKeepsTheCollection() throws {
    let tree: Tree<Leaf> = ["s": seen(["a": one(1), "b": one(2)], 0, "params")]
    try same(
      after(tree, .rename("s/a", to: "a")),
      ["a": seen(one(1), 0, "params"), "s": seen(["b": one(2)], 1, "params")])
    try same(
      after(tree, .flatten(".")),
      named(("s.a", seen(one(1), 0, "params")), ("s.b", seen(one(2), 1, "params"))))
  }

  @Test func cyclesAreKept() throws {
    let tree: Tree<Leaf> = ["a": seen(["me": again(0), "w": one(1)], 0), "b": one(2)]
    try same(
      after(tree, .rename("a(.*)", to: "x/y$1")),
      ["b": one(2), "x": ["y": seen(["me": again(0), "w": one(1)], 0)]])
    try same(
      after(tree, .rename("(.*)/w", to: "$1/v")), ["a": seen(["me": again(0), "v": one(1)], 0), "b": one(2)])
    // Nothing leads to it any more.
    try same(after(tree, .drop("a")), ["b": one(2)])
    let report = try CheckpointContents(tree: tree).planning([.drop("a")]).report
    #expect(report.mappings.map(\.to) == [nil, nil, nil, ["b"]])
    #expect(report.unmappedPaths == [["b"]])
  }

  @Test func nestAndFlattenAreInverse() throws {
    let flat: Tree<Leaf> = named(
      ("model.layers.0.w", seen(one(1), 0)), ("model.layers.1.w", again(0)), ("norm", one(2)))
    let deep: Tree<Leaf> = [
      "model": ["layers": ["0": ["w": seen(one(1), 0)], "1": ["w": again(0)]]], "norm": one(2),
    ]
    try same(after(flat, .nest(".")), deep)
    try same(after(deep, .flatten(".")), flat)
    let shared: Tree<Leaf> = ["a": seen(["w": one(1)], 0), "b": again(0)]
    #expect(refusalText { _ = try after(shared, .flatten(".")) }.contains("it lies in a shared subtree"))
  }

  /// A rename and its inverse give back every small tree, and many large ones: nodes, ties, cycles, holes.
  @Test(arguments: 1...5) func aRenameAndItsInverseGiveEverySmallTreeBack(nodes: Int) throws {
    for tree in SmallTrees.all(nodes: nodes) {
      try same(after(tree, .rename("(.+)", to: "x/y/$1"), .rename("x/y/(.+)", to: "$1")), tree.reindexed())
    }
  }

  @Test(arguments: 0..<150) func aRenameAndItsInverseGiveRandomTreesBack(seed: UInt64) throws {
    var random = RandomTree(seed: seed)
    let tree = random.make(nodes: 5 + Int(seed) % 120)
    try same(after(tree, .rename("(.+)", to: "x/y/$1"), .rename("x/y/(.+)", to: "$1")), tree)
    // Nothing is touched by rules that match nothing, and by names that stay.
    try same(after(tree, .rename("no such/(.*)", to: "$1"), .rename("(.+)", to: "$1")), tree)
    let report = try CheckpointContents(tree: tree).planning([.rename("(.+)", to: "x/$1")]).report
    let listed = try Listing(of: tree).rows
    #expect(report.mappings.map(\.from) == listed.map(\.path))
    #expect(report.mappings.allSatisfy { $0.to?.keys == ["x"] + $0.from.keys })
    #expect(report.unmappedPaths == [] && report.halfMatches == [])
  }

  @Test func attributesFollowTheirNodes() throws {
    var attributes = NodeAttributes()
    attributes[.root] = [Attribute("made by", .one("keras"))]
    attributes[["encoder"]] = [Attribute("kind", .one("lstm"))]
    attributes[["encoder", "w"]] = [Attribute("unit", .one("m"))]
    attributes[["old"]] = [Attribute("gone", .empty)]
    let tree: Tree<Leaf> = ["encoder": ["w": one(1), "z": one(2)], "old": one(3)]
    let contents = CheckpointContents(tree: tree, attributes: attributes)
    let plan = try contents.planning([.rename("encoder/(.*)", to: "a/enc/$1"), .drop("old")])
    let after = try plan.result().attributes
    #expect(after.paths == [[], ["a", "enc"], ["a", "enc", "w"]])
    #expect(after[["a", "enc"]].map(\.name) == ["kind"])
    #expect(plan.report.lostAttributes == [])
    let lost = try contents.planning([.flatten(".")])
    #expect(lost.report.lostAttributes == [["encoder"]])
    #expect(try lost.result().attributes.paths == [[], ["encoder.w"], ["old"]])
  }

  /// Those of a value stand at its first site, whichever that is afterwards, and each copy has them.
  @Test func attributesFollowSharedValues() throws {
    var attributes = NodeAttributes()
    attributes[["a"]] = [Attribute("unit", .one("m"))]
    attributes[["s"]] = [Attribute("kind", .one("block"))]
    attributes[["s", "w"]] = [Attribute("axis", .one("0"))]
    let tree: Tree<Leaf> = [
      "a": seen(one(1), 0), "b": again(0), "c": again(0), "s": seen(["w": one(2)], 1), "t": again(1),
    ]
    let contents = CheckpointContents(tree: tree, attributes: attributes)
    func named(_ rules: [Rule]) throws -> [String: [String]] {
      let attributes = try contents.applying(Rules(rules)).attributes
      var names: [String: [String]] = [:]
      for path in attributes.paths { names[path.text] = attributes[path].map { $0.name.string } }
      return names
    }
    let moved = try named([.rename("a", to: "z")])
    #expect(moved == ["s": ["kind"], "s/w": ["axis"], "b": ["unit"]])
    let dropped = try named([.drop("a")])
    #expect(dropped == ["s": ["kind"], "s/w": ["axis"], "b": ["unit"]])
    let untied = try named([.untie("b"), .rename("b", to: "y")])
    #expect(untied == ["s": ["kind"], "s/w": ["axis"], "a": ["unit"], "y": ["unit"]])
    let all = try named([.untie("[abc]")])
    #expect(all == ["s": ["kind"], "s/w": ["axis"], "a": ["unit"], "b": ["unit"], "c": ["unit"]])
    let twin = try named([.untie("t")])
    #expect(twin["t/w"] == ["axis"])
  }

  @Test func aPartOfAPartitionIsNotRenamed() throws {
    let contents = CheckpointContents(tree: ["a": one(1)], metadata: [PartRecord.key: 1])
    #expect(
      refusalText { _ = try contents.applying([.rename("a", to: "b")]) }.contains("part of a partition"))
    #expect(try contents.applying([.cast("a", to: .float64)]).tree.leaves()[0].dtype == .float64)
  }

  @Test func deepTreesAreRefusedNotOverflown() throws {
    let long = String(repeating: "a/", count: maximumTreeDepth) + "$0"
    #expect(
      refusalText { _ = try after(["w": one(1)], .rename("w", to: long)) }.contains("the tree is too deep"))
  }
}
