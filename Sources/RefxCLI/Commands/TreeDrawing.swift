import Refx
import RefxIO

/// `inspect --tree`: the tree indented, each shared value drawn once and referred to by its #index.
struct TreeDrawing {
  private let root: Tree<Leaf>
  private let listed: [Listing.Row]
  private let rows: [Path: Listing.Row]
  private let frame: InspectFrame
  private let isFiltered: Bool
  private let terminal = terminalWidth()
  /// The indexes of values with several sites.
  private let shared: Set<Int>

  private var style: Style { frame.style }

  init(_ rows: [Listing.Row], in frame: InspectFrame) {
    let listing = frame.listing
    root = frame.opened.contents.tree
    listed = rows
    self.frame = frame
    self.rows = Dictionary(rows.map { ($0.path, $0) }) { first, _ in first }
    shared = Set(listing.rows.filter { listing.isShared($0) }.compactMap(\.reference?.index))
    isFiltered = rows.count != listing.rows.count
  }

  private final class Node {
    let label: String
    var members: [(name: String, node: Node)] = []

    init(_ label: String) { self.label = label }
  }

  func write(_ details: LeafDetails) throws {
    let node = try node(root, .root, details) ?? Node("")
    details.finish()
    try frame.begin(node.label)
    try write(node, "")
    try frame.end(listed)
  }

  private func write(_ node: Node, _ indentation: String) throws {
    for (position, member) in node.members.enumerated() {
      let isLast = position == node.members.count - 1
      try StandardOutput.write(
        folded(
          style.faint(indentation + (isLast ? "└─ " : "├─ ")) + member.name
            + (member.node.label.isEmpty ? "" : "  " + member.node.label), to: terminal,
          hanging: indentation.count + 5) + "\n")
      try write(member.node, indentation + (isLast ? "   " : "│  "))
    }
  }

  /// The drawing of what stands at `path`; nil where nothing there is wanted.
  private func node(_ tree: Tree<Leaf>, _ path: Path, _ details: LeafDetails) throws -> Node? {
    switch tree {
    case .value(let value):
      guard let node = try inside(value.value, path, isWanted: rows[path] != nil, details) else { return nil }
      let label = [reference(value.index, value.collection), node.label].filter { !$0.isEmpty }
      let drawn = Node(label.joined(separator: "  "))
      drawn.members = node.members
      return drawn
    case .index(let index):
      return rows[path] == nil ? nil : Node(style.shared("→ #\(index.index)"))
    default: return try inside(tree, path, isWanted: rows[path] != nil, details)
    }
  }

  private func inside(
    _ tree: Tree<Leaf>, _ path: Path, isWanted: Bool, _ details: LeafDetails
  ) throws -> Node? {
    let node: Node
    switch tree {
    case .leaf:
      guard let row = rows[path] else { return nil }
      return Node(try label(row, details))
    case .static(let value): return isWanted ? Node(visible(value.description)) : nil
    case .none: return isFiltered && !isWanted ? nil : Node(style.faint("none"))
    case .nothing: return isWanted ? Node(style.faint("nothing")) : nil
    case .hole: return isWanted ? Node(style.faint("hole")) : nil
    case .dictionary(let branches):
      node = Node(branches.count == 0 ? style.faint("empty") : "")
      for (key, member) in zip(branches.keys, branches.members) {
        if let inner = try self.node(member, path.appending(key), details) {
          node.members.append((visible(Path([key]).text), inner))
        }
      }
    case .list(let members), .tuple(let members):
      let kind = if case .list = tree { "list" } else { "tuple" }
      node = Node(style.faint("\(kind) of \(members.count)"))
      for (position, member) in members.enumerated() {
        if let inner = try self.node(member, path.appending(Key(position)), details) {
          node.members.append(("\(position)", inner))
        }
      }
    case .value, .index:
      node = Node(style.faint("ref"))
      if let inner = try self.node(tree, path.appending("0"), details) { node.members.append(("0", inner)) }
    }
    return isFiltered && node.members.isEmpty && !isWanted ? nil : node
  }

  private func reference(_ index: Int, _ collection: CollectionTag?) -> String {
    let tag = collection.map { " " + visible($0.description) } ?? ""
    return (shared.contains(index) ? style.shared("#\(index)") : "#\(index)") + style.collection(tag)
  }

  private func label(_ row: Listing.Row, _ details: LeafDetails) throws -> String {
    if let reason = row.reason { return style.problem("\(visible(row.dtype ?? "")): \(visible(reason))") }
    var label = "\(row.dtype ?? "") \(row.shape ?? [])"
    if let statistics = try details.stats ? details.statistics(row) : nil {
      label += "  min \(statistics.min.text) max \(statistics.max.text) mean \(short(statistics.mean))"
      label += " std \(short(statistics.deviation)) zeros \(statistics.zeros) nan \(statistics.nan)"
      label += " inf \(statistics.infinite)"
    }
    if let hash = try details.hash ? details.sha256(row) : nil { label += "  " + hash }
    return label
  }
}
