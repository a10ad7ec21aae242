import Refx

/// `diff` for people: a line for each row, some of each kind alone unless all are wanted.
struct DiffText {
  private let diff: TreeDiff
  private let style: Style
  private let most: Int

  init(_ diff: TreeDiff, style: Style, showsAll: Bool) {
    self.diff = diff
    self.style = style
    most = showsAll ? .max : 12
  }

  func write() throws {
    if diff.isEmpty { return try StandardOutput.write("equal\n") }
    try section(.structure, diff.structure.map(line))
    try section(.topology, diff.topology.map(line))
    try section(.collection, diff.collection.map(line))
    try section(.type, diff.type.map(line))
    try writeValues()
    if let unchanged = diff.unchanged, diff.arrays > 0 {
      let verb = unchanged == 1 || diff.arrays == 1 ? "is" : "are"
      let of = counted(diff.arrays, "array", "arrays")
      try StandardOutput.write(style.faint("\(unchanged) of \(of) \(verb) equal") + "\n")
    }
  }

  private func section(_ kind: TreeDiff.Kind, _ lines: [String]) throws {
    if lines.isEmpty { return }
    try StandardOutput.write(style.bold("\(kind.rawValue): \(lines.count)") + "\n")
    for line in lines.prefix(most) { try StandardOutput.write(folded("  " + line) + "\n") }
    try writeMore(lines.count)
  }

  private func writeMore(_ count: Int) throws {
    if count > most { try StandardOutput.write(style.faint("  … and \(count - most) more (--all)") + "\n") }
  }

  // MARK: Rows

  private func line(_ row: StructureChange) -> String {
    let path = row.path.shown
    let from = visible(row.from ?? "")
    let to = visible(row.to ?? "")
    func inside(_ what: String, _ way: String = "") -> String {
      if row.moved > 0 { return "\(what), \(counted(row.moved, "array", "arrays")) moved \(way)" }
      return row.leaves > 1 ? "\(what) with \(row.leaves) arrays" : what
    }
    switch row.change {
    case .added: return style.green("+ \(path)") + "  \(inside(to, "in"))"
    case .removed: return style.red("- \(path)") + "  \(inside(from, "out"))"
    case .kind, .static: return style.yellow("~ \(path)") + "  \(from) → \(to)"
    case .renamed: return style.cyan("> \(path)") + " → \(row.newPath?.shown ?? "")  \(inside(from))"
    }
  }

  private func line(_ row: TopologyChange) -> String {
    let more = row.paths.count > 4 ? "  \(row.paths.count) paths in all" : ""
    return style.shared(row.change.rawValue) + "  \(groups(row.from)) → \(groups(row.to))\(more)"
  }

  /// The first four paths, those that share in one pair of braces.
  private func groups(_ sets: [[Path]]) -> String {
    var room = 4
    var words: [String] = []
    for set in sets {
      if room == 0 {
        words.append("…")
        break
      }
      let shown = set.prefix(room).map(\.shown) + (set.count > room ? ["…"] : [])
      words.append("{" + shown.joined(separator: " ") + "}")
      if set.count > room { break }
      room -= set.count
    }
    return words.joined(separator: " ")
  }

  private func line(_ row: CollectionChange) -> String {
    let other = row.other.map { " at \($0.shown)" } ?? ""
    return "\(row.path.shown)  \(style.collection(CollectionTag.shown(row.from))) → "
      + style.collection(CollectionTag.shown(row.to)) + other
  }

  private func line(_ row: TypeChange) -> String {
    let note = self.note([row.other.map { "at \($0.shown)" }, row.more > 0 ? "\(row.more) more" : nil])
    return "\(row.path.shown)  \(row.fromDType.name) \(row.fromShape) → \(row.toDType.name) \(row.toShape)"
      + (note.isEmpty ? "" : "  \(note)")
  }

  private func note(_ parts: [String?]) -> String { parts.compactMap { $0 }.joined(separator: ", ") }

  // MARK: Values

  private func writeValues() throws {
    let count = diff.value.count
    if count == 0 { return }
    var rows = diff.value
    if count > most {
      let order = rows.indices.sorted { x, y in
        let (one, other) = (rows[x].difference, rows[y].difference)
        return one.isLarger(than: other) || (x < y && !other.isLarger(than: one))
      }
      rows = order.prefix(most).map { rows[$0] }
    }
    let which = count > most ? ", the largest \(most)" : ""
    try StandardOutput.write(style.bold("\(TreeDiff.Kind.value.rawValue): \(count)\(which)") + "\n")
    try writeTable(rows)
    try writeMore(count)
  }

  private func writeTable(_ rows: [ValueChange]) throws {
    let notes = rows.map { row in
      note([
        row.other.map { "at \($0.shown)" },
        row.difference.nan > 0 ? "\(row.difference.nan) NaN on one side" : nil,
        row.more > 0 ? "\(row.more) more" : nil,
      ])
    }
    let hasNotes = notes.contains { !$0.isEmpty }
    var table = Table(
      [
        ("  path", .left), ("changed", .right), ("max abs", .right), ("max rel", .right), ("rms", .right),
      ] + (hasNotes ? [("", .left)] : []))
    for (row, note) in zip(rows, notes) {
      let difference = row.difference
      let cells = [
        "  " + row.path.shown, "\(difference.changed) of \(row.count)", short(difference.maxAbs),
        short(difference.maxRel), short(difference.rms),
      ]
      table.add(cells + (hasNotes ? [note] : []))
    }
    try table.write(style)
  }
}
