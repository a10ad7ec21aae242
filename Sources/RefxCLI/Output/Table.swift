import Glibc

/// Rows in aligned columns. The first column gives way where the terminal is too narrow.
struct Table {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private let titles: [String]
  private var rows: [[String]] = []
  private var widths: [Int]

  init(_ columns: [(title: String, alignment: Alignment)]) {
    titles = columns.map(\.title)
    alignments = columns.map(\.alignment)
    widths = titles.map { RefxCLI.columns($0) }
  }

  mutating func add(_ cells: [String]) {
    for (position, cell) in cells.enumerated() { widths[position] = max(widths[position], columns(cell)) }
    rows.append(cells)
  }

  func write(_ style: Style) throws {
    var widths = widths
    if let terminal = terminalWidth() {
      let rest = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
      widths[0] = min(widths[0], max(20, terminal - rest))
    }
    try StandardOutput.write(style.bold(line(titles, widths)) + "\n")
    for row in rows { try StandardOutput.write(line(row, widths) + "\n") }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (position, cell) in cells.enumerated() {
      let text = position == 0 ? shortened(cell, to: widths[0]) : cell
      let padding = String(repeating: " ", count: max(0, widths[position] - columns(text)))
      if position > 0 { line += "  " }
      let isLast = position == cells.count - 1
      line += alignments[position] == .right ? padding + text : isLast ? text : text + padding
    }
    while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
    return line
  }

  /// The end of a path says more than its start.
  private func shortened(_ text: String, to width: Int) -> String {
    if columns(text) <= width { return text }
    var kept: [Character] = []
    var taken = 1
    for character in text.reversed() {
      taken += columns(String(character))
      if taken > width { break }
      kept.append(character)
    }
    return "…" + String(kept.reversed())
  }
}

/// The columns of the terminal that standard output is; nil where it is none.
func terminalWidth() -> Int? {
  var size = winsize()
  guard isatty(1) == 1, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
  return Int(size.ws_col)
}
