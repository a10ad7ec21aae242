import Refx
import RefxIO
import RefxStore

/// `inspect` for people: a table and its sums.
struct InspectTable {
  let file: String
  let opened: OpenedCheckpoint
  let listing: Listing
  let style: Style

  func write(_ rows: [Listing.Row], _ details: LeafDetails) throws {
    var columns: [(title: String, alignment: Table.Alignment)] = [
      ("path", .left), ("kind", .left), ("ref", .right), ("collection", .left), ("dtype", .left),
      ("shape", .left),
      ("bytes", .right), ("stored", .right),
    ]
    if details.stats {
      columns += ["min", "max", "mean", "std", "zeros", "nan", "inf"].map { ($0, .right) }
    }
    if details.hash { columns.append(("sha256", .left)) }
    var table = Table(columns)
    for row in rows { table.add(try cells(row, details)) }
    details.finish()
    let version = opened.version.map { " \($0)" } ?? ""
    try StandardOutput.write(style.bold(visible(file)) + "  \(opened.format)\(version)\n")
    if !rows.isEmpty { try table.write(style) }
    try StandardOutput.write(sums(of: rows) + "\n")
    try writeProposedTies()
  }

  private func writeProposedTies() throws {
    if opened.proposedTies.isEmpty { return }
    try StandardOutput.write(
      style.bold("proposed ties") + "  by the metadata; refx convert --accept-ties makes them\n")
    var table = Table([("dropped", .left), ("kept", .left)])
    for tie in opened.proposedTies { table.add([tie.dropped.shown, tie.kept.shown]) }
    try table.write(style)
  }

  private func cells(_ row: Listing.Row, _ details: LeafDetails) throws -> [String] {
    var cells = [row.path.shown, row.isHole ? "hole" : row.kind.rawValue]
    cells.append(row.reference.map { "#\($0.index)" } ?? "")
    cells.append(row.reference.map { CollectionTag.shown($0.collection) } ?? "")
    cells.append(row.dtype.map(visible) ?? "")
    cells.append(shape(of: row))
    cells.append(row.leaf == nil ? "" : "\(row.bytes)")
    cells.append(row.leaf == nil ? "" : row.stored.map { "\($0)" } ?? "?")
    if details.stats {
      if let statistics = try details.statistics(row) {
        cells += [
          statistics.min.text, statistics.max.text, short(statistics.mean), short(statistics.deviation),
          "\(statistics.zeros)", "\(statistics.nan)", "\(statistics.infinite)",
        ]
      } else {
        cells += Array(repeating: "", count: 7)
      }
    }
    if details.hash { cells.append(try details.sha256(row) ?? "") }
    return cells
  }

  /// The shape; of a static value what it is, of a leaf that cannot be represented why.
  private func shape(of row: Listing.Row) -> String {
    if let reason = row.reason { return visible(reason) }
    if let value = row.value { return visible(value.description) }
    return row.shape.map { "\($0)" } ?? ""
  }

  private func sums(of rows: [Listing.Row]) -> String {
    let shown = rows.count == listing.rows.count ? "" : "\(rows.count) of "
    let leaves = shown + counted(listing.rows.count, "leaf", "leaves")
    let refs = "\(counted(listing.refs, "ref", "refs")) (\(listing.shared) shared)"
    let bytes =
      "\(humanBytes(listing.logicalBytes)) logical, \(humanBytes(listing.uniqueBytes)) unique, "
      + "\(humanBytes(listing.storedBytes)) stored"
    return [leaves, refs, bytes].joined(separator: " · ")
  }
}
