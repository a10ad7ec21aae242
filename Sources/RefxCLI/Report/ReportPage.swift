import Refx
import RefxIO
import RefxStore

/// The report as one HTML page that asks no network for anything: its style, its script, and its data as JSON,
/// which no name out of a file can end.
struct ReportPage {
  let report: Report

  func write(_ append: ([UInt8]) throws -> Void) throws {
    let script = ReportScript.text
    let name = visible(report.side.name)
    let title = report.other.map { "\(name) → \(visible($0.name))" } ?? name
    // The policy names the one script and the one style by their hashes: nothing else runs or is fetched.
    let policy =
      "default-src 'none'; script-src 'sha256-\(Base64.text(of: SHA256.of(Array(script.utf8))))'; "
      + "style-src 'sha256-\(Base64.text(of: SHA256.of(Array(ReportStyle.text.utf8))))'; "
      + "base-uri 'none'; form-action 'none'"
    var sums = "<p class=\"sum\">\(escapedMarkup(Report.accounting(report.listing)))</p>"
    if let other = report.other {
      let sentence = "\(visible(other.name)): \(Report.accounting(other.listing))"
      sums += "\n<p class=\"sum\">\(escapedMarkup(sentence))</p>"
    }
    let head = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="refx \(refxVersion)">
      <title>\(escapedMarkup(title))</title>
      <style>\(ReportStyle.text)</style>
      </head>
      <body>
      <header>
      <h1>\(escapedMarkup(title))</h1>
      \(sums)
      </header>
      <main id="main"><noscript><p>The tree is drawn by a script, which this reader does not run.</p></noscript></main>
      <script type="application/json" id="data">
      """
    try append(Array(head.utf8))
    try ReportRows(report: report).write { try append(ReportPage.safe($0)) }
    try append(Array("</script>\n<script>\(script)</script>\n</body>\n</html>\n".utf8))
  }

  /// JSON without a byte that means something to HTML, or ends a line of a script: within strings, where alone
  /// these can stand, their number says the same. Pieces must not part a character.
  static func safe(_ json: [UInt8]) -> [UInt8] {
    var safe: [UInt8] = []
    safe.reserveCapacity(json.count)
    var position = 0
    while position < json.count {
      let byte = json[position]
      switch byte {
      case UInt8(ascii: "<"): safe += "\\u003c".utf8
      case UInt8(ascii: ">"): safe += "\\u003e".utf8
      case UInt8(ascii: "&"): safe += "\\u0026".utf8
      case 0xE2
      where position + 2 < json.count && json[position + 1] == 0x80 && json[position + 2] & 0xFE == 0xA8:
        safe += (json[position + 2] == 0xA8 ? "\\u2028" : "\\u2029").utf8
        position += 2
      default: safe.append(byte)
      }
      position += 1
    }
    return safe
  }
}

/// The data of the page: the document of `--json` with its leaves as short rows.
///
/// A row is `[keys that the path shares with the row before, [its other keys], kind, index or -1, collection,
/// dtype, shape, bytes, stored, statistics, histogram, value or reason]`, where kind, collection and dtype are
/// positions in `words`; what stands at a Ref's first site is not said again at its others. `inside` is a list of
/// `[index, bytes]`: what one site of a shared subtree would take if nothing were shared.
struct ReportRows {
  let report: Report

  func write(_ append: ([UInt8]) throws -> Void) throws {
    var words: [JSON] = []
    var places: [JSON: Int] = [:]
    func place(_ word: JSON) -> JSON {
      if let known = places[word] { return .integer(Int64(known)) }
      places[word] = words.count
      words.append(word)
      return .integer(Int64(words.count - 1))
    }
    var members = ReportDocument(report: report).head
    for position in members.indices where members[position].name == "metadata" {
      members[position].value = shortened(members[position].value)
    }
    var head = JSON.object(JSONObject(members)).bytes()
    head.removeLast()
    try append(head + Array(",\"leaves\":[".utf8))
    var before: [Key] = []
    let showsHistograms = report.showsHistograms
    for (position, row) in report.listing.rows.enumerated() {
      let keys = row.path.keys
      let same = zip(before, keys).prefix { $0 == $1 }.count
      before = keys
      let isFirst = row.reference?.isFirst ?? true
      let finding = isFirst ? report.finding(row) : nil
      let cells: JSON = [
        .integer(Int64(same)), .array(keys[same...].map { .string($0.string) }),
        place(.string(row.isHole ? "hole" : row.kind.rawValue)),
        .integer(row.reference.map { Int64($0.index) } ?? -1),
        place(CollectionTag.json(row.reference?.collection)), place(row.dtype.map { .string($0) } ?? .null),
        row.shape.map { .array($0.map { .integer(Int64($0)) }) } ?? .null, .integer(Int64(row.bytes)),
        row.stored.map { .integer(Int64($0)) } ?? .null, finding?.statistics.map(statistics) ?? .integer(0),
        (showsHistograms ? finding?.histogram : nil).map(histogram) ?? .integer(0),
        row.value?.json ?? row.reason.map { .string($0) } ?? .null,
      ]
      try append(Array((position == 0 ? "\n" : ",\n").utf8) + cells.bytes())
    }
    try append(Array("],\n\"words\":".utf8) + JSON.array(words).bytes())
    let flags: JSON = [
      "values": .bool(report.survey != nil), "histograms": .bool(showsHistograms && report.survey != nil),
    ]
    try append(Array(",\"has\":".utf8) + flags.bytes())
    try append(Array(",\"inside\":".utf8) + JSON.array(inside).bytes() + Array("}".utf8))
  }

  /// Of each shared subtree, whose rows have no bytes of their own, its index and what one of its sites would take.
  private var inside: [JSON] {
    report.listing.rows.compactMap { row in
      guard let reference = row.reference, reference.isFirst, row.leaf == nil, report.listing.isShared(row)
      else {
        return nil
      }
      return [.integer(Int64(reference.index)), .integer(Int64(report.listing.siteBytes(row)))]
    }
  }

  /// Without what is too long to be read on a page, such as the words of a tokenizer.
  private func shortened(_ metadata: JSON) -> JSON {
    guard case .object(let object) = metadata, metadata.bytes().count > 64 << 10 else { return metadata }
    return .object(
      JSONObject(
        object.members.map { member in
          let count = member.value.bytes().count
          return count > 1024 ? .init(member.name, .string("… \(count) bytes of JSON")) : member
        }))
  }

  private func statistics(_ statistics: ElementStatistics) -> JSON {
    [
      number(statistics.min), number(statistics.max), .number(statistics.mean), .number(statistics.deviation),
      .integer(Int64(statistics.zeros)), .integer(Int64(statistics.nan)),
      .integer(Int64(statistics.infinite)),
    ]
  }

  /// Integers that a script's numbers do not hold exactly are text.
  private func number(_ number: ElementStatistics.Number) -> JSON {
    switch number {
    case .integer(let value): value.magnitude < 1 << 53 ? .integer(value) : .string("\(value)")
    case .unsigned(let value): .string("\(value)")
    case .real(let value): .number(value)
    }
  }

  /// `[exponent, first, counts…]`
  private func histogram(_ histogram: Histogram) -> JSON {
    .array(
      [.integer(Int64(histogram.exponent)), .integer(histogram.first)]
        + histogram.counts.map { .integer(Int64($0)) })
  }
}

/// Bytes as text, as content security policies write hashes.
enum Base64 {
  static func text(of bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for position in 0..<4 {
        text.append(position <= group.count ? digits[bits >> (18 - 6 * position) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
