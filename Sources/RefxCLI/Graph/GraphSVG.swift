import RefxIO

/// The graph as a picture of its own: the groups as an indented tree on the left, the shared values on the right
/// near their sites, a line for each site between them. Light or dark as the reader has it.
struct GraphSVG {
  let words: GraphWords

  private struct Box {
    var x: Int
    var y: Int
    let width: Int
    let height: Int
    /// With the words of the sites.
    let lines: [String]
    let number: Int
    var middle: Int { y + height / 2 }
  }

  /// Columns of a fixed-width font are 0.6 of its size wide, give or take a hundredth.
  private static let columnWidth = 8
  private static let lineHeight = 18
  private static let padding = 10

  var text: String {
    let (groups, anchors) = groupBoxes()
    let reach = groups.map { $0.x + $0.width }.max() ?? 0
    let values = valueBoxes(anchors, x: reach + 120)
    let width = max(values.map { $0.x + $0.width }.max() ?? reach, columns(words.summary) * 8 + 20) + 20
    let height =
      max(groups.map { $0.y + $0.height }.max() ?? 0, values.map { $0.y + $0.height }.max() ?? 0) + 20
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
        + "viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-labelledby=\"title desc\">",
      "<title id=\"title\">\(escapedMarkup("Who shares what in " + words.title))</title>",
      "<desc id=\"desc\">\(escapedMarkup(description))</desc>", GraphSVG.style,
      "<rect class=\"page\" width=\"\(width)\" height=\"\(height)\"/>",
      "<text class=\"faint\" x=\"20\" y=\"28\">\(escapedMarkup(words.summary))</text>",
    ]
    lines += branches(groups)
    let placed = Dictionary(uniqueKeysWithValues: values.map { ($0.number, $0) })
    for (edge, anchor) in anchors {
      guard let box = placed[edge.value] else { continue }
      lines.append(line(from: anchor, by: reach, to: box, edge))
    }
    for box in groups { lines += drawing(of: box, look: look(of: words.graph.groups[box.number]), nil) }
    for box in values {
      let sites = words.graph.values[box.number].sites.map(\.shown)
      let title = (sites.prefix(20) + (sites.count > 20 ? ["… \(sites.count) sites"] : []))
      lines += drawing(of: box, look: "box value c\(box.number % 8)", title.joined(separator: "\n"))
    }
    return lines.joined(separator: "\n") + "\n</svg>\n"
  }

  // MARK: Places

  private typealias Point = (x: Int, y: Int)

  /// The boxes of the groups from top to bottom, and where the line of each edge starts.
  private func groupBoxes() -> (boxes: [Box], anchors: [(SharingGraph.Edge, Point)]) {
    let graph = words.graph
    var edges: [Int: [SharingGraph.Edge]] = [:]
    for edge in graph.edges { edges[edge.group, default: []].append(edge) }
    var boxes: [Box] = []
    var anchors: [(SharingGraph.Edge, Point)] = []
    var depths: [Int] = []
    var y = 44
    // Groups come parents first, each with all that hangs below it.
    for (number, group) in graph.groups.enumerated() {
      let depth = if case .group(let parent) = group.parent { depths[parent] + 1 } else { 0 }
      depths.append(depth)
      let own = words.lines(of: group)
      let here = edges[number] ?? []
      let lines = own + here.map { words.label(of: $0) + " →" }
      let box = self.box(lines, x: 20 + 28 * min(depth, 40), y: y, number)
      for (position, edge) in here.enumerated() {
        anchors.append((edge, (box.x + box.width, GraphSVG.baseline(of: own.count + position, in: box) - 5)))
      }
      boxes.append(box)
      y += box.height + 12
    }
    return (boxes, anchors)
  }

  /// The boxes of the values, each as near to the middle of its sites as those above it allow.
  private func valueBoxes(_ anchors: [(SharingGraph.Edge, Point)], x: Int) -> [Box] {
    var heights: [Int: (sum: Int, count: Int)] = [:]
    for (edge, point) in anchors {
      let known = heights[edge.value] ?? (0, 0)
      heights[edge.value] = (known.sum + point.y, known.count + 1)
    }
    func wanted(_ value: Int) -> Int { heights[value].map { $0.sum / $0.count } ?? 0 }
    let order = words.graph.values.indices.sorted { (wanted($0), $0) < (wanted($1), $1) }
    var bottom = 32
    return order.map { value in
      var box = self.box(words.lines(of: words.graph.values[value]), x: x, y: 0, value)
      box.y = max(bottom + 12, wanted(value) - box.height / 2)
      bottom = box.y + box.height
      return box
    }
  }

  private func box(_ lines: [String], x: Int, y: Int, _ number: Int) -> Box {
    let lines = lines.map { GraphWords.shortened($0, to: 72) }
    let widest = lines.map { columns($0) }.max() ?? 0
    return Box(
      x: x, y: y, width: widest * GraphSVG.columnWidth + 2 * GraphSVG.padding,
      height: lines.count * GraphSVG.lineHeight + GraphSVG.padding, lines: lines, number: number)
  }

  private static func baseline(of line: Int, in box: Box) -> Int { box.y + 5 + 14 + line * lineHeight }

  // MARK: Drawing

  /// The lines of the tree.
  private func branches(_ boxes: [Box]) -> [String] {
    boxes.compactMap { box in
      guard case .group(let parent) = words.graph.groups[box.number].parent else { return nil }
      let above = boxes[parent]
      return
        "<path class=\"branch\" d=\"M\(above.x + 12),\(above.y + above.height)V\(box.y + 14)H\(box.x)\"/>"
    }
  }

  /// Straight past the groups, then over to the value.
  private func line(from point: Point, by reach: Int, to box: Box, _ edge: SharingGraph.Edge) -> String {
    let middle = (reach + box.x) / 2
    let sites = edge.sites.count > 1 ? " wide" : ""
    return
      "<path class=\"edge\(sites) c\(box.number % 8)\" d=\"M\(point.x),\(point.y)H\(reach)C\(middle),\(point.y) "
      + "\(middle),\(box.middle) \(box.x),\(box.middle)\"/>"
  }

  private func look(of group: SharingGraph.Group) -> String {
    group.isCollapsed ? "box plain" : "box"
  }

  private func drawing(of box: Box, look: String, _ title: String?) -> [String] {
    var lines = ["<g>"]
    if let title { lines.append("<title>\(escapedMarkup(title))</title>") }
    lines.append(
      "<rect class=\"\(look)\" x=\"\(box.x)\" y=\"\(box.y)\" width=\"\(box.width)\" height=\"\(box.height)\" "
        + "rx=\"6\"/>")
    for (position, line) in box.lines.enumerated() {
      let isSite = line.hasSuffix(" →")
      let x = isSite ? box.x + box.width - GraphSVG.padding : box.x + GraphSVG.padding
      let look = position == 0 ? " class=\"name\"" : isSite ? " class=\"site\"" : " class=\"faint\""
      lines.append(
        "<text\(look) x=\"\(x)\" y=\"\(GraphSVG.baseline(of: position, in: box))\">\(escapedMarkup(line))</text>"
      )
    }
    return lines + ["</g>"]
  }

  private var description: String {
    let values = words.graph.values.prefix(20).map { value in
      let sites = value.sites.prefix(6).map(\.shown) + (value.sites.count > 6 ? ["…"] : [])
      return "#\(value.index) stands at \(sites.joined(separator: ", "))"
    }
    return ([words.summary] + values).joined(separator: ". ")
  }

  private static let style = """
    <style>
    text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1d2733; white-space: pre }
    .name { font-weight: 600 }
    .faint { fill: #5a6876 }
    .site { fill: #5a6876; text-anchor: end }
    .page { fill: #ffffff }
    .box { fill: #f4f6f8; stroke: #9aa7b4 }
    .plain { stroke-dasharray: 4 3 }
    .value { stroke-width: 2 }
    .branch { fill: none; stroke: #b6c0ca }
    .edge { fill: none; stroke-width: 1.5 }
    .wide { stroke-width: 3 }
    .c0 { stroke: #b8860b } .c1 { stroke: #1f77b4 } .c2 { stroke: #c0392b } .c3 { stroke: #2e8b57 }
    .c4 { stroke: #8e44ad } .c5 { stroke: #16808a } .c6 { stroke: #c2488f } .c7 { stroke: #7a6a2f }
    @media (prefers-color-scheme: dark) {
    text { fill: #e3e9ef } .faint, .site { fill: #9fb0c0 }
    .page { fill: #12171d } .box { fill: #1c242d; stroke: #5d6c7b } .branch { stroke: #3d4955 }
    .c0 { stroke: #e6b422 } .c1 { stroke: #5fb0ea } .c2 { stroke: #f0776a } .c3 { stroke: #5fcf94 }
    .c4 { stroke: #c78be6 } .c5 { stroke: #4fc4cf } .c6 { stroke: #ef86c3 } .c7 { stroke: #c9b76a }
    }
    </style>
    """
}
