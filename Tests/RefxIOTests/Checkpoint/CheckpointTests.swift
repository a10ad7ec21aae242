import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// The front door, with the library's own format and with one made here.
@Suite struct CheckpointTests {
  struct Model: Codable {
    var name: Static<String>
    var embedding: Ref<Tensor>
    var head: Ref<Tensor>
    var step: Int
    var rate: Float?

    static func make(_ scale: Float = 1) -> Model {
      let shared = Ref(Tensor((0..<6000).map { Float($0) * scale }, shape: [60, 100]), collection: "params")
      return Model(name: Static("tiny"), embedding: shared, head: shared, step: Int(scale), rate: nil)
    }
  }

  /// A format of one line: the sites that have numbers. It shows that a store is one name in a registry.
  enum LineStore: CheckpointStore {
    static let format = FormatDescription(name: "line", suffixes: [".line"], streams: false)
    static func recognises(_ file: InputFile) -> Bool {
      (try? file.bytes(at: 0, count: min(5, file.byteCount))) == Array("line ".utf8)
    }
    static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
      let words = String(decoding: try file.bytes(at: 5, count: file.byteCount - 5), as: UTF8.self).split(
        separator: " ")
      let members = try words.map { word -> Tree<Leaf> in
        guard let number = Int(word) else { throw RefxError(.damaged, "\(word) is no number") }
        return .leaf(Leaf(number))
      }
      return OpenedCheckpoint(
        contents: CheckpointContents(tree: .list(members)), format: "line", version: nil, verify: { _, _ in })
    }
    static func write(_ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions)
      throws
    {
      var line = "line"
      try contents.tree.forEachLeaf { line += " \(try Int(leaf: $0))" }
      guard let path = target.temporaryPath else { throw RefxError(.unsupported, "no path") }
      try line.write(toFile: path, atomically: false, encoding: .utf8)
    }
  }

  private func withFolder<R>(_ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("refx-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  @Test func saveAndLoad() throws {
    try withFolder { folder in
      let path = folder + "/m.refx"
      for compression in Compression.allCases {
        try Checkpoint.save(
          Model.make(), to: path, compression: compression, metadata: ["epoch": 3], durability: .none)
        let back = try Checkpoint.load(Model.self, from: path)
        #expect(back.embedding === back.head && back.embedding.collection == "params")
        #expect(
          back.embedding.value == Model.make().embedding.value && back.name.value == "tiny"
            && back.rate == nil)
        #expect(try Checkpoint.open(path).contents.metadata["epoch"] == 3)
      }
      #expect(refusal { try Checkpoint.save(Model.make(), to: path, overwrite: false) } != nil)
    }
  }

  @Test func bytes() throws {
    let bytes = try Checkpoint.encode(Model.make(2), as: .refx)
    #expect(try Checkpoint.decode(Model.self, from: bytes).step == 2)
    try withFolder { folder in
      try Checkpoint.save(Model.make(2), to: folder + "/m.refx")
      #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/m.refx"))) == bytes)
    }
  }

  @Test func aFormatOfOnesOwn() throws {
    let formats = Formats([LineStore.self, RefxFormat.self])
    try withFolder { folder in
      try Checkpoint.save([Ref(1), Ref(2)], to: folder + "/a.LINE", formats: formats)
      #expect(try String(contentsOfFile: folder + "/a.LINE", encoding: .utf8) == "line 1 2")
      // Recognised by its content, whatever it is called.
      try FileManager.default.moveItem(atPath: folder + "/a.LINE", toPath: folder + "/a.refx")
      let numbers = try Checkpoint.load(
        [Ref<Int>].self, from: folder + "/a.refx", allowing: .plainForRef, formats: formats)
      #expect(numbers.map(\.value) == [1, 2])
      #expect(
        try Checkpoint.encode([1].map { Ref($0) }, as: "line", formats: formats) == Array("line 1".utf8))
      #expect(try Checkpoint.open(folder + "/a.refx", formats: formats).format == "line")
    }
  }

  @Test func restore() throws {
    try withFolder { folder in
      let path = folder + "/m.refx"
      try Checkpoint.save(Model.make(3), to: path)
      var model = Model.make()
      let ref = model.embedding
      try Checkpoint.restore(&model, from: path, select: .collection("params"))
      #expect(model.embedding === ref && model.step == 1 && ref.value == Model.make(3).embedding.value)
      try Checkpoint.restore(&model, from: path)
      #expect(model.step == 3)
      try Checkpoint.save(Model.make(4), to: path)
      try Checkpoint.restore(&model, from: path, select: .pattern("st*"))
      #expect(model.step == 4 && ref.value == Model.make(3).embedding.value)

      model.head = Ref(Tensor([1] as [Float]))
      let before = model.head
      let error = refusal { try Checkpoint.restore(&model, from: path) }
      #expect(error?.file == path)
      #expect(
        error?.details == [
          "head: collection: expected none, found params", "head: shape: expected [1], found [60, 100]",
          "head: topology: expected 2 values: embedding | head, found one value at embedding, head; the model's values are not even alike",
        ])
      #expect(model.head === before && model.head.value == Tensor([1] as [Float]))
    }
  }

  @Test func aDamagedPayloadChangesNothing() throws {
    try withFolder { folder in
      let path = folder + "/m.refx"
      try Checkpoint.save(Model.make(3), to: path, compression: .none)
      var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
      let place = try #require(bytes.firstIndex { $0 == 0x45 })
      bytes[max(place, 8000)] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      var model = Model.make()
      let error = refusal { try Checkpoint.restore(&model, from: path) }
      #expect(error?.code == .damaged)
      #expect(model.embedding.value == Model.make().embedding.value && model.step == 1)
    }
  }

  @Test(arguments: [
    ("", "x.refx", "the file is empty; copy or download it again"),
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "x.h5",
      "the file is a pointer that Git LFS left in the place of the content; fetch the content with git lfs pull"
    ),
    (
      "\n<!DOCTYPE html><html></html>", "x.safetensors",
      "the file is an HTML page, as a server sends it instead of a file; look at the page in a browser, then download the file itself"
    ),
    (
      "\0\0\0\0\0\0\0\0\0\0", "x.refx",
      "the file begins with zeros, as one does whose writing was broken off; copy or download it again"
    ),
    (
      "hello", "x.txt",
      "expected a checkpoint (refx, line), found content of no format that is known; check where the file comes from, or name its format"
    ),
  ])
  func impostors(_ content: String, _ name: String, _ words: String) throws {
    try withFolder { folder in
      let path = folder + "/" + name
      try content.write(toFile: path, atomically: false, encoding: .utf8)
      let formats = Formats([RefxFormat.self, LineStore.self])
      let error = refusal { try Checkpoint.open(path, formats: formats) }
      #expect(error?.code == .notACheckpoint)
      #expect(error?.description == "\(path): \(words)")
    }
  }

  @Test func namesAndFolders() throws {
    try withFolder { folder in
      #expect(
        refusal { try Checkpoint.save(1, to: folder + "/m.xyz", formats: Formats([RefxFormat.self])) }?
          .summary
          == "\(folder)/m.xyz: expected a name that ends in .refx, found no such suffix; choose one of them or name the format"
      )
      try Checkpoint.save(1, to: folder + "/m.xyz", format: .refx)
      #expect(try Checkpoint.load(Int.self, from: folder + "/m.xyz") == 1)
      #expect(refusal { try Checkpoint.open(folder) }?.code == .notAFile)
      #expect(
        refusal { try Checkpoint.save(1, to: "", format: .refx) }?.summary
          == "expected the name of a file, found an empty one")
      #expect(refusal { try Checkpoint.open(folder + "/none.refx") }?.code == .system)
      #expect(refusal { try Checkpoint.save(1, to: folder + "/m", format: "tar") }?.code == .unsupported)
      let error = refusal { try Checkpoint.load([Int].self, from: folder + "/m.xyz") }
      #expect(
        error?.file == folder + "/m.xyz"
          && error?.details == ["the root: shape: expected int64 [n], found int64 []"])
    }
  }
}
