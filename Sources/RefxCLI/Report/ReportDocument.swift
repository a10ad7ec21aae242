import Refx
import RefxIO
import RefxStore

/// `report --json`: what the page shows, under the names of `inspect --json` and `diff --json`.
struct ReportDocument {
  let report: Report

  func write() throws {
    var bytes = JSON.object(JSONObject(head)).bytes()
    // The rows follow within the same object.
    bytes.removeLast()
    bytes += ",\"leaves\":[".utf8
    for (position, row) in report.listing.rows.enumerated() {
      bytes += (position == 0 ? "\n " : ",\n ").utf8
      self.row(row).write(to: &bytes, indentation: nil)
      if bytes.count > 1 << 16 {
        try StandardOutput.write(JSON.terminalSafe(bytes))
        bytes.removeAll(keepingCapacity: true)
      }
    }
    try StandardOutput.write(JSON.terminalSafe(bytes) + Array("]}\n".utf8))
  }

  /// All but the leaves; the same in the page.
  var head: [JSONObject.Member] {
    let opened = report.side.opened
    var members: [JSONObject.Member] = [
      .init("file", .string(report.side.name)), .init("format", .string(opened.format)),
      .init("version", opened.version.map { .integer(Int64($0)) } ?? .null),
      .init("metadata", .object(opened.contents.metadata)),
      .init("totals", ReportDocument.totals(report.listing)),
      .init("collections", .array(report.listing.collections.map(collection))),
      .init("dtypes", .array(report.dtypes.map(dtype))), .init("digest", digest),
    ]
    if let other = report.other {
      members.append(
        .init(
          "other",
          [
            "file": .string(other.name), "format": .string(other.opened.format),
            "version": other.opened.version.map { .integer(Int64($0)) } ?? .null,
            "totals": ReportDocument.totals(other.listing),
          ]))
    }
    if let diff = report.diff { members.append(.init("diff", DiffDocument(diff).json)) }
    return members
  }

  private var digest: JSON {
    guard let digest = report.digest else { return .null }
    return [
      "structure": .string(hexadecimal(digest.structure)),
      "topology": .string(hexadecimal(digest.topology)),
      "values": .string(hexadecimal(digest.values)),
    ]
  }

  private static func totals(_ listing: Listing) -> JSON {
    [
      "leaves": number(listing.rows.count), "refs": number(listing.refs), "shared": number(listing.shared),
      "bytes": [
        "logical": number(listing.logicalBytes), "unique": number(listing.uniqueBytes),
        "stored": number(listing.storedBytes),
      ],
    ]
  }

  private func collection(_ row: Listing.CollectionRow) -> JSON {
    [
      "collection": CollectionTag.json(row.collection), "refs": ReportDocument.number(row.refs),
      "bytes": ReportDocument.number(row.bytes),
    ]
  }

  private func dtype(_ row: Report.DTypeRow) -> JSON {
    [
      "dtype": .string(row.dtype), "leaves": ReportDocument.number(row.leaves),
      "bytes": ReportDocument.number(row.bytes),
    ]
  }

  private func row(_ row: Listing.Row) -> JSON {
    var members: [JSONObject.Member] = [
      .init("path", row.path.json), .init("kind", .string(row.kind.rawValue)),
      .init("index", row.reference.map { ReportDocument.number($0.index) } ?? .null),
      .init("first", row.reference.map { .bool($0.isFirst) } ?? .null),
      .init("collection", CollectionTag.json(row.reference?.collection)),
      .init("dtype", row.dtype.map { .string($0) } ?? .null),
      .init("shape", row.shape.map { .array($0.map(ReportDocument.number)) } ?? .null),
      .init("bytes", ReportDocument.number(row.bytes)),
      .init("stored", row.stored.map(ReportDocument.number) ?? .null),
    ]
    if report.survey != nil {
      let finding = report.finding(row)
      // Text has no hash that is the same in every format.
      let hash = row.leaf?.dtype == .string ? nil : finding?.sha256
      members.append(.init("sha256", hash.map { .string(hexadecimal($0)) } ?? .null))
      members.append(.init("stats", finding?.statistics?.json ?? .null))
      members.append(.init("histogram", finding?.histogram.map(histogram) ?? .null))
    }
    if row.isHole { members.append(.init("hole", true)) }
    if let value = row.value { members.append(.init("value", value.json)) }
    if let reason = row.reason { members.append(.init("reason", .string(reason))) }
    return .object(JSONObject(members))
  }

  private func histogram(_ histogram: Histogram) -> JSON {
    [
      "exponent": ReportDocument.number(histogram.exponent), "first": .integer(histogram.first),
      "counts": .array(histogram.counts.map(ReportDocument.number)),
    ]
  }

  private static func number(_ count: Int) -> JSON { .integer(Int64(count)) }
}
