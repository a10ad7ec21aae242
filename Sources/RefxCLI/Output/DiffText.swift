import Refx
import RefxIO

/// `diff` for people: a line for each row, the first of each kind alone unless all are wanted.
struct DiffText {
  private let diff: TreeDiff
  private let style: Style
  private let most: Int

  init(_ diff: TreeDiff, style: Style, showsAll: Bool) {
    self.diff = diff
    self.style = style
    most = showsAll ? .max : 12
  }

  func write(quiet: Bool) throws {
    if diff.isEmpty {
      if !quiet { try StandardOutput.write("equal\n") }
      return
    }
    try section(.structure, diff.structure.map(line))
    try section(.topology, diff.topology.map(line))
    try section(.collection, diff.collection.map(line))
    try section(.type, diff.type.map(line))
    try section(.value, diff.value.map(line))
  }

  private func section(_ kind: TreeDiff.Kind, _ lines: [String]) throws {
    if lines.isEmpty { return }
    try StandardOutput.write(style.bold("\(kind.rawValue): \(lines.count)") + "\n")
    for line in lines.prefix(most) { try StandardOutput.write(folded("  " + line) + "\n") }
    if lines.count > most {
      try StandardOutput.write(style.faint("  … and \(lines.count - most) more (--all)") + "\n")
    }
  }

  private func line(_ row: StructureChange) -> String {
    let path = row.path.shown
    let from = visible(row.from ?? "")
    let to = visible(row.to ?? "")
    func inside(_ what: String) -> String { row.leaves > 1 ? "\(what) with \(row.leaves) arrays" : what }
    switch row.change {
    case .added: return style.green("+ \(path)") + "  \(inside(to))"
    case .removed: return style.red("- \(path)") + "  \(inside(from))"
    case .kind, .static: return style.yellow("~ \(path)") + "  \(from) → \(to)"
    case .renamed: return style.cyan("> \(path)") + " → \(row.newPath?.shown ?? "")  \(inside(from))"
    }
  }

  private func line(_ row: TopologyChange) -> String {
    let shown = row.paths.prefix(4).map(\.shown).joined(separator: "  ")
    let more = row.paths.count > 4 ? "  … and \(row.paths.count - 4) more" : ""
    return style.shared(row.change.rawValue) + "  \(shown)\(more)"
  }

  private func line(_ row: CollectionChange) -> String {
    "\(row.path.shown)  \(style.collection(CollectionTag.shown(row.from))) → "
      + style.collection(CollectionTag.shown(row.to))
  }

  private func line(_ row: TypeChange) -> String {
    "\(row.path.shown)  \(row.fromDType.name) \(row.fromShape) → \(row.toDType.name) \(row.toShape)"
  }

  private func line(_ row: ValueChange) -> String {
    let difference = row.difference
    var line = "\(row.path.shown)  \(difference.changed) of \(row.count) changed"
    if let other = row.other { line += " at \(other.shown)" }
    if difference.maxAbs != nil {
      line +=
        ", max abs \(short(difference.maxAbs)), max rel \(short(difference.maxRel)), rms \(short(difference.rms))"
    }
    if difference.nan > 0 { line += ", \(difference.nan) NaN on one side" }
    return line
  }
}
