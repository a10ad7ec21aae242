import Refx
import Testing

@testable import RefxIO

@Suite struct RulesFileTests {
  private func read(_ text: String, _ name: String = "r.toml") throws -> Rules {
    try Rules(bytes: Array(text.utf8), named: name)
  }

  @Test func bothFormsSayTheSame() throws {
    let toml = try read(
      #"""
      # Every kind of rule.
      [[rules]]
      rename = 'encoder\.(.*)'
      to = "enc.$1"
      comment = "the new name"
      [[rules]]
      drop = ".*/num_batches_tracked"
      [[rules]]
      tag = "mean|var"
      collection = "batch_stats"
      [[rules]]
      tag = "step"
      collection = 3
      [[rules]]
      tag = "x"
      collection = false
      [[rules]]
      tie = ["a", "b"]
      take = "a"
      [[rules]]
      tie = "c.*"
      [[rules]]
      untie = "d"
      [[rules]]
      cast = ".*"
      from = "float32"
      dtype = "bfloat16"
      [[rules]]
      transpose = ".*/kernel"
      axes = [1, 0]
      [[rules]]
      transpose = "k"
      [[rules]]
      nest = "."
      [[rules]]
      flatten = "/"
      """#)
    let json = try read(
      #"""
      {"rules": [{"rename": "encoder\\.(.*)", "to": "enc.$1"}, {"drop": ".*/num_batches_tracked"},
        {"tag": "mean|var", "collection": "batch_stats"}, {"tag": "step", "collection": 3},
        {"tag": "x", "collection": false}, {"tie": ["a", "b"], "take": "a"}, {"tie": "c.*"}, {"untie": "d"},
        {"cast": ".*", "dtype": "bfloat16", "from": "float32"}, {"transpose": ".*/kernel", "axes": [1, 0]},
        {"transpose": "k"}, {"nest": "."}, {"flatten": "/"}]}
      """#)
    #expect(toml == json)
    #expect(
      toml.rules.map(\.name) == [
        "rename", "drop", "tag", "tag", "tag", "tie", "tie", "untie", "cast", "transpose", "transpose",
        "nest", "flatten",
      ])
    let written: Rules = try [
      .rename(#"encoder\.(.*)"#, to: "enc.$1"), .drop(".*/num_batches_tracked"),
      .tag("mean|var", "batch_stats"),
      .tag("step", 3), .tag("x", nil), .tie("a", "b", take: "a"), .tie("c.*"), .untie("d"),
      .cast(".*", from: .float32, to: .bfloat16), .transpose(".*/kernel", axes: [1, 0]), .transpose("k"),
      .nest("."),
      .flatten("/"),
    ]
    #expect(toml == written)
  }

  @Test(arguments: [
    (
      "[[rules]]\nrename = 'a'\nto = 'b'\n[[rules]]\nrenam = 'a'",
      "r.toml: rule 2: 'renam' is no key of a rule; did you mean rename? Known are rename, to, drop, tag, collection, "
        + "tie, take, untie, cast, from, dtype, transpose, axes, nest, flatten, comment"
    ),
    (
      "[[rules]]\nrename = 'a'\ndrop = 'a'",
      "r.toml: rule 1: it has both rename and drop; write two rules, in the order that is meant"
    ),
    (
      "[[rules]]\nrename = '(a)(b)'\nto = '$3'",
      "r.toml: rule 1: 'to': $3 stands for no group: the pattern '(a)(b)' has 2; put the part of the pattern that is "
        + "meant in parentheses"
    ),
    (
      "[[rules]]\ndrop = 'a[b'",
      "r.toml: rule 1: 'drop': the pattern 'a[b' is no regular expression: missing terminating ] for character class, at character 4"
    ),
    ("[[rules]]\nrename = 'a'", "r.toml: rule 1: 'to' is missing: expected text"),
    ("[[rules]]\ndrop = 3", "r.toml: rule 1: 'drop': expected text, found 3"),
    (
      "[[rules]]\ndrop = 2020-01-01",
      "r.toml: rule 1: 'drop': expected text, found a value that is neither text nor an integer, a boolean, a list or "
        + "a table"
    ),
    (
      "[[rules]]\ncomment = 'nothing'",
      "r.toml: rule 1: it does nothing: expected one of rename, drop, tag, tie, untie, cast, transpose, nest, flatten"
    ),
    (
      "[[rules]]\ndrop = 'a'\nto = 'b'",
      "r.toml: rule 1: 'to' has no meaning beside drop: expected drop alone"
    ),
    ("[[rules]]\ncast = 'a'\ndtype = 'float31'", "found 'float31'"),
    ("[[rules]]\ncast = 'a'", "r.toml: rule 1: 'dtype' is missing: expected the name of a dtype"),
    (
      "[[rules]]\ntag = 'a'\ncollection = true",
      "r.toml: rule 1: 'collection': expected a name, an integer, or false for none, found true"
    ),
    (
      "[[rules]]\ntranspose = 'a'\naxes = [0, 0]",
      "r.toml: rule 1: 'axes': the axes [0, 0] are no order: expected each of 0 to 1 once"
    ),
    ("[[rules]]\nnest = ''", "r.toml: rule 1: 'nest': the separator is empty; give one, such as ."),
    ("[[rules]]\ntie = []", "r.toml: rule 1: 'tie': no pattern says what to tie; give one or more"),
    ("rules = 3", "r.toml: 'rules': expected a list of tables, found 3"),
    ("rules = [1]", "r.toml: rule 1: this is no rule: expected a table, found 1"),
    (
      "[[rule]]\ndrop = 'a'",
      "r.toml: 'rule' is no key of a file of rules: expected rules alone, a list of tables"
    ),
    ("", "r.toml: this holds no rules: expected [[rules]] before each, or {\"rules\": [...]}"),
    ("[[rules]]\ndrop = 'a", "r.toml: line 2, column 10: this is no TOML:"),
    ("[[rules]]\ndrop = 'a'\ndrop = 'b'", "r.toml: line 3, column"),
    ("{\"rules\": [}", "r.toml: not valid JSON: expected a value, found '}' (at byte 11)"),
  ])
  func errorsNameTheFileTheRuleAndTheKey(text: String, sentence: String) {
    let said = refusalText { _ = try read(text) }
    #expect(said.contains(sentence))
    #expect(said.hasPrefix("r.toml: "))
  }

  @Test func whatIsNoTableIsRefused() {
    #expect(
      refusalText { _ = try read("[1]", "r.json") }.contains(
        "r.json: this holds no rules: expected a table, found a list"))
    #expect(
      refusalText { _ = try read("{\"rules\": [{\"drop\": null}]}") }.contains(
        "rule 1: 'drop': expected text"))
  }

  /// Depth and size are bounded before anything is built of them.
  @Test(arguments: [
    String(repeating: "a.", count: 100_000) + "a = 1", "[" + String(repeating: "a.", count: 100_000) + "a]",
    "a = " + String(repeating: "[", count: 100_000), "a = " + String(repeating: "{a = ", count: 100_000),
    "x = {" + String(repeating: "\"a\" . ", count: 100_000) + "a = 1}",
    String(repeating: " ", count: 2 << 20),
    "{\"rules\": " + String(repeating: "[", count: 100_000),
  ])
  func hostileDocumentsAreRefused(text: String) {
    #expect(throws: RefxError.self) { try read(text) }
  }

  @Test func dotsInsideOfTextDoNotCount() throws {
    let dots = String(repeating: ".", count: 500)
    let rules = try read(
      "[[rules]] # \(dots)\ndrop = \"\"\"\(dots)\"\"\"\n[[rules]]\ndrop = '\(dots)'\ncomment = '''\n\(dots)''\\'''"
    )
    #expect(rules.rules.map(\.description) == ["drop '\(dots)'", "drop '\(dots)'"])
  }
}
