import Refx
import RefxIO
import RefxStore

/// Files of torch byte by byte, and what is looked up in what was read of them.
enum PyTorchFiles {
  static func open(
    _ bytes: [UInt8], name: String = "a.pt", options: OpenOptions = OpenOptions()
  ) throws -> OpenedCheckpoint {
    let file = InputFile(MemoryBytes(sharing: bytes), name: name)
    _ = PyTorchStore.recognises(file)
    return try PyTorchStore.open(file, options: options)
  }

  /// The tree of a pickle that nothing surrounds.
  static func tree(_ pickle: [UInt8], options: OpenOptions = OpenOptions()) throws -> Tree<Leaf> {
    try open(pickle, options: options).contents.tree
  }

  /// Everything that stands in a tree, by its path, shared values at each of their sites.
  struct Found {
    let content: Refx.Site<Leaf>.Content
    /// The number of the Ref; nil where there is none.
    let index: Int?
  }

  static func sites(of tree: Tree<Leaf>) throws -> [Path: Found] {
    var sites: [Path: Found] = [:]
    try tree.forEachSite { sites[$0.path] = Found(content: $0.content, index: $0.reference?.index) }
    return sites
  }

  // MARK: Archives

  /// An archive as torch has it, of this pickle and these storages.
  static func archive(_ pickle: [UInt8], _ storages: [(key: String, bytes: [UInt8])]) -> [UInt8] {
    NumPyFiles.archive(
      [("archive/data.pkl", pickle), ("archive/byteorder", Array("little".utf8))]
        + storages.map { ("archive/data/\($0.key)", $0.bytes) } + [("archive/version", Array("3\n".utf8))])
  }

  // MARK: Pickles

  static func text(_ text: String) -> [UInt8] {
    [UInt8(ascii: "X")] + NumPyFiles.bytes([UInt32(text.utf8.count)]) + Array(text.utf8)
  }

  static func integer(_ number: Int) -> [UInt8] {
    [0x8A, 8] + NumPyFiles.bytes([Int64(number)])
  }

  static func name(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

  static func tuple(_ members: [[UInt8]]) -> [UInt8] {
    Array("(".utf8) + members.flatMap { $0 } + Array("t".utf8)
  }

  /// A tensor as the second function for it makes it again.
  static func tensor(
    _ storage: String, key: String, count: Int, offset: Int = 0, shape: [Int], strides: [Int]
  ) -> [UInt8] {
    let identifier =
      tuple([text("storage"), name("torch", storage), text(key), text("cpu"), integer(count)])
      + Array("Q".utf8)
    return name("torch._utils", "_rebuild_tensor_v2")
      + tuple([
        identifier, integer(offset), tuple(shape.map(integer)), tuple(strides.map(integer)), [0x89],
        name("collections", "OrderedDict") + Array(")R".utf8),
      ]) + Array("R".utf8)
  }

  static func pickle(_ body: [UInt8]) -> [UInt8] { [0x80, 2] + body + Array(".".utf8) }
}
