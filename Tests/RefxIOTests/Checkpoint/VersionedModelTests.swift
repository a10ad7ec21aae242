import Refx
import RefxStore
import Testing

@testable import RefxIO

/// One model in three versions of its structure.
@Suite struct VersionedModelTests {
  struct First: Codable {
    @RefField(collection: "params") var encoder_w = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    @RefField(collection: "params") var decoder_w = Tensor([0] as [Float])
    var step = 7
  }

  struct Second: Codable, VersionedModel {
    @RefField(collection: "params") var enc = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [2, 3])
    @RefField(collection: "params") var dec = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [2, 3])
    var step = 0

    static var structureVersion: Int { 2 }
    static var migrations: [Migration] {
      get throws { [Migration(from: 1, to: 2, rules: [try .rename("(enc|dec)oder_w", to: "$1")])] }
    }
  }

  struct Third: Codable, VersionedModel {
    struct Layers: Codable {
      @RefField(collection: "params") var enc = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
      @RefField(collection: "params") var dec = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
    }
    var layers = Layers()
    var steps = 0

    static var structureVersion: Int { 3 }
    static var migrations: [Migration] {
      get throws {
        [
          Migration(from: 2, to: 3) {
            try $0.applying([
              .rename("enc|dec", to: "layers/$0"), .transpose("layers/.*"), .rename("step", to: "steps"),
            ])
          }
        ] + (try Second.migrations)
      }
    }
  }

  private func saved() throws -> [UInt8] {
    var model = First()
    model.$decoder_w = model.$encoder_w
    return try Checkpoint.encode(model, metadata: ["note": "old"])
  }

  @Test func theChainRunsOnLoadAndTiesSurvive() throws {
    let old = try saved()
    let second = try Checkpoint.decode(Second.self, from: old)
    #expect(second.$enc === second.$dec)
    #expect(second.step == 7)
    let bytes = try Checkpoint.encode(second, metadata: ["note": "kept"])
    let metadata = try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "m")).contents.metadata
    #expect(metadata == ["note": "kept", "refx_structure_version": 2])
    for file in [old, bytes] {
      let third = try Checkpoint.decode(Third.self, from: file)
      #expect(third.layers.$enc === third.layers.$dec)
      #expect(third.layers.enc.shape == [3, 2])
      #expect(third.layers.enc.elements(of: Float.self) == [1, 4, 2, 5, 3, 6])
      #expect(third.steps == 7)
    }
  }

  @Test func theFutureAndGapsAreRefused() throws {
    let newest = try Checkpoint.encode(Third())
    #expect(
      refusalText { _ = try Checkpoint.decode(Second.self, from: newest) }.contains(
        "the file is of a later version of this model's structure: expected at most 2, found 3"))
    struct Gap: Codable, VersionedModel {
      var a = 1
      static var structureVersion: Int { 4 }
      static var migrations: [Migration] { [Migration(from: 3, to: 4, rules: [])] }
    }
    #expect(
      refusalText { _ = try Checkpoint.decode(Gap.self, from: try saved()) }.contains(
        "no migration leads on from version 1 to version 4"))
    struct Loop: Codable, VersionedModel {
      var a = 1
      static var structureVersion: Int { 2 }
      static var migrations: [Migration] { [Migration(from: 1, to: 1, rules: [])] }
    }
    #expect(throws: RefxError.self) { try Checkpoint.decode(Loop.self, from: try saved()) }
  }
}
