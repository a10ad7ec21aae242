import Refx
import RefxStore

/// `diff --json`.
struct DiffDocument {
  private let diff: TreeDiff

  init(_ diff: TreeDiff) {
    self.diff = diff
  }

  var json: JSON {
    .object(
      JSONObject([
        .init("equal", .bool(diff.isEmpty)),
        .init(
          "counts",
          .object(
            JSONObject(
              TreeDiff.Kind.allCases.map { .init(Key($0.rawValue), .integer(Int64(diff.count(of: $0)))) }))),
        .init("structure", .array(diff.structure.map(row))),
        .init("topology", .array(diff.topology.map(row))),
        .init("collection", .array(diff.collection.map(row))),
        .init("type", .array(diff.type.map(row))),
        .init("value", .array(diff.value.map(row))),
        .init("unchanged", diff.unchanged.map { .integer(Int64($0)) } ?? .null),
      ]))
  }

  private func row(_ change: StructureChange) -> JSON {
    var members: [JSONObject.Member] = [
      .init("change", .string(change.change.rawValue)),
      .init("path", change.path.json),
      .init("from", change.from.map { .string($0) } ?? .null),
      .init("to", change.to.map { .string($0) } ?? .null),
    ]
    if change.leaves > 0 { members.append(.init("leaves", .integer(Int64(change.leaves)))) }
    if change.moved > 0 { members.append(.init("moved", .integer(Int64(change.moved)))) }
    if let newPath = change.newPath { members.append(.init("newPath", newPath.json)) }
    return .object(JSONObject(members))
  }

  private func row(_ change: TopologyChange) -> JSON {
    func sets(_ sets: [[Path]]) -> JSON { .array(sets.map { .array($0.map(\.json)) }) }
    return [
      "change": .string(change.change.rawValue),
      "paths": .array(change.paths.map(\.json)),
      "from": sets(change.from),
      "to": sets(change.to),
    ]
  }

  private func row(_ change: CollectionChange) -> JSON {
    var members: [JSONObject.Member] = [
      .init("path", change.path.json), .init("from", CollectionTag.json(change.from)),
      .init("to", CollectionTag.json(change.to)),
    ]
    if let other = change.other { members.append(.init("other", other.json)) }
    return .object(JSONObject(members))
  }

  private func row(_ change: TypeChange) -> JSON {
    func type(_ dtype: DType, _ shape: [Int]) -> JSON {
      ["dtype": .string(dtype.name), "shape": .array(shape.map { .integer(Int64($0)) })]
    }
    var members: [JSONObject.Member] = [
      .init("path", change.path.json), .init("from", type(change.fromDType, change.fromShape)),
      .init("to", type(change.toDType, change.toShape)),
    ]
    if let other = change.other { members.append(.init("other", other.json)) }
    if change.more > 0 { members.append(.init("more", .integer(Int64(change.more)))) }
    return .object(JSONObject(members))
  }

  private func row(_ change: ValueChange) -> JSON {
    func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
    var members: [JSONObject.Member] = [
      .init("path", change.path.json),
      .init("changed", .integer(Int64(change.difference.changed))),
      .init("count", .integer(Int64(change.count))),
      .init("maxAbs", number(change.difference.maxAbs)),
      .init("maxRel", number(change.difference.maxRel)),
      .init("rms", number(change.difference.rms)),
      .init("nan", .integer(Int64(change.difference.nan))),
    ]
    if let other = change.other { members.append(.init("other", other.json)) }
    if change.more > 0 { members.append(.init("more", .integer(Int64(change.more)))) }
    return .object(JSONObject(members))
  }
}
