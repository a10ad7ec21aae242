import Refx
import RefxIO

/// What stands in the boxes and at the lines of a graph, whatever it is drawn in. Names out of files are made
/// safe for people; each language escapes them again in its own way.
struct GraphWords {
  let graph: SharingGraph
  /// The name of what is drawn.
  let title: String
  /// Whether patterns chose what is drawn.
  let isSelection: Bool

  init(_ graph: SharingGraph, title: String, isSelection: Bool = false) {
    self.graph = graph
    self.isSelection = isSelection
    self.title = visible(title)
  }

  /// `3 shared values at 7 sites`.
  var summary: String {
    if !graph.hasMatch { return "nothing matches the pattern" }
    if graph.values.isEmpty { return isSelection ? "nothing that matches is shared" : "nothing is shared" }
    let sites = graph.values.reduce(0) { $0 + $1.sites.count }
    return "\(counted(graph.values.count, "shared value", "shared values")) at "
      + "\(counted(sites, "site", "sites")), which saves \(humanBytes(graph.savedBytes))"
  }

  /// The lines of a group's box, the first its name.
  func lines(of group: SharingGraph.Group) -> [String] {
    [name(of: group)] + note(of: group)
  }

  private func name(of group: SharingGraph.Group) -> String {
    switch group.parent {
    case nil: return title
    case .value(let value):
      let inside = "inside #\(graph.values[value].index)"
      return group.names.isEmpty ? inside : inside + ": " + GraphWords.text(of: group.names)
    case .group:
      if group.kind == .rest { return "\(group.count) more" }
      return GraphWords.text(of: group.names)
    }
  }

  private func note(of group: SharingGraph.Group) -> [String] {
    if group.leaves == 0 { return [] }
    let arrays = counted(group.leaves, "array", "arrays")
    let total = "\(arrays), \(humanBytes(group.bytes))"
    if let members = group.members, group.count == 1 {
      let row = "\(members.count) × \(counted(members.leaves, "array", "arrays"))"
      if members.names.isEmpty, members.count * members.leaves == group.leaves {
        return [row + ", " + humanBytes(group.bytes)]
      }
      return [
        (members.names.isEmpty ? "" : GraphWords.text(of: members.names.map { [$0] }) + ": ") + row, total,
      ]
    }
    if group.count > 1 && group.kind != .rest, group.leaves.isMultiple(of: group.count) {
      let each = counted(group.leaves / group.count, "array", "arrays")
      return ["\(group.count) × \(each), \(humanBytes(group.bytes))"]
    }
    return [total]
  }

  /// The lines of a shared value's box, the first its number.
  func lines(of value: SharingGraph.Value) -> [String] {
    let tag = CollectionTag.shown(value.collection)
    var lines = ["#\(value.index)" + (tag.isEmpty ? "" : " " + tag)]
    if value.dtype == "tree" {
      lines.append("tree of \(counted(value.leaves, "array", "arrays"))")
    } else {
      let shape = value.shape.map { " \($0)" } ?? ""
      lines.append((value.dtype.map(visible) ?? "nothing") + shape)
    }
    lines.append("\(humanBytes(value.bytes)), \(counted(value.sites.count, "site", "sites"))")
    return lines
  }

  func label(of edge: SharingGraph.Edge) -> String {
    let name = edge.names.isEmpty ? "(root)" : GraphWords.text(of: [edge.names])
    return edge.sites.count > 1 ? "\(name) (\(edge.sites.count) sites)" : name
  }

  /// Keys joined; those of several places in a row in a few words.
  static func text(of names: [[Key]]) -> String {
    names.map { alternatives in
      if alternatives.count == 1 { return shown(alternatives[0]) }
      if let range = range(of: alternatives) { return range }
      let first = alternatives.prefix(alternatives.count > 4 ? 3 : 4).map(shown).joined(separator: ", ")
      return alternatives.count > 4 ? "\(first), … \(alternatives.count) keys" : first
    }.joined(separator: "/")
  }

  /// `0…11`, where the keys are neighbouring numbers.
  private static func range(of keys: [Key]) -> String? {
    let numbers = keys.compactMap { key in Int(key.string).flatMap { Key($0) == key ? $0 : nil } }.sorted()
    guard numbers.count == keys.count, let first = numbers.first, let last = numbers.last,
      last.subtractingReportingOverflow(first).partialValue == numbers.count - 1
    else { return nil }
    return "\(first)…\(last)"
  }

  /// A key as it stands in a path, with the middle left out where it is very long.
  private static func shown(_ key: Key) -> String { shortened(visible(Path([key]).text), to: 48) }

  /// At most `width` columns, the middle left out.
  static func shortened(_ text: String, to width: Int) -> String {
    if columns(text) <= width { return text }
    func start(_ characters: some Sequence<Character>, _ most: Int) -> [Character] {
      var kept: [Character] = []
      var taken = 0
      for character in characters {
        taken += columns(String(character))
        if taken > most { break }
        kept.append(character)
      }
      return kept
    }
    let head = start(text, width / 2)
    let tail = start(text.reversed(), width - width / 2 - 1)
    return String(head) + "…" + String(tail.reversed())
  }
}
