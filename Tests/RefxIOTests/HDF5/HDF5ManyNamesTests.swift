import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxHDF5

/// How much of names a group holds, and what becomes of one with more.
@Suite struct HDF5ManyNamesTests {
  typealias Link = (name: [UInt8], address: UInt64)

  /// Members whose names have `length` bytes each.
  private static func tree(_ count: Int, length: Int) -> Tree<Leaf> {
    .dictionary(
      (0..<count).map { number in
        let digits = "\(number)"
        let filling = String(repeating: "n", count: length - digits.utf8.count)
        return (Key(digits + filling), Tree<Leaf>.leaf(Leaf(Int32(number))))
      })
  }

  @Test func theLimitIsWhatPlacesInTheHeapCanSay() {
    // The same name many times costs no memory, and counts like others.
    func links(_ count: Int, _ length: Int) -> [Link] {
      [Link](repeating: ([UInt8](repeating: 1, count: length), 0), count: count)
    }
    #expect(LinkHeap.holds(links(8386, 63_999)))
    #expect(!LinkHeap.holds(links(8387, 63_999)))
    #expect(LinkHeap.holds(links(1 << 20, 495)))
    #expect(!LinkHeap.holds(links(1 << 20, 496)))
    #expect(LinkHeap.holds(links(9, 100), within: 9 * 116 + 1))
    #expect(!LinkHeap.holds(links(9, 100), within: 9 * 116))
  }

  /// Writes `tree` where a group holds less than `most` bytes.
  private func write(_ tree: Tree<Leaf>, within most: Int) throws {
    let options = WriteOptions()
    let file = FileLayout(of: MemoryTarget())
    let payload = PayloadWriter(file, options: options)
    try payload.write(tree)
    var writer = TreeWriter(
      payload, options: options, attributes: try HeldAttributes(NodeAttributes(), in: file), at: 48,
      mostNameBytes: most)
    _ = try writer.write(tree, metadata: nil) { _ in }
  }

  @Test func aGroupWithMoreIsRefusedByItsPath() throws {
    let members = Self.tree(20, length: 100)
    let most = 20 * 116
    for (tree, path): (Tree<Leaf>, Path) in [
      (["outer": ["many": members]], ["outer", "many"]),
      // A Ref's place is taken before its members are written.
      (["outer": ["many": .value(Value(members, index: 0))]], ["outer", "many"]), (members, .root),
    ] {
      let error = #expect(throws: RefxError.self) { try write(tree, within: most) }
      #expect(error?.code == .unsupported)
      #expect(error?.path == path)
      #expect(error?.message == "HDF5 cannot hold a node of 20 members with these names")
      #expect(error?.advice == "save it as .refx")
      #expect(throws: Never.self) { try write(tree, within: most + 1) }
    }
    // Up to eight links stand in the header, whatever the limit.
    #expect(throws: Never.self) { try write(Self.tree(8, length: 100), within: 1) }
  }

  /// Names that are as long as they may be have a block of the heap each.
  @Test(.enabled(if: HDF5Python.isThere), arguments: [(300, 63_999), (1200, 40_000), (3000, 5000)])
  func manyLongNamesAreListed(_ count: Int, _ length: Int) throws {
    let folder = ScratchFolder()
    let path = folder.file("names.h5")
    let tree: Tree<Leaf> = ["many": Self.tree(count, length: length)]
    try Checkpoint.save(tree: tree, to: path, durability: .none)
    guard case .dictionary(let members)? = try Checkpoint.open(path).contents.tree[["many"]],
      case .dictionary(let expected)? = tree[["many"]]
    else { throw ContractViolation("the group is gone") }
    #expect(members.keys == expected.keys)
    for (number, member) in zip(expected.members.indices, members.members) {
      guard case .leaf(let read) = member, case .leaf(let leaf) = expected.members[number] else {
        throw ContractViolation("member \(number) is no leaf")
      }
      #expect(try read.allBytes() == leaf.allBytes(), "member \(number)")
    }
    let (status, output) = try HDF5Python.run(["names", path, "many"])
    try #require(status == 0, "\(output)")
    let names = expected.keys.map { Array($0.string.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    let sum = Array(names.joined(separator: [UInt8(ascii: "\n")])).withUnsafeBytes { CRC32.of($0) }
    #expect(output.split(whereSeparator: \.isWhitespace).map { "\($0)" } == ["\(count)", "\(sum)"])
  }

  @Test func aNameThatIsTooLongIsRefusedByItsPath() throws {
    let error = #expect(throws: RefxError.self) {
      try write(["a": Self.tree(12, length: 64_000)], within: LinkHeap.mostNameBytes)
    }
    #expect(error?.code == .limit)
    #expect(error?.path?.keys.first == "a")
    #expect(error?.found == "64000 bytes")
  }
}
