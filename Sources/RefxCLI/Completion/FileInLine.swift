import Glibc
import Refx
import RefxIO
import RefxStore

/// The checkpoint that a command line names, and what may stand in a path into it.
struct FileInLine {
  private let tree: Tree<Leaf>

  /// Opens the first file of the line; nil where it names none that can be read. Reads no payload.
  init?(_ line: ParsedLine, _ command: CommandManual) {
    guard let place = command.positionals.firstIndex(where: \.completesFiles), place < line.positionals.count
    else { return nil }
    var name = line.positionals[place]
    // The shell has not come to expand it.
    if name.hasPrefix("~/"), let home = getenv("HOME") { name = String(cString: home) + name.dropFirst() }
    // A pipe would be waited for, and standard input is the terminal.
    var status = stat()
    guard stat(name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    let format = line.values.last { $0.option.long == "from" }?.value
    guard let opened = try? Checkpoints.open(name, format: format) else { return nil }
    tree = opened.contents.tree
  }

  /// Paths that go on from `start` to the end of the next key. Those under which more stands end with `/`.
  func paths(_ start: String, isPattern: Bool) -> [Completion.Answer] {
    guard let values = try? ValueTable(of: tree) else { return [] }
    let slash = start.utf8.lastIndex(of: UInt8(ascii: "/"))
    let parentText = slash.map { String(start[..<$0]) } ?? ""
    let before = slash.map { String(start[...$0]) } ?? ""
    let spelled = isPattern ? FileInLine.withoutBackslashes(parentText) : parentText
    guard let parent = slash == nil ? Path.root : Path(text: spelled),
      let place = values.resolve(parent, in: tree)
    else { return [] }
    return FileInLine.members(of: place).compactMap { key, member in
      let text = Path([key]).text
      // A name that would drive the terminal is not put on its line.
      guard visible(text) == text else { return nil }
      let answer = before + (isPattern ? FileInLine.literal(text) : text)
      guard answer.hasPrefix(start) else { return nil }
      let inner = values.open(member)
      return Completion.Answer(
        text: FileInLine.members(of: inner).isEmpty ? answer : answer + "/",
        meaning: FileInLine.words(for: inner))
    }
  }

  /// The collections of the file.
  func collections(from start: String, behind mark: String.Index?) -> [Completion.Answer] {
    guard let listing = try? Listing(of: tree) else { return [] }
    let before = mark.map { String(start[...$0]) } ?? ""
    return listing.collections.compactMap { row in
      let text = CollectionTag.text(of: row.collection)
      guard visible(text) == text, (before + text).hasPrefix(start) else { return nil }
      return Completion.Answer(text: before + text, meaning: humanBytes(row.bytes))
    }
  }

  private static func members(of tree: Tree<Leaf>) -> [(key: Key, member: Tree<Leaf>)] {
    switch tree {
    case .dictionary(let branches): zip(branches.keys, branches.members).map { ($0, $1) }
    case .list(let members), .tuple(let members): members.enumerated().map { (Key($0.offset), $0.element) }
    case .value, .index: [("0", tree)]
    default: []
    }
  }

  private static func words(for tree: Tree<Leaf>) -> String {
    if case .leaf(let leaf) = tree { return visible("\(leaf.dtype.name) \(leaf.shape)") }
    return ""
  }

  /// A glob that matches `text` alone.
  private static func literal(_ text: String) -> String {
    text.reduce(into: "") { glob, character in
      if character == "*" || character == "\\" { glob.append("\\") }
      glob.append(character)
    }
  }

  private static func withoutBackslashes(_ text: String) -> String {
    var isEscaped = false
    return text.reduce(into: "") { path, character in
      isEscaped = character == "\\" && !isEscaped
      if !isEscaped { path.append(character) }
    }
  }
}
