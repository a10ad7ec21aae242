import Refx
import RefxStore

/// What a part says about its origin, under one reserved key of its metadata.
struct PartRecord {
  static let key: Key = "refx_part"
  static let version: Int64 = 1

  /// The position of this part among all, and what each is called.
  var position: Int
  var names: [String]
  /// The origin's digests in hexadecimal.
  var structure: String
  var topology: String
  /// The origin's index of each Ref of the part, in the order of the part's own.
  var indexes: [Int]
  /// Where the origin itself had holes.
  var holes: [Path]
  /// The origin's own record, where it was a part already.
  var outer: JSON?

  var json: JSON {
    var object = JSONObject([
      .init("version", .integer(PartRecord.version)),
      .init("part", .integer(Int64(position))),
      .init("parts", .array(names.map { .string($0) })),
      .init("structure", .string(structure)),
      .init("topology", .string(topology)),
      .init("indexes", .array(indexes.map { .integer(Int64($0)) })),
    ])
    if !holes.isEmpty {
      object["holes"] = .array(holes.map { .array($0.keys.map { .string($0.string) }) })
    }
    if let outer { object["outer"] = outer }
    return .object(object)
  }

  init(
    position: Int, names: [String], structure: String, topology: String, indexes: [Int], holes: [Path],
    outer: JSON?
  ) {
    self.position = position
    self.names = names
    self.structure = structure
    self.topology = topology
    self.indexes = indexes
    self.holes = holes
    self.outer = outer
  }

  /// Reads the record of the part in `file`.
  ///
  /// - Throws: ``RefxError`` where there is none, or it does not hold together.
  init(_ metadata: JSONObject, file: String) throws {
    guard let json = metadata[PartRecord.key] else { throw RefxError.notAPart(file: file) }
    func damaged(_ reason: String) -> RefxError { .damagedPart(file: file, reason: reason) }
    guard case .object(let object) = json else { throw damaged("it is no object") }
    guard case .integer(let version) = object["version"] else { throw damaged("it has no version") }
    guard version == PartRecord.version else {
      throw RefxError.recordOfTheFuture(
        "what this is a part of", version: version, known: PartRecord.version, file: file)
    }
    guard case .integer(let position) = object["part"], case .array(let names) = object["parts"],
      case .string(let structure) = object["structure"], case .string(let topology) = object["topology"],
      case .array(let indexes) = object["indexes"], let place = Int(exactly: position)
    else { throw damaged("a field is missing") }
    self.names = names.compactMap { if case .string(let name) = $0 { name } else { nil } }
    self.indexes = indexes.compactMap {
      if case .integer(let index) = $0 { Int(exactly: index) } else { nil }
    }
    guard self.names.count == names.count, names.indices.contains(place) else {
      throw damaged("it counts no parts")
    }
    guard self.indexes.count == indexes.count, Set(self.indexes).count == indexes.count else {
      throw damaged("an index comes twice or is none")
    }
    self.position = place
    self.structure = structure
    self.topology = topology
    holes = []
    if let listed = object["holes"] {
      guard case .array(let paths) = listed else { throw damaged("its holes are no list") }
      for path in paths {
        guard case .array(let keys) = path else { throw damaged("a hole has no path") }
        holes.append(Path(keys.compactMap { if case .string(let key) = $0 { Key(key) } else { nil } }))
      }
    }
    outer = object["outer"]
  }
}
