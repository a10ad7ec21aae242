import Refx
import RefxIO
import RefxStore

/// What a report tells: one file, all of it; with a second one what differs.
struct Report {
  /// A file that was opened.
  struct Side {
    let name: String
    let opened: OpenedCheckpoint
    let listing: Listing
  }

  /// The arrays of one dtype, each counted once.
  struct DTypeRow {
    let dtype: String
    var leaves = 0
    var bytes = 0
  }

  let side: Side
  /// nil where no payload was to be read.
  let survey: LeafSurvey?
  /// nil where no payload was to be read, or some cannot be.
  let digest: TreeDigest?
  let other: Side?
  let diff: TreeDiff?

  var listing: Listing { side.listing }

  /// Beyond so many arrays their histograms would make the page too large to be opened.
  static let mostHistograms = 20_000

  /// Whether there are few enough arrays for a histogram of each.
  var showsHistograms: Bool {
    listing.rows.count { $0.leaf != nil && ($0.reference?.isFirst ?? true) } <= Report.mostHistograms
  }

  /// By bytes, the most first.
  var dtypes: [DTypeRow] {
    var rows: [String: DTypeRow] = [:]
    for row in listing.rows where row.leaf != nil && (row.reference?.isFirst ?? true) {
      guard let dtype = row.dtype else { continue }
      var sum = rows[dtype] ?? DTypeRow(dtype: dtype)
      sum.leaves += 1
      sum.bytes = sum.bytes.addingReportingOverflow(row.bytes).overflow ? .max : sum.bytes + row.bytes
      rows[dtype] = sum
    }
    return rows.values.sorted { ($1.bytes, Key($0.dtype)) < ($0.bytes, Key($1.dtype)) }
  }

  func finding(_ row: Listing.Row) -> LeafSurvey.Finding? { row.leaf.flatMap { survey?[$0] } }

  /// `Sharing saves 31 %: 96 MB logical, 66 MB unique, 51 MB stored.`
  static func accounting(_ listing: Listing) -> String {
    let sums =
      "\(humanBytes(listing.logicalBytes)) logical, \(humanBytes(listing.uniqueBytes)) unique, "
      + "\(humanBytes(listing.storedBytes)) stored"
    if listing.shared == 0 { return "Nothing is shared: \(sums)." }
    let saved = listing.logicalBytes - listing.uniqueBytes
    let share = listing.logicalBytes > 0 ? Double(saved) / Double(listing.logicalBytes) * 100 : 0
    // Not a whole percent is still more than nothing.
    let percent = saved > 0 && share < 0.1 ? "under 0.1" : fixed(share, share >= 9.95 || saved == 0 ? 0 : 1)
    return "Sharing saves \(percent) %: \(sums)."
  }
}
