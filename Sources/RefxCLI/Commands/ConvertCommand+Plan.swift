import Refx
import RefxIO
import RefxStore

extension ConvertCommand {
  /// A plan that cannot be carried out.
  func show(_ plan: RulePlan, _ format: any CheckpointStore.Type) throws {
    guard options.json else { return try plan.write(Style(isColoured: options.isColoured)) }
    var document: JSONObject = [
      "file": .string(out), "format": .string(format.format.name), "dryRun": true, "rules": plan.json,
    ]
    document["error"] = plan.refusal.map { Failure($0).body }
    try StandardOutput.write(.object(document))
  }

  func showPlan(
    _ contents: CheckpointContents, _ files: [String], _ format: any CheckpointStore.Type, _ saved: Rescue?,
    _ plan: RulePlan?, _ skipped: [SkippedLeaf]
  ) throws {
    let listing = try Listing(of: contents.tree)
    if options.json {
      let rows = listing.rows.map { row -> JSON in
        [
          "path": row.path.json, "kind": .string(row.kind.rawValue),
          "collection": CollectionTag.json(row.reference?.collection),
          "dtype": row.dtype.map { .string($0) } ?? .null,
          "shape": row.shape.map { .array($0.map { .integer(Int64($0)) }) } ?? .null,
        ]
      }
      var document: JSONObject = [
        "file": .string(files.last ?? out), "format": .string(format.format.name), "dryRun": true,
        "leaves": .array(rows),
      ]
      for member in skip.members(skipped) { document[member.name] = member.value }
      if files.count > 1 { document["files"] = .array(files.map { .string($0) }) }
      if let saved { document["lost"] = saved.json }
      if let plan { document["rules"] = plan.json }
      return try StandardOutput.write(.object(document))
    }
    try plan?.write(Style(isColoured: options.isColoured))
    let index = files.count > 1 ? files.last : nil
    let shards =
      index.map { ": \(counted(files.count - 1, "shard", "shards")) and \(visible($0))" } ?? ""
    try StandardOutput.write("would write \(visible(out)) as \(format.format.name)\(shards)\n")
    var table = Table([
      ("path", .left), ("ref", .right), ("collection", .left), ("dtype", .left), ("shape", .left),
    ])
    for row in listing.rows {
      table.add([
        row.path.shown, row.reference.map { "#\($0.index)" } ?? "",
        row.reference.map { CollectionTag.shown($0.collection) } ?? "",
        row.dtype.map(visible) ?? row.kind.rawValue,
        row.shape.map { "\($0)" } ?? "",
      ])
    }
    try table.write(Style(isColoured: options.isColoured))
  }
}
