import Refx
import RefxIO
import RefxStore

/// `inspect --json`: one document, written row by row.
struct InspectDocument {
  let file: String
  let opened: OpenedCheckpoint
  let listing: Listing
  let attributes: AttributeListing?

  func write(_ rows: [Listing.Row], _ details: LeafDetails) throws {
    var head = JSONObject([
      .init("file", .string(file)),
      .init("format", .string(opened.format)),
      .init("version", opened.version.map { .integer(Int64($0)) } ?? .null),
      .init("metadata", .object(opened.contents.metadata)),
      .init("totals", totals),
      .init("collections", .array(listing.collections.map(row))),
    ])
    if let attributes { head["attributes"] = attributes.json }
    if !opened.proposedTies.isEmpty {
      head["proposedTies"] = .array(
        opened.proposedTies.map { ["dropped": $0.dropped.json, "kept": $0.kept.json] })
    }
    var bytes = JSON.object(head).bytes()
    // The rows follow within the same object.
    bytes.removeLast()
    bytes += ",\"leaves\":[".utf8
    var isFirst = true
    for row in rows {
      bytes += (isFirst ? "\n " : ",\n ").utf8
      isFirst = false
      try self.row(row, details).write(to: &bytes, indentation: nil)
      if bytes.count > 1 << 16 {
        try StandardOutput.write(JSON.terminalSafe(bytes))
        bytes.removeAll(keepingCapacity: true)
      }
    }
    details.finish()
    try StandardOutput.write(JSON.terminalSafe(bytes) + Array("]}\n".utf8))
  }

  private var totals: JSON {
    [
      "leaves": .integer(Int64(listing.rows.count)),
      "refs": .integer(Int64(listing.refs)),
      "shared": .integer(Int64(listing.shared)),
      "bytes": [
        "logical": .integer(Int64(listing.logicalBytes)),
        "unique": .integer(Int64(listing.uniqueBytes)),
        "stored": .integer(Int64(listing.storedBytes)),
      ],
    ]
  }

  private func row(_ collection: Listing.CollectionRow) -> JSON {
    [
      "collection": CollectionTag.json(collection.collection),
      "refs": .integer(Int64(collection.refs)),
      "bytes": .integer(Int64(collection.bytes)),
    ]
  }

  private func row(_ row: Listing.Row, _ details: LeafDetails) throws -> JSON {
    var members: [JSONObject.Member] = [
      .init("path", row.path.json),
      .init("kind", .string(row.kind.rawValue)),
      .init("index", row.reference.map { .integer(Int64($0.index)) } ?? .null),
      .init("first", row.reference.map { .bool($0.isFirst) } ?? .null),
      .init("collection", CollectionTag.json(row.reference?.collection)),
      .init("dtype", row.dtype.map { .string($0) } ?? .null),
      .init("shape", row.shape.map { .array($0.map { .integer(Int64($0)) }) } ?? .null),
      .init("bytes", .integer(Int64(row.bytes))),
      .init("stored", row.stored.map { .integer(Int64($0)) } ?? .null),
    ]
    if details.hash { members.append(.init("sha256", try details.sha256(row).map { .string($0) } ?? .null)) }
    if details.stats { members.append(.init("stats", try details.statistics(row)?.json ?? .null)) }
    if row.isHole { members.append(.init("hole", true)) }
    if let value = row.value { members.append(.init("value", value.json)) }
    if let reason = row.reason { members.append(.init("reason", .string(reason))) }
    return .object(JSONObject(members))
  }
}

extension ElementStatistics {
  var json: JSON {
    [
      "min": min.json,
      "max": max.json,
      "mean": .number(mean),
      "std": .number(deviation),
      "zeros": .integer(Int64(zeros)),
      "nan": .integer(Int64(nan)),
      "inf": .integer(Int64(infinite)),
    ]
  }
}

extension ElementStatistics.Number {
  var json: JSON {
    switch self {
    case .integer(let value): .integer(value)
    case .unsigned(let value): .unsigned(value)
    case .real(let value): .number(value)
    }
  }

  var text: String {
    switch self {
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .real(let value): short(value)
    }
  }
}

extension StaticValue {
  var json: JSON {
    switch self {
    case .string(let value): .string(value)
    case .int(let value): .integer(value)
    case .float(let value): .number(value)
    case .bool(let value): .bool(value)
    }
  }
}
