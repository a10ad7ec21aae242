import Refx
import RefxIO
import RefxStore

/// The lines around a listing for people, be it a table or a tree: what the file is, and its sums.
struct InspectFrame {
  let file: String
  let opened: OpenedCheckpoint
  let listing: Listing
  let style: Style

  /// - Parameter label: what stands at the root itself, where that is shown.
  func begin(_ label: String = "") throws {
    let version = opened.version.map { " \($0)" } ?? ""
    let words =
      style.bold(visible(file)) + "  \(opened.format)\(version)" + (label.isEmpty ? "" : "  " + label)
    try StandardOutput.write(folded(words) + "\n")
  }

  func end(_ rows: [Listing.Row]) throws {
    try StandardOutput.write(folded(sums(of: rows), hanging: 2) + "\n")
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

  private func sums(of rows: [Listing.Row]) -> String {
    var leaves = counted(listing.rows.count, "leaf", "leaves")
    if rows.count < listing.rows.count {
      leaves = "\(rows.count) of \(leaves) (\(humanBytes(bytes(of: rows))))"
    }
    let refs = "\(counted(listing.refs, "ref", "refs")) (\(listing.shared) shared)"
    return [leaves, refs, accounting].joined(separator: " · ")
  }

  /// Of what is listed, each shared value once.
  private func bytes(of rows: [Listing.Row]) -> Int {
    var seen: Set<Int> = []
    return rows.reduce(0) { sum, row in
      if let reference = row.reference, !seen.insert(reference.index).inserted { return sum }
      return sum.addingSaturated(row.bytes)
    }
  }

  /// What sharing and compression save: of what the tree would take without sharing, and of what is really there.
  private var accounting: String {
    let sums =
      "\(humanBytes(listing.logicalBytes)) logical, \(humanBytes(listing.uniqueBytes)) unique, "
      + "\(humanBytes(listing.storedBytes)) stored"
    let saved = listing.logicalBytes - listing.uniqueBytes
    if saved <= 0 { return sums }
    let share = Double(saved) / Double(listing.logicalBytes) * 100
    return "sharing saves \(share < 1 ? "under 1" : "\(Int(share))") %: \(sums)"
  }
}
