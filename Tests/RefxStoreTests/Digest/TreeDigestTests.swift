import Refx
import RefxStore
import Testing

/// The digests, against the bytes that Documentation/digests.md specifies, put together by hand.
@Suite struct TreeDigestTests {
  private func u64(_ number: Int) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private func text(_ string: String) -> [UInt8] {
    u64(string.utf8.count) + Array(string.utf8)
  }

  private func path(_ keys: String...) -> [UInt8] {
    u64(keys.count) + keys.flatMap { text($0) }
  }

  private func row(_ values: [Float]) -> Tree<Leaf> {
    .leaf(Leaf(Tensor(values)))
  }

  private var tied: Tree<Leaf> {
    [
      "a": .value(Value(row([1, 2]), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")),
      "n": .static("relu"),
    ]
  }

  private var untied: Tree<Leaf> {
    [
      "a": .value(Value(row([1, 2]), index: 0, collection: "params")),
      "b": .value(Value(row([1, 2]), index: 1, collection: "params")),
      "n": .static("relu"),
    ]
  }

  @Test func structureIsTheSpecifiedBytes() throws {
    let array = Array("A".utf8) + text("float32") + u64(1) + u64(2)
    let bytes =
      Array("refx structure 1\n".utf8)
      + path() + Array("D".utf8) + u64(3)
      + path("a") + array
      + path("b") + array
      + path("n") + Array("Ss".utf8) + text("relu")
    #expect(try tied.structureDigest().structure == SHA256.of(bytes))
  }

  @Test func topologyIsTheSpecifiedBytes() throws {
    let tag: [UInt8] = [1] + text("params")
    let domain = Array("refx topology 1\n".utf8)
    #expect(
      try tied.structureDigest().topology == SHA256.of(domain + tag + u64(2) + path("a") + path("b")))
    #expect(
      try untied.structureDigest().topology
        == SHA256.of(domain + tag + u64(1) + path("a") + tag + u64(1) + path("b")))
  }

  @Test func valuesAreTheSpecifiedBytes() throws {
    let leaf = SHA256.of([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
    let bytes = Array("refx values 1\n".utf8) + path("a") + leaf + path("b") + leaf
    #expect(try tied.digest().values == SHA256.of(bytes))
  }

  @Test func tyingEqualValuesChangesTheTopologyAlone() throws {
    let one = try tied.digest()
    let two = try untied.digest()
    #expect(one.structure == two.structure)
    #expect(one.values == two.values)
    #expect(one.topology != two.topology)
  }

  @Test func aLoneReferenceWithoutCollectionIsAsAPlainValue() throws {
    let plain: Tree<Leaf> = ["a": row([1])]
    let lone: Tree<Leaf> = ["a": .value(Value(row([1]), index: 0))]
    let tagged: Tree<Leaf> = ["a": .value(Value(row([1]), index: 0, collection: 7))]
    #expect(try plain.digest() == lone.digest())
    #expect(try plain.digest().topology != tagged.digest().topology)
  }

  @Test(arguments: [
    (Tree<Leaf>.none, "0"), (.nothing, "N"), (.hole, "H"),
    (.list([]), "L\0\0\0\0\0\0\0\0"), (.tuple([]), "T\0\0\0\0\0\0\0\0"),
    (.static(true), "Sb\u{1}"), (.static(.int(1)), "Si\u{1}\0\0\0\0\0\0\0"),
  ])
  func kindsAreToldApart(tree: Tree<Leaf>, record: String) throws {
    let bytes = Array("refx structure 1\n".utf8) + u64(0) + Array(record.utf8)
    #expect(try tree.structureDigest().structure == SHA256.of(bytes))
  }

  @Test func aCycleIsVisitedOnce() throws {
    let cycle: Tree<Leaf> = .value(Value(["next": .index(Index(0)), "w": row([1])], index: 0))
    let bytes =
      Array("refx structure 1\n".utf8)
      + path() + Array("D".utf8) + u64(2)
      + path("next") + Array("X".utf8)
      + path("w") + Array("A".utf8) + text("float32") + u64(1) + u64(1)
    #expect(try cycle.structureDigest().structure == SHA256.of(bytes))
  }

  @Test func combinedIsTheDigestOfBoth() throws {
    let digest = try tied.structureDigest()
    #expect(digest.combined == SHA256.of(digest.structure + digest.topology))
  }

  @Test func sha256KnowsItsTestVector() {
    #expect(
      hexadecimal(SHA256.of(Array("abc".utf8)))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
