import Refx
import RefxStore

/// What a patch says of the checkpoints that it leads from and to, under one reserved key of its metadata.
struct PatchRecord {
  static let key: Key = "refx_patch"
  static let version: Int64 = 1

  /// The digests of the checkpoint that the patch was made from.
  var base: TreeDigest
  /// Those of the one that it makes.
  var result: StructureDigest
  /// Where that one has holes itself.
  var holes: [Path]
  /// Its metadata.
  var metadata: JSONObject

  init(base: TreeDigest, result: StructureDigest, holes: [Path], metadata: JSONObject) {
    self.base = base
    self.result = result
    self.holes = holes
    self.metadata = metadata
  }

  var json: JSON {
    [
      "version": .integer(PatchRecord.version),
      "base": [
        "structure": .string(hexadecimal(base.structure)), "topology": .string(hexadecimal(base.topology)),
        "values": .string(hexadecimal(base.values)),
      ],
      "result": [
        "structure": .string(hexadecimal(result.structure)),
        "topology": .string(hexadecimal(result.topology)),
      ],
      "holes": .array(holes.map { .array($0.keys.map { .string($0.string) }) }),
      "metadata": .object(metadata),
    ]
  }

  /// Reads the record of the patch in `file`.
  ///
  /// - Throws: ``RefxError`` where there is none, or it does not hold together.
  init(_ metadata: JSONObject, file: String) throws {
    guard let json = metadata[PatchRecord.key] else { throw RefxError.notAPatch(file: file) }
    func damaged(_ reason: String) -> RefxError { .damagedPatch(file: file, reason: reason) }
    guard case .object(let object) = json, case .integer(let version) = object["version"] else {
      throw damaged("it has no version")
    }
    guard version == PatchRecord.version else {
      throw RefxError.recordOfTheFuture(
        "what this patch applies to", version: version, known: PatchRecord.version, file: file)
    }
    guard case .object(let base) = object["base"], case .object(let result) = object["result"],
      case .array(let holes) = object["holes"], case .object(let kept) = object["metadata"]
    else { throw damaged("a field is missing") }
    func digest(_ name: Key, of object: JSONObject) throws -> [UInt8] {
      guard case .string(let text) = object[name], let bytes = PatchRecord.bytes(text) else {
        throw damaged("a digest is not 64 hexadecimal digits")
      }
      return bytes
    }
    self.base = TreeDigest(
      structure: try digest("structure", of: base), topology: try digest("topology", of: base),
      values: try digest("values", of: base))
    self.result = StructureDigest(
      structure: try digest("structure", of: result), topology: try digest("topology", of: result))
    self.holes = try holes.map { hole in
      guard case .array(let keys) = hole else { throw damaged("a hole has no path") }
      return Path(
        try keys.map { key in
          guard case .string(let text) = key else { throw damaged("a hole's key is no text") }
          return Key(text)
        })
    }
    self.metadata = kept
  }

  static func bytes(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") ? $0 - 48 : $0 &- 87 }
    guard digits.count == 64, digits.allSatisfy({ $0 < 16 }) else { return nil }
    return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
