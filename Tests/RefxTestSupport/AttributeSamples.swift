import Refx
import RefxStore

/// A tree with attributes of every kind at nodes of every kind.
public enum AttributeSamples {
  public static let tree: Tree<Leaf> = [
    "group": ["leaf": .leaf(Leaf(Float(1))), "text": .static("relu")],
    "list": [.leaf(Leaf(Float(2))), .nothing],
    "shared": .value(Value(.leaf(Leaf(Float(3))), index: 0, collection: .name("params"))),
    "tied": .index(Index(0, collection: .name("params"))),
    "tree": .value(Value(["inside": .leaf(Leaf(Float(4)))], index: 1, collection: nil)),
  ]

  public static let all: NodeAttributes = {
    var all = NodeAttributes()
    all[.root] = [
      Attribute("backend", .one("tensorflow")), Attribute("epoch", .one(12)), Attribute("é", .one("")),
      Attribute("e\u{301}", .one("decomposed")),
      Attribute("long", .one(.string(String(repeating: "x", count: 70_000)))),
      Attribute("refx_like", .one("not ours")), Attribute("", .one("no name")),
      Attribute("a\u{0}b", .one("a NUL")),
      Attribute("ends in NUL", .one("a\u{0}")), Attribute("nothing", .empty),
    ]
    all[["group"]] = [
      Attribute("names", .texts(["kernel:0", "", "bias:0 ä"], shape: [3])),
      Attribute("none", .texts([], shape: [0])),
      Attribute("square", .texts(["a", "b", "c", "d"], shape: [2, 2])),
      Attribute("odd", .texts(["a\u{0}", "b"], shape: [2])),
    ]
    all[["group", "leaf"]] = DType.ofFirstGoldens.compactMap { dtype in
      guard let size = dtype.itemSize else { return nil }
      let bytes = (0..<(3 * size)).map { dtype == .bool ? UInt8($0 % 2) : UInt8($0) }
      return Attribute(Key(dtype.name), AttributeValue(dtype: dtype, shape: [3], bytes: bytes))
    }
    all[["group", "text"]] = [
      Attribute("rate", .one(0.1)), Attribute("nan", .one(.float(.nan))), Attribute("flag", .one(true)),
      Attribute("half", AttributeValue(dtype: .float16, shape: [], bytes: [0, 0x3C])),
    ]
    all[["list", "0"]] = [Attribute("in a list", .one(1))]
    all[["list", "1"]] = [Attribute("of nothing", .one(2))]
    all[["shared"]] = [Attribute("at the first site", .one(3))]
    all[["tree"]] = [Attribute("of a shared tree", .one(4))]
    all[["tree", "inside"]] = [Attribute("inside", .one(.int(.min)))]
    return all
  }()
}
