import Refx
import RefxStore

/// `inspect --attributes`: what the file says of its nodes beside what they are.
struct AttributeListing {
  private let rows: [(path: Path, attribute: Attribute)]

  init(_ attributes: NodeAttributes, _ matches: inout PatternMatches) throws {
    rows = try attributes.paths
      .filter { path in try matches.matches(path) }
      .flatMap { path in attributes[path].map { (path, $0) } }
  }

  var json: JSON {
    .array(
      rows.map { path, attribute in
        [
          "path": path.json, "name": .string(attribute.name.string),
          "dtype": attribute.value.dtype.map { .string($0.name) } ?? .null,
          "shape": attribute.value.shape.map { .array($0.map { .integer(Int64($0)) }) } ?? .null,
          "value": attribute.value.json,
        ]
      })
  }

  func write(_ style: Style) throws {
    if rows.isEmpty { return }
    var table = Table([
      ("node", .left), ("attribute", .left), ("dtype", .left), ("shape", .left), ("value", .left),
    ])
    for (path, attribute) in rows {
      table.add([
        path.isRoot ? "the root" : path.shown, visible(attribute.name.string),
        attribute.value.dtype?.name ?? "", attribute.value.shape.map { "\($0)" } ?? "",
        AttributeListing.shortened(attribute.value.text),
      ])
    }
    try StandardOutput.write("\n")
    try table.write(style)
  }

  /// A configuration of a model would fill the terminal.
  private static let mostScalars = 60

  private static func shortened(_ text: String) -> String {
    let start = text.unicodeScalars.prefix(mostScalars)
    let shown = visible(String(String.UnicodeScalarView(start)))
    return start.endIndex == text.unicodeScalars.endIndex ? shown : shown + "…"
  }
}

extension AttributeValue {
  /// All elements; a text of several as it stands in JSON.
  fileprivate var text: String {
    switch self {
    case .empty: ""
    case .one(let value): value.description
    case .texts, .numbers: String(decoding: json.bytes(), as: UTF8.self)
    }
  }

  /// A text or number, or a list of all elements in C order; what is no number of JSON as text.
  fileprivate var json: JSON {
    switch self {
    case .empty: .null
    case .one(let value): value.json
    case .texts(let texts, _): .array(texts.map { .string($0.string) })
    case .numbers(_, let shape, _): shape.isEmpty ? elements.first ?? .null : .array(elements)
    }
  }

  private var elements: [JSON] {
    guard case .numbers(let dtype, _, let bytes) = self, let size = dtype.itemSize,
      let text = LeafText.element(dtype)
    else { return [] }
    return bytes.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: size).map { offset in
        let text = text(bytes, offset)
        if dtype == .bool { return .bool(text == "true") }
        if let integer = Int64(text) { return .integer(integer) }
        // Of an uint64 beyond Int64 a double would be another number.
        if dtype == .uint64 { return .string(text) }
        return Double(text).map { .number($0) } ?? .string(text)
      }
    }
  }
}
