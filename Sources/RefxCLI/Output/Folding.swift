/// `text` in lines of at most so many columns, parted between words, the later ones indented; as it is where there
/// is no terminal to fit into. Colours take no room. A word that is longer than a line is left to the terminal.
func folded(_ text: String, to terminal: Int? = terminalWidth(), hanging: Int = 4) -> String {
  guard let terminal, columns(withoutColours(text)) > terminal else { return text }
  // On the narrowest terminals there is no room to indent.
  let indentation = String(repeating: " ", count: min(hanging, terminal / 3))
  var lines = ""
  // What a line starts with is no gap between words.
  let start = text.prefix { $0 == " " }
  var line = String(start)
  var used = start.utf8.count
  var isFirst = true
  for word in text.dropFirst(start.count).split(separator: " ", omittingEmptySubsequences: false) {
    let width = columns(withoutColours(String(word)))
    if !isFirst, used + 1 + width > terminal {
      lines += line + "\n"
      line = indentation
      used = indentation.utf8.count
      isFirst = true
    }
    // What parted the words is not carried over to the next line.
    if isFirst && word.isEmpty { continue }
    if !isFirst {
      line += " "
      used += 1
    }
    isFirst = false
    line += word
    used += width
  }
  return lines + line
}

/// `text` without the sequences that ``Style`` writes.
private func withoutColours(_ text: String) -> String {
  guard text.utf8.contains(0x1B) else { return text }
  var plain = ""
  var isSequence = false
  for scalar in text.unicodeScalars {
    if scalar == "\u{1B}" {
      isSequence = true
    } else if !isSequence {
      plain.unicodeScalars.append(scalar)
    } else if scalar == "m" {
      isSequence = false
    }
  }
  return plain
}
