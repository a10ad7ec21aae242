import Refx
import Testing

@Suite struct PathTests {
  @Test(
    arguments: [
      (Path.root, ""), (["a"], "a"), (["a", "b"], "a/b"), (["a/b"], "a~1b"), (["a~b"], "a~0b"), ([""], "~2"),
      (["", ""], "~2/~2"), (["a", "", "b"], "a/~2/b"), (["~2"], "~02"), (["~1/"], "~01~1"), (["."], "."),
      (["é", "日本", "\u{0}"], "é/日本/\u{0}"), (["layers", 0, "weight"], "layers/0/weight"),
    ] as [(Path, String)])
  func textAndBack(_ path: Path, _ text: String) {
    #expect(path.text == text)
    #expect(Path(text: text) == path)
    #expect("\(path)" == text)
  }

  @Test(arguments: ["~", "a~", "~3", "a~2", "~2a", "a/~", "~9/b", "~2~2"])
  func malformedText(_ text: String) {
    #expect(Path(text: text) == nil)
  }

  @Test func anEmptyPartIsAKeyToo() {
    // Only `~2` is written for an empty key, but a doubled slash can mean nothing else.
    #expect(Path(text: "a//b") == ["a", "", "b"])
    #expect(Path(text: "/") == ["", ""])
  }

  @Test func containing() {
    let path: Path = ["a", "b"]
    #expect(Path.root.contains(path) && path.contains(path) && path.contains(["a", "b", "c"]))
    #expect(!path.contains(["a"]) && !path.contains(["a", "c", "b"]))
    #expect(Path.root.isRoot && !path.isRoot)
    #expect(path.appending("c") == ["a", "b", "c"])
    #expect(([["b"], ["a", "b"], ["a"], []] as [Path]).sorted() == [[], ["a"], ["a", "b"], ["b"]])
  }
}

@Suite struct KeyTests {
  private let composed = Key("\u{E9}")
  private let decomposed = Key("e\u{301}")

  @Test func bytesDecide() {
    #expect(composed.string == decomposed.string)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(decomposed < composed && !(composed < decomposed))
    #expect(CollectionTag.name("\u{E9}") != .name("e\u{301}"))
    let tree: Tree<Leaf> = [Key("\u{E9}"): .leaf(1), Key("e\u{301}"): .leaf(2)]
    #expect(Scalar.of(tree[composed]!) == .int(1))
    #expect(Scalar.of(tree[decomposed]!) == .int(2))
  }

  @Test func codePointOrder() {
    // UTF-16 would put U+FF5E after the surrogates of U+1F600; code points, and UTF-8, do not.
    let keys: [Key] = ["10", "9", "B", "Z", "a", "b", "\u{E9}", "\u{FF5E}", "\u{1F600}"]
    #expect(keys.shuffled().sorted() == keys)
    let tree = Tree<Leaf>.dictionary(keys.reversed().map { ($0, .leaf(1)) })
    #expect(tree.structure.paths == keys.map { [$0] })
  }

  @Test func positions() {
    #expect(Key(12) == "12" && (12 as Key) == "12")
    let tree: Tree<Int> = [.leaf(5), .leaf(6)]
    #expect(tree[1] == .leaf(6) && tree["1"] == .leaf(6))
    for odd in ["01", "+1", "-0", "2", "-1", "", " 1", "1.0"] { #expect(tree[Key(odd)] == nil, "\(odd)") }
  }
}

@Suite struct CollectionTagTests {
  @Test(
    arguments: [
      (.name("params"), "params"), (.number(3), "3"), (.number(-4), "-4"), (.name("3"), "%33"),
      (.name("-"), "%2D"),
      (.name("%41"), "%2541"), (.name("%\u{301}x"), "%25\u{301}x"), (.name("-3x"), "-3x"),
      (.name("+3"), "%2B3"),
      (.number(.min), "-9223372036854775808"), (.name("99999999999999999999"), "99999999999999999999"),
    ] as [(CollectionTag, String)])
  func textAndBack(_ tag: CollectionTag, _ text: String) {
    #expect(tag.description == text)
    #expect(CollectionTag(text: text) == tag)
  }

  @Test func noneIsNoTag() {
    #expect(CollectionTag(text: "-") == nil)
  }

  @Test func order() {
    let tags: [CollectionTag] = [-1, 2, 10, "a", "b"]
    #expect(tags.shuffled().sorted() == tags)
    #expect(CollectionTag.name("3") != 3)
  }
}

@Suite struct DTypeTests {
  @Test func names() {
    for dtype in DType.allCases where dtype != .unsupported {
      #expect(DType(name: dtype.name) == dtype)
    }
    #expect(DType(name: "unsupported") == nil && DType(name: "float") == nil && DType(name: "") == nil)
  }

  @Test func countsAreChecked() {
    #expect(DType.elementCount(of: []) == 1)
    #expect(DType.elementCount(of: [2, 3, 4]) == 24)
    #expect(DType.elementCount(of: [0, .max, .max]) == 0)
    #expect(DType.elementCount(of: [.max, .max, 0]) == 0)
    #expect(DType.elementCount(of: [.max, 2]) == nil)
    #expect(DType.elementCount(of: [-1]) == nil)
    #expect(DType.elementCount(of: [0, -1]) == nil)
    #expect(DType.float64.byteCount(of: [.max / 4]) == nil)
    #expect(DType.float64.byteCount(of: [3, 5]) == 120)
    #expect(DType.string.byteCount(of: [3]) == nil)
    #expect(DType.complex128.byteCount(of: []) == 16)
  }
}
