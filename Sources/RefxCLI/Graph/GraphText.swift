import Refx
import RefxIO
import RefxStore

/// The graph in DOT, which Graphviz draws.
struct GraphDOT {
  let words: GraphWords

  var text: String {
    let graph = words.graph
    var lines = [
      "digraph sharing {",
      "  graph [rankdir=LR, labelloc=t, fontname=\"sans-serif\", label=\(quoted([words.summary]))]",
      "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11, color=\"#7a8794\"]",
      "  edge [fontname=\"sans-serif\", fontsize=10, color=\"#7a8794\"]",
    ]
    for (number, group) in graph.groups.enumerated() {
      let look = group.isCollapsed ? ", style=\"rounded,dashed\"" : ""
      lines.append("  g\(number) [label=\(quoted(words.lines(of: group)))\(look)]")
    }
    for (number, value) in graph.values.enumerated() {
      lines.append(
        "  v\(number) [label=\(quoted(words.lines(of: value))), style=\"rounded,filled\", "
          + "fillcolor=\"#fff3c4\", color=\"#b58900\"]")
    }
    for (number, group) in graph.groups.enumerated() {
      if let parent = group.parent { lines.append("  \(parent.id) -> g\(number) [arrowhead=none]") }
    }
    for edge in graph.edges {
      lines.append(
        "  g\(edge.group) -> v\(edge.value) [label=\(quoted([words.label(of: edge)])), color=\"#b58900\"]")
    }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  /// A string of DOT: a backslash starts an escape, and an ampersand a character's name.
  private func quoted(_ lines: [String]) -> String {
    let escaped = lines.map { line in
      var escaped = ""
      for scalar in line.unicodeScalars {
        switch scalar {
        case "\"", "\\": escaped += "\\\(scalar)"
        case "&": escaped += "&amp;"
        default: escaped.unicodeScalars.append(scalar)
        }
      }
      return escaped
    }
    return "\"" + escaped.joined(separator: "\\n") + "\""
  }
}

/// The graph in Mermaid, which many sites with Markdown draw.
struct GraphMermaid {
  let words: GraphWords

  /// What Mermaid draws before it asks to be allowed more.
  static let mostEdges = 500

  var edgeCount: Int { words.graph.edges.count + words.graph.groups.count - 1 }

  var text: String {
    let graph = words.graph
    var lines = ["flowchart LR"]
    for (number, group) in graph.groups.enumerated() {
      lines.append("  g\(number)[\(quoted(words.lines(of: group)))]")
    }
    for (number, value) in graph.values.enumerated() {
      lines.append("  v\(number)([\(quoted(words.lines(of: value)))])")
    }
    for (number, group) in graph.groups.enumerated() {
      if let parent = group.parent { lines.append("  \(parent.id) --- g\(number)") }
    }
    for edge in graph.edges {
      lines.append("  g\(edge.group) -->|\(quoted([words.label(of: edge)]))| v\(edge.value)")
    }
    if !graph.values.isEmpty {
      lines.append("  classDef shared fill:#fff3c4,stroke:#b58900,color:#202020")
      lines.append("  class \(graph.values.indices.map { "v\($0)" }.joined(separator: ",")) shared")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A string of Mermaid: whatever might mean something, to its lexer or as HTML, is written by its number.
  private func quoted(_ lines: [String]) -> String {
    let escaped = lines.map { line in
      var escaped = ""
      for scalar in line.unicodeScalars {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", " ", ".", ",", "-", "_", "/", "(", ")", "…", "×":
          escaped.unicodeScalars.append(scalar)
        case "\u{A0}"...: escaped.unicodeScalars.append(scalar)
        default: escaped += "#\(scalar.value);"
        }
      }
      return escaped
    }
    return "\"" + escaped.joined(separator: "<br/>") + "\""
  }
}

extension SharingGraph.Anchor {
  /// The name of the node in DOT and Mermaid.
  var id: String {
    switch self {
    case .group(let number): "g\(number)"
    case .value(let number): "v\(number)"
    }
  }
}

/// `graph --json`.
struct GraphDocument {
  let file: String
  let graph: SharingGraph

  var json: JSON {
    [
      "file": .string(file), "groups": .array(graph.groups.map(row)), "values": .array(graph.values.map(row)),
      "edges": .array(graph.edges.map(row)),
    ]
  }

  private func row(_ group: SharingGraph.Group) -> JSON {
    var members: JSON = .null
    if let known = group.members {
      members = [
        "names": .array(known.names.map { .string($0.string) }), "count": number(known.count),
        "leaves": number(known.leaves),
        "bytes": number(known.bytes),
      ]
    }
    return [
      "parent": group.parent.map(anchor) ?? .null,
      "names": .array(group.names.map { .array($0.map { .string($0.string) }) }), "path": group.path.json,
      "count": number(group.count), "kind": .string(group.kind.rawValue),
      "collapsed": .bool(group.isCollapsed), "leaves": number(group.leaves),
      "bytes": number(group.bytes), "members": members,
    ]
  }

  private func row(_ value: SharingGraph.Value) -> JSON {
    [
      "index": number(value.index), "collection": CollectionTag.json(value.collection),
      "dtype": value.dtype.map { .string($0) } ?? .null,
      "shape": value.shape.map { .array($0.map(number)) } ?? .null, "leaves": number(value.leaves),
      "bytes": number(value.bytes), "sites": .array(value.sites.map(\.json)),
    ]
  }

  private func row(_ edge: SharingGraph.Edge) -> JSON {
    [
      "group": number(edge.group), "value": number(graph.values[edge.value].index),
      "sites": .array(edge.sites.map(\.json)),
    ]
  }

  /// A group by its position, a value by its index.
  private func anchor(_ anchor: SharingGraph.Anchor) -> JSON {
    switch anchor {
    case .group(let position): ["group": number(position)]
    case .value(let position): ["value": number(graph.values[position].index)]
    }
  }

  private func number(_ count: Int) -> JSON { .integer(Int64(count)) }
}
