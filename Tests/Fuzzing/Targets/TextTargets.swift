import Refx

@testable import RefxHDF5
@testable import RefxIO
@testable import RefxStore

/// JSON, and what is written in it.
extension FuzzTarget {
  /// What parses is printed, in both ways, and parses again to the same; skipping agrees with parsing.
  static let json = FuzzTarget(
    "json",
    words: [
      "true", "false", "null", "\\u", "\\ud83d\\ude00", "1e308", "-0", "9223372036854775807", "{\"\":", "[[",
      "]]",
    ],
    seeds: FuzzTarget.texts(
      "{\"a\":[1,-2.5e3,null,true,false,\"\\u00e9\\n\\ud83d\\ude00\"],\"b\":{}}", "[]", " [ 0 , -0 , 1E-7 ] ",
      "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":1,\"k\":1,\"l\":1,"
        + "\"m\":1,\"n\":1}", "\"e\u{301}\"", "[[[[[[[[1]]]]]]]]", "-9223372036854775808")
  ) { input in
    var scanner = JSONScanner(input, limits: .init(depth: 64))
    let skipped = Result {
      try scanner.skipValue()
      try scanner.finish()
    }
    let parsed = Result { try JSON.parse(input, limits: .init(depth: 64)) }
    try demand(
      (try? skipped.get()) != nil || (try? parsed.get()) == nil, "what parses cannot be skipped")
    try demand(
      (try? skipped.get()) == nil || (try? parsed.get()) != nil, "what can be skipped does not parse")
    let document = try parsed.get()
    let bytes = document.bytes()
    for printed in [bytes, document.prettyBytes()] {
      guard let again = try? JSON.parse(printed, limits: .init(depth: 64)) else {
        throw FuzzViolation("what was printed does not parse")
      }
      try demand(again == document && again.bytes() == bytes, "what was printed parses to another value")
    }
  }

  /// What describes a tree is described again, and then the same.
  static let description = FuzzTarget(
    "description",
    words: [
      "{\"dict\":{", "{\"tuple\":[", "{\"ref\":", ",\"collection\":", ",\"value\":", "{\"static\":",
      "{\"float64\":\"",
      "{\"hole\":true}", "{\"nothing\":true}", "null", "\"leaf\"",
    ],
    seeds: {
      FuzzTrees.all(withText: true).map { TreeDescription.json(of: $0) { _ in "leaf" }.bytes() }
    }
  ) { input in
    var limits = Limits()
    limits.depth = 40
    let json = try JSON.parse(input, limits: TreeDescription.parsingLimits(for: limits))
    let tree: Tree<Key> = try TreeDescription.tree(of: json, limits: limits) { name, _ in Key(name) }
    let printed = TreeDescription.json(of: tree) { $0.string }
    var again: Tree<Key>?
    do { again = try TreeDescription.tree(of: printed, limits: limits) { name, _ in Key(name) } } catch {
      throw FuzzViolation("what was described is no description: \(error)")
    }
    let twice = again.map { TreeDescription.json(of: $0) { $0.string } }
    try demand(twice?.bytes() == printed.bytes(), "described again it is another tree")
  }

  /// A path's text, a key as a link's name, and back.
  static let path = FuzzTarget(
    "path", mostBytes: 256, words: ["~0", "~1", "~2", "%2F", "%25", "%00", "%2E%2E"],
    seeds: FuzzTarget.texts("encoder/layer0/w", "a~1b/~2/~0", "", "/", "%", "%2E", "e\u{301}/é", "%2Fx%00")
  ) { input in
    guard let text = text(input) else { return }
    if let path = Path(text: text) {
      try demand(Path(text: path.text) == path, "\(visible(text)) is read as another path when it is printed")
    }
    // Any key may stand in a path.
    let key = Key(text)
    let path = Path([key, key])
    try demand(Path(text: path.text) == path, "the path of \(visible(text)) twice is read as another")
    try demand(
      LinkName.decode(LinkName.encode(key)) == key, "the key \(visible(text)) is another behind a link's name"
    )
    let name = LinkName.encode(key).utf8
    try demand(
      !name.isEmpty && !name.contains(0) && !name.contains(UInt8(ascii: "/")),
      "\(visible(text)) is no link's name")
    if let decoded = LinkName.decode(text) {
      try demand(
        LinkName.decode(LinkName.encode(decoded)) == decoded, "the link \(visible(text)) has no stable key")
    }
  }

  /// Selectors, collections, dtypes, codecs: what is read is printed and read again.
  static let selector = FuzzTarget(
    "selector", mostBytes: 256,
    words: ["collection:", "path:", "dtype:", "shuffle-deflate/", " fast", "%2D"],
    seeds: FuzzTarget.texts(
      "collection:params", "collection:-", "collection:%33", "collection:-7", "path:encoder/**",
      "dtype:bfloat16",
      "shuffle-deflate/2 fast", "%2D", "9223372036854775807")
  ) { input in
    guard let text = text(input) else { return }
    let tags = [CollectionTag(text: text), .name(Key(text))]
    for tag in tags.compactMap({ $0 }) {
      try demand(
        CollectionTag(text: tag.description) == tag,
        "the collection \(visible(text)) is another one when it is printed and read")
      let name = tag.fileName
      try demand(
        !name.isEmpty && name.utf8.count <= 255 && !name.utf8.contains(UInt8(ascii: "/")) && name != "."
          && name != "..", "\(visible(text)) gives the file name \(name)")
    }
    if let dtype = DType(name: text) {
      try demand(dtype.name == text, "the dtype \(text) prints as \(dtype)")
    }
    if let codec = ChunkCodec.Identity(text: text) {
      try demand(ChunkCodec.Identity(text: codec.text) == codec, "the codec \(text) prints as \(codec.text)")
    }
    _ = try Selector(text: text)
  }

