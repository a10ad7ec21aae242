import Refx
import RefxIO

/// `inspect` for people: a table and its sums.
struct InspectTable {
  let frame: InspectFrame

  private var listing: Listing { frame.listing }
  private var style: Style { frame.style }

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
    for row in rows { table.add(try cells(row, details), marks: marks(row)) }
    details.finish()
    try frame.begin()
    if !rows.isEmpty { try table.write(style) }
    try frame.end(rows)
  }

  /// Paths stay plain; what a value shares, and what is wrong with it, is marked.
  private func marks(_ row: Listing.Row) -> [Int: Table.Mark] {
    var marks: [Int: Table.Mark] = [:]
    if listing.isShared(row) { marks[2] = .shared }
    if row.reason != nil { marks[1] = .problem }
    if row.isHole || row.kind == .nothing { marks[1] = .faint }
    return marks
  }

  private func cells(_ row: Listing.Row, _ details: LeafDetails) throws -> [String] {
    var cells = [row.path.shown, row.isHole ? "hole" : row.kind.rawValue]
    cells.append(row.reference.map { "#\($0.index)" } ?? "")
    cells.append(row.reference.map { CollectionTag.shown($0.collection) } ?? "")
    cells.append(row.dtype.map(visible) ?? "")
    cells.append(shape(of: row))
    cells.append(row.leaf == nil ? "" : humanBytes(row.bytes))
    cells.append(row.leaf == nil ? "" : row.stored.map(humanBytes) ?? "?")
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
}
