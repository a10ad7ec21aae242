import Refx
import RefxIO
import RefxStore
import Testing

/// Numbers of four bits on the command line.
@Suite struct FourBitCommandTests {
  @Test func theyAreShownCastAndCompared() throws {
    let scratch = try Scratch()
    let file = scratch.path("a.refx")
    let numbers = Tensor([-8, -1, 7, 0] as [Int4], shape: [2, 2])
    try Checkpoint.save(tree: ["w": .leaf(Leaf(numbers)), "u": .leaf(Leaf(UInt4(15)))], to: file)
    #expect(try Command.run("get", file, "w").text == "-8 -1\n7 0\n")
    #expect(try Command.run("get", file, "u").text == "15\n")
    let rows = try Command.run("inspect", file, "--json", "--stats").json()["leaves"]
    #expect(rows?[1]?["dtype"] == "int4" && rows?[1]?["bytes"] == 4 && rows?[1]?["stats"]?["min"] == -8)
    let wide = scratch.path("b.safetensors")
    #expect(try Command.run("convert", file, wide).code == 2)
    #expect(
      try Command.run("convert", file, wide, "--dtype", "int4=int8", "--dtype", "uint4=uint8").code == 0)
    #expect(try Command.run("get", wide, "w").text == "-8 -1\n7 0\n")
    let back = scratch.path("c.npz")
    #expect(
      try Command.run("convert", wide, back, "--dtype", "int8=int4", "--dtype", "uint8=uint4").code == 0)
    #expect(try Command.run("diff", file, back).code == 0)
    let other = scratch.path("d.refx")
    let changed = Tensor([-8, -1, 6, 0] as [Int4], shape: [2, 2])
    try Checkpoint.save(tree: ["w": .leaf(Leaf(changed)), "u": .leaf(Leaf(UInt4(15)))], to: other)
    #expect(try Command.run("diff", file, other).code == 1)
    #expect(try Command.run("diff", file, other, "--atol", "1").code == 0)
    #expect(try Command.run("convert", file, scratch.path("e.refx"), "--dtype", "int4=uint4").code == 2)
  }
}
