import Refx

/// A dereffed tree as JSON, with the names of its leaves in the place of their data: how a format that holds
/// a row of named arrays keeps structure, sharing and static values.
///
/// | node | JSON |
/// |---|---|
/// | leaf | a string: the name under which its data is found |
/// | None | `null` |
/// | list | `[node, …]` |
/// | tuple | `{"tuple": [node, …]}` |
/// | dictionary | `{"dict": {"key": node, …}}` |
/// | nothing, hole | `{"nothing": true}`, `{"hole": true}` |
/// | static value | `{"static": …}`: a string, an integer, a number (a float, always with point or exponent), true or false; a float that is not finite is `{"float64": "…"}`, its bits in hexadecimal |
/// | a Ref, first seen | the members of its value's object, or `"value"`: its value; with `"ref"`: its number; and `"collection"`: a string or an integer, absent for none |
/// | a Ref, seen again | `{"ref": its number}` |
///
/// A Ref in a Ref stands under `"value"`. Numbers are any distinct ones; they are counted anew on reading.
public enum TreeDescription {
  /// Describes `tree`; `name` is called for each leaf, depth first, each shared one once.
  public static func json<Element>(
    of tree: Tree<Element>, naming name: (Element) throws -> String
  ) rethrows -> JSON {
    switch tree {
    case .leaf(let leaf): return .string(try name(leaf))
    case .none: return .null
    case .list(let members): return .array(try members.map { try json(of: $0, naming: name) })
    case .tuple(let members): return ["tuple": .array(try members.map { try json(of: $0, naming: name) })]
    case .dictionary(let branches):
      var members: [JSONObject.Member] = []
      members.reserveCapacity(branches.count)
      for (key, member) in zip(branches.keys, branches.members) {
        members.append(.init(key, try json(of: member, naming: name)))
      }
      return ["dict": .object(JSONObject(members))]
    case .nothing: return ["nothing": true]
    case .hole: return ["hole": true]
    case .static(let value): return ["static": json(of: value)]
    case .index(let index): return ["ref": .integer(Int64(index.index))]
    case .value(let value):
      var members: [JSONObject.Member] = [.init("ref", .integer(Int64(value.index)))]
      switch value.collection {
      case .name(let name): members.append(.init("collection", .string(name.string)))
      case .number(let number): members.append(.init("collection", .integer(number)))
      case nil: break
      }
      let inner = try json(of: value.value, naming: name)
      if case .object(let object) = inner, !value.value.isReference {
        members += object.members
      } else {
        members.append(.init("value", inner))
      }
      return .object(JSONObject(members))
    }
  }

  /// Makes the tree again; `leaf` is called with the name of each leaf, depth first, each shared one once.
  ///
  /// The tree's indexes count Refs from 0 in order of first sight, whatever numbers the description has.
  ///
  /// - Throws: ``RefxError`` with the path where the description is none, and what `leaf` throws.
  public static func tree<Element>(
    of description: JSON, limits: Limits = Limits(), leafNamed leaf: (String, Path) throws -> Element
  ) throws -> Tree<Element> {
    let budget = Budget(limits)
    return try tree(of: description, budget) { name, path in
      try budget.charge(nodes: 1)
      return try leaf(name, path)
    }
  }

  /// The same, charged to a budget; the leaves are not, as whoever read them has done that.
  package static func tree<Element>(
    of description: JSON, _ budget: Budget, leafNamed leaf: (String, Path) throws -> Element
  ) throws -> Tree<Element> {
    var reading = Reading(budget: budget)
    return try reading.tree(description, at: .root, leaf)
  }

  /// How deep the JSON of a tree within `limits` may be.
  public static func parsingLimits(for limits: Limits) -> JSON.ParsingLimits {
    JSON.ParsingLimits(depth: 2 * limits.depth + 8)
  }

  private static func json(of value: StaticValue) -> JSON {
    switch value {
    case .string(let string): .string(string)
    case .int(let number): .integer(number)
    case .bool(let flag): .bool(flag)
    case .float(let number) where number.isFinite: .number(number)
    case .float(let number): ["float64": .string(String(number.bitPattern, radix: 16))]
    }
  }
}

extension TreeDescription {
  /// The Refs met so far while a tree is made again.
  private struct Reading {
    let budget: Budget
    var known: [Int64: Index] = [:]

