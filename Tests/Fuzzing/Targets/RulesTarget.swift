import Refx

@testable import RefxIO
@testable import RefxStore

/// Rules, in both languages, on trees of every kind.
extension FuzzTarget {
  /// The first byte chooses the tree. Where a plan can be carried out, every path that it names is in the result, the
  /// structure holds, and what was cast and transposed can be read.
  static let rules = FuzzTarget(
    "rules", mostBytes: 1024,
    words: [
      "[[rules]]\n", "rename = \"", "to = \"", "drop = \"", "tag = \"", "tie = [\"", "untie = \"",
      "cast = \"",
      "transpose = \"", "axes = [", "nest = \"", "flatten = \"", "(.*)", "$1", "{\"rules\":[{\"", "\":\"",
    ],
    seeds: {
      let texts = [
        "[[rules]]\nrename = \"a(.*)\"\nto = \"x/y$1\"\n[[rules]]\ndrop = \"b\"\n",
        "[[rules]]\ncast = \".*\"\nto = \"float64\"\n[[rules]]\ntranspose = \"w\"\n",
        "[[rules]]\nuntie = \"a\"\n[[rules]]\ntie = [\"a\", \"b\"]\n[[rules]]\ntag = \"a|b\"\ncollection = \"p\"\n",
        "{\"rules\":[{\"flatten\":\".\"},{\"rename\":\"c\\\\.(?<n>x)\",\"to\":\"${n}\"},{\"nest\":\".\"}]}",
      ]
      return (0..<FuzzTrees.all(withText: true).count).flatMap { tree in
        texts.map { [UInt8(tree)] + Array($0.utf8) }
      }
    }
  ) { input in
    var parts = FuzzInput(input)
    let trees = FuzzTrees.all(withText: true)
    var contents = CheckpointContents(tree: trees[parts.byte() % trees.count])
    contents.attributes[["w"]] = [Attribute("unit", .one(.string("m")))]
    let rules = try Rules(bytes: Array(parts.rest()), named: "rules.toml")
    let plan = try contents.planning(rules)
    let again = try contents.planning(rules)
    try demand(plan.report.mappings == again.report.mappings, "the same rules give two plans")
    let result = try plan.result()
    var paths: Set<Path> = []
    try result.tree.forEachSite { site in paths.insert(site.path) }
    for mapping in plan.report.mappings {
      if let to = mapping.to {
        try demand(paths.contains(to), "\(mapping.from.text) is said to be at \(to.text), and is not")
      }
    }
    do { _ = try result.tree.structureDigest() } catch {
      throw FuzzViolation("rules made a tree that does not hold together: \(error)")
    }
    for path in result.attributes.paths {
      try demand(path == .root || paths.contains(path), "attributes stand at \(path.text), where nothing is")
    }
    for leaf in result.tree.leaves() where leaf.source.unsupported == nil { _ = try leaf.whole() }
  }
}
