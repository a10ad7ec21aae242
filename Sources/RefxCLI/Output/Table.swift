import Glibc

/// Rows in aligned columns. Where a terminal is too narrow, columns in which nothing stands go, and long cells are
/// shortened in the middle; where even that is not enough, or two names would look the same, each row becomes a
/// few lines. What goes into a pipe or a file is always whole.
struct Table {
  enum Alignment { case left, right }

  /// What a cell means, which is how it is coloured.
  enum Mark { case shared, collection, problem, faint }

  private let alignments: [Alignment]
  private let titles: [String]
  private var rows: [[String]] = []
  private var marks: [[Int: Mark]] = []
  private var widths: [Int]

  init(_ columns: [(title: String, alignment: Alignment)]) {
    titles = columns.map(\.title)
    alignments = columns.map(\.alignment)
    widths = titles.map { RefxCLI.columns($0) }
  }

  /// - Parameter marks: the meanings of cells by position; those of a column `collection` have theirs anyhow.
  mutating func add(_ cells: [String], marks: [Int: Mark] = [:]) {
    for (position, cell) in cells.enumerated() { widths[position] = max(widths[position], columns(cell)) }
    rows.append(cells)
    self.marks.append(marks)
  }

  func write(_ style: Style, terminal: Int? = terminalWidth()) throws {
    guard let fitted = fitted(to: terminal) else { return try writeStacked(style, terminal ?? 20) }
    try StandardOutput.write(style.bold(line(titles, fitted, nil)) + "\n")
    for (row, marks) in zip(rows, marks) {
      try StandardOutput.write(line(row, fitted, (marks, style)) + "\n")
    }
  }

  // MARK: Fitting

  /// A shortened cell keeps so much that it can still be told from its neighbours.
  private static let least = 16
  /// Words that are short, or that only say something as a whole.
  private static let whole: Set<String> = ["sha256", "dtype", "kind", "ref"]

  /// The widths with which a row fits into a line, 0 for a column that goes; nil where there are none.
  private func fitted(to terminal: Int?) -> [Int]? {
    guard let terminal else { return widths }
    var widths = widths
    func excess() -> Int { widths.reduce(-2) { $1 == 0 ? $0 : $0 + $1 + 2 } - terminal }
    if excess() <= 0 { return widths }
    for column in widths.indices where rows.allSatisfy({ $0[column].isEmpty }) { widths[column] = 0 }
    let givesWay = widths.indices.filter { alignments[$0] == .left && !Table.whole.contains(titles[$0]) }
    while excess() > 0 {
      guard let widest = givesWay.max(by: { widths[$0] < widths[$1] }), widths[widest] > Table.least else {
        return nil
      }
      let next = givesWay.filter { $0 != widest }.map { widths[$0] }.max() ?? 0
      widths[widest] -= min(excess(), widths[widest] - max(Table.least, min(next, widths[widest] - 1)))
    }
    return areDistinct(at: widths[0]) ? widths : nil
  }

  /// Whether names that differ still differ when they are shortened.
  private func areDistinct(at width: Int) -> Bool {
    var names: [String: String] = [:]
    for row in rows where columns(row[0]) > width {
      let short = shortened(row[0], to: width)
      if let other = names[short], other != row[0] { return false }
      names[short] = row[0]
    }
    return true
  }

  private func line(_ cells: [String], _ widths: [Int], _ look: (marks: [Int: Mark], style: Style)?) -> String
  {
    var line = ""
    // Spaces are held back until something follows them.
    var gap = 0
    for (position, cell) in cells.enumerated() where widths[position] > 0 {
      let text = shortened(cell, to: widths[position])
      let padding = max(0, widths[position] - columns(text))
      if alignments[position] == .right { gap += padding }
      if !text.isEmpty {
        line +=
          String(repeating: " ", count: gap)
          + (look.map { painted(text, position, $0.marks, $0.style) } ?? text)
        gap = 0
      }
      gap += 2 + (alignments[position] == .left ? padding : 0)
    }
    return line
  }

  private func painted(_ text: String, _ position: Int, _ marks: [Int: Mark], _ style: Style) -> String {
    switch marks[position] ?? (titles[position] == "collection" ? .collection : nil) {
    case .shared: style.shared(text)
    case .collection: style.collection(text)
    case .problem: style.problem(text)
    case .faint: style.faint(text)
    case nil: text
    }
  }

  // MARK: Stacked

  /// Each row as its first cell and, below it, the others by their titles.
  private func writeStacked(_ style: Style, _ terminal: Int) throws {
    let isShort = areDistinct(at: max(8, terminal))
    for (row, marks) in zip(rows, marks) {
      try StandardOutput.write((isShort ? shortened(row[0], to: max(8, terminal)) : row[0]) + "\n")
      var used = 0
      var text = ""
      for position in row.indices.dropFirst() where !row[position].isEmpty {
        let cell = shortened(row[position], to: titles[position] == "sha256" ? .max : max(8, terminal - 2))
        let named = Table.named.contains(titles[position]) ? "\(titles[position]) \(cell)" : cell
        let width = columns(named)
        if used > 0 && used + 2 + width > terminal {
          text += "\n"
          used = 0
        }
        text += "  "
        used += 2 + width
        let painted = painted(cell, position, marks, style)
        text += named == cell ? painted : style.faint(titles[position]) + " " + painted
      }
      if !text.isEmpty { try StandardOutput.write(text + "\n") }
    }
  }

  /// Cells that nobody would understand without their title.
  private static let named: Set<String> = [
    "changed", "max abs", "max rel", "rms", "stored", "min", "max", "mean", "std", "zeros", "nan", "inf",
    "rules", "matches", "kept", "becomes",
  ]
}

/// `text` in at most so many columns: start and end stay, for they tell it from others.
func shortened(_ text: String, to width: Int) -> String {
  if columns(text) <= width { return text }
  let characters = Array(text)
  var (start, end) = (0, characters.count)
  var room = width - 1
  // The end says a little more than the start.
  for isEnd in repeatElement([true, false], count: characters.count).joined() {
    let next = columns(String(characters[isEnd ? end - 1 : start]))
    if next > room || start + 1 >= end { break }
    room -= next
    if isEnd { end -= 1 } else { start += 1 }
  }
  return String(characters[..<start]) + "…" + String(characters[end...])
}

/// The columns of the terminal that standard output is; nil where it is none.
func terminalWidth(of descriptor: Int32 = 1) -> Int? {
  var size = winsize()
  guard isTerminal(descriptor), ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
    return nil
  }
  return Int(size.ws_col)
}

/// Whether somebody looks at the descriptor. What a launcher passes on is no terminal, whatever it is here.
func isTerminal(_ descriptor: Int32) -> Bool { !Crews.current.isRelayed && isatty(descriptor) == 1 }