  /// A pattern and a path: the pattern of its keys' literals matches them, and `**` all.
  static let pattern = FuzzTarget(
    "pattern", mostBytes: 256, words: ["**", "*", "/**/", "\\*", "~1", "~0", "~2"],
    seeds: FuzzTarget.texts(
      "encoder/**\nencoder/a/b", "*\nx", "layer*/w\nlayer3/w", "**/a*b*c/**\nx/aXbYc/z", "a\\*\na*", "~2\n~2")
  ) { input in
    guard let text = text(input) else { return }
    let parts = text.utf8.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts.count > 1 ? Path(text: String(Substring(parts[1]))) : .root
    if let path {
      let literal = path.keys.map { key -> String in
        if key.string.utf8.isEmpty { return "~2" }
        var bytes: [UInt8] = []
        for byte in key.string.utf8 {
          switch byte {
          case UInt8(ascii: "~"): bytes += "~0".utf8
          case UInt8(ascii: "/"): bytes += "~1".utf8
          case UInt8(ascii: "*"), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
          default: bytes.append(byte)
          }
        }
        return String(decoding: bytes, as: UTF8.self)
      }
      let same = literal.joined(separator: "/")
      try demand(try PathPattern(glob: same).matches(path), "\(visible(same)) does not match itself")
      try demand(try PathPattern(glob: "**").matches(path), "** does not match \(visible(path.text))")
      let any = literal.map { _ in "*" }.joined(separator: "/")
      try demand(try PathPattern(glob: any).matches(path), "\(any) does not match \(visible(path.text))")
    }
    let pattern = try PathPattern(glob: String(Substring(parts[0])))
    if let path { _ = try pattern.matches(path) }
  }

  /// A slice of a small array, element by element as its text says.
  static let slice = FuzzTarget(
    "slice", mostBytes: 128, words: ["::", ":-1", ",", "9223372036854775807", "-9223372036854775808"],
    seeds: {
      ["0:10,:,3", ":", "-1", "1:3:2,0", "::2,::3", "5:2"].flatMap { slice in
        [[3, 4, 5, 2], [3, 1, 0, 7], [1, 9, 1, 1]].map { $0 + Array(slice.utf8) }
      }
    }
  ) { input in
    var parts = FuzzInput(input)
    let rank = parts.byte() % 4
    let extents = (0..<3).map { _ in parts.byte() % 10 }
    guard let text = text(parts.rest()) else { return }
    let shape = Array(extents.prefix(rank))
    let slice = try Slice(text: text)
    try demand(try Slice(text: slice.text).axes == slice.axes, "a slice's text is another slice")
    let count = shape.reduce(1, *)
    let leaf = Leaf(Tensor((0..<count).map { Int16($0) }, shape: shape))
    let axes = try slice.resolve(shape)
    var expected = [0]
    for (axis, extent) in zip(axes, shape) {
      expected = expected.flatMap { outer in
        (0..<axis.count).map { outer * extent + axis.start + $0 * axis.step }
      }
    }
    let sliced = try leaf.sliced(slice)
    try demand(sliced.shape == axes.filter(\.stays).map(\.count), "\(text) of \(shape) has \(sliced.shape)")
    let bytes = try sliced.whole()
    try demand(
      bytes == expected.flatMap { littleEndian(Int16($0)) }, "\(text) of \(shape) gives other elements")
  }

  /// A leaf of text out of any bytes: our readers of text agree on what it holds.
  static let textLeaf = FuzzTarget(
    "text",
    seeds: {
      [["one", "", "zwei ä"], [], ["x"]].map { strings in
        [UInt8(strings.count)]
          + strings.flatMap { littleEndian(UInt64($0.utf8.count)) + Array($0.utf8) }
      }
    }
  ) { input in
    var parts = FuzzInput(input)
    let count = parts.byte()
    let bytes = Array(parts.rest())
    let elements = Result { try TextElements(canonical: bytes, count: count, file: nil) }
    let leaf = Leaf(dtype: .string, shape: [count], source: MemoryBytes(sharing: bytes))
    var reader = RefxIO.TextReader(leaf, at: .root)
    var strings: [String] = []
    let read = Result {
      for _ in 0..<count { strings.append(try reader.string()) }
    }
    guard let ranges = try? elements.get().all else { return }
    try demand((try? read.get()) != nil, "what is text in HDF5 is none elsewhere")
    for (range, string) in zip(ranges, strings) {
      try demand(
        string.utf8.elementsEqual(String(decoding: bytes[range], as: UTF8.self).utf8), "texts differ")
    }
  }

  /// What a part says of its origin.
  static let part = FuzzTarget(
    "part",
    words: ["\"version\":1", "\"part\":", "\"parts\":[", "\"indexes\":[", "\"holes\":[[", "\"outer\":"],
    seeds: FuzzTarget.texts(
      "{\"refx_part\":{\"version\":1,\"part\":0,\"parts\":[\"a\",\"b\"],\"structure\":\"00\","
        + "\"topology\":\"11\",\"indexes\":[0,2],\"holes\":[[\"a\",\"b\"]],\"outer\":{}}}")
  ) { input in
    guard case .object(let object) = try JSON.parse(input) else { return }
    let part = try PartRecord(object, file: "input")
    let again = try? PartRecord(JSONObject([.init(PartRecord.key, part.json)]), file: "again")
    try demand(again?.json.bytes() == part.json.bytes(), "a part's record is another when it is read again")
  }
}