    mutating func tree<Element>(
      _ json: JSON, at path: Path, _ leaf: (String, Path) throws -> Element
    ) throws -> Tree<Element> {
      try budget.check(depth: path.keys.count)
      switch json {
      case .string(let name): return .leaf(try leaf(name, path))
      case .null:
        try budget.charge(nodes: 1)
        return .none
      case .array(let members):
        try budget.charge(nodes: 1)
        return .list(try self.members(members, at: path, leaf))
      case .object(let object): return try node(object, at: path, leaf)
      case .bool, .integer, .unsigned, .number: throw RefxError.notATreeDescription("a node", path: path)
      }
    }

    private mutating func node<Element>(
      _ object: JSONObject, at path: Path, _ leaf: (String, Path) throws -> Element
    ) throws -> Tree<Element> {
      var members = object.members[...]
      guard let first = members.first, members.count <= 3 else {
        throw RefxError.notATreeDescription("a node", path: path)
      }
      guard first.name == "ref" else {
        guard members.count == 1 else { throw RefxError.notATreeDescription("one member", path: path) }
        try budget.charge(nodes: 1)
        return try content(first, at: path, leaf)
      }
      members.removeFirst()
      guard case .integer(let number) = first.value else {
        throw RefxError.notATreeDescription("an integer as \"ref\"", path: path)
      }
      guard let next = members.first else {
        guard let index = known[number] else {
          throw RefxError.indexWithoutValue(index: Int(number), path: path)
        }
        try budget.charge(nodes: 1)
        return .index(index)
      }
      var collection: CollectionTag?
      if next.name == "collection" {
        members.removeFirst()
        switch next.value {
        case .string(let name): collection = .name(name)
        case .integer(let number): collection = .number(number)
        default: throw RefxError.notATreeDescription("a string or an integer as \"collection\"", path: path)
        }
        try budget.check(collection)
      }
      guard let inside = members.first, members.count == 1 else {
        throw RefxError.notATreeDescription("one value of a Ref", path: path)
      }
      guard known[number] == nil else { throw RefxError.valueAlreadyExists(index: Int(number), path: path) }
      let index = Index(known.count, collection: collection)
      known[number] = index
      let value: Tree<Element>
      // A Ref adds no key to the path and counts for no node, unless its value is a Ref.
      if inside.name == "value" {
        let holdsRef = isReference(inside.value)
        if holdsRef { try budget.charge(nodes: 1) }
        value = try tree(inside.value, at: holdsRef ? path.appending("0") : path, leaf)
      } else {
        try budget.charge(nodes: 1)
        value = try content(inside, at: path, leaf)
      }
      return .value(Value(value, index: index.index, collection: collection))
    }

    private func isReference(_ json: JSON) -> Bool {
      if case .object(let object) = json { object.members.first?.name == "ref" } else { false }
    }

    private mutating func content<Element>(
      _ member: JSONObject.Member, at path: Path, _ leaf: (String, Path) throws -> Element
    ) throws -> Tree<Element> {
      switch (member.name, member.value) {
      case ("dict", .object(let object)):
        var branches: [(Key, Tree<Element>)] = []
        branches.reserveCapacity(object.members.count)
        // In the tree's order, in which Refs are seen for the first time, whatever order the text has.
        for branch in object.members.sorted(by: { $0.name < $1.name }) {
          try budget.check(nameBytes: branch.name.string.utf8.count)
          branches.append((branch.name, try tree(branch.value, at: path.appending(branch.name), leaf)))
        }
        guard let ordered = Branches(checking: branches) else {
          throw RefxError.notATreeDescription("each key once", path: path)
        }
        return .dictionary(ordered)
      case ("tuple", .array(let members)): return .tuple(try self.members(members, at: path, leaf))
      case ("nothing", true): return .nothing
      case ("hole", true): return .hole
      case ("static", let value):
        guard let value = staticValue(value) else {
          throw RefxError.notATreeDescription("a static value", path: path)
        }
        return .static(value)
      default: throw RefxError.notATreeDescription("a node", path: path)
      }
    }

    private mutating func members<Element>(
      _ members: [JSON], at path: Path, _ leaf: (String, Path) throws -> Element
    ) throws -> [Tree<Element>] {
      var made: [Tree<Element>] = []
      made.reserveCapacity(members.count)
      for (position, member) in members.enumerated() {
        made.append(try tree(member, at: path.appending(Key(position)), leaf))
      }
      return made
    }

    private func staticValue(_ json: JSON) -> StaticValue? {
      switch json {
      case .string(let string): return .string(string)
      case .integer(let number): return .int(number)
      case .number(let number): return .float(number)
      case .bool(let flag): return .bool(flag)
      case .object(let object):
        guard object.members.count == 1, case .string(let digits)? = object["float64"] else { return nil }
        return UInt64(digits, radix: 16).map { .float(Double(bitPattern: $0)) }
      case .null, .array, .unsigned: return nil
      }
    }
  }
}
