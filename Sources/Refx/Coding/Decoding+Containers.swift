extension Optional: DecodableContainer where Wrapped: Decodable {
  static func decoded(in session: DecodingSession, from node: DecodingNode, at place: Place) throws
    -> Wrapped?
  {
    switch node {
    case .tree(.none), .known: return nil
    case .missing:
      if !session.mayLackOptional(at: place) {
        try session.report(.missing, at: place, expected: "none or \(wanted(Wrapped.self))")
      }
      return nil
    case .tree(let tree):
      var inner = DecodingNode.tree(tree)
      var innerPlace = place
      if case .tuple(let members) = tree, members.count == 1, Wrapped.self is any OptionalValue.Type {
        inner = .tree(members[0])
        innerPlace = place.appending("0")
      }
      do {
        return try session.value(Wrapped.self, from: inner, at: innerPlace)
      } catch is DecodingSession.NoPlaceholder {
        return nil
      }
    }
  }
}

extension Dictionary: DecodableContainer where Key: Decodable, Value: Decodable {
  static func decoded(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> [Key:
    Value]
  {
    switch try session.plain(node, at: place) {
    case .tree(.dictionary(let branches)):
      var dictionary: [Key: Value] = [:]
      dictionary.reserveCapacity(branches.count)
      for (name, member) in zip(branches.keys, branches.members) {
        let memberPlace = place.appending(name)
        guard let key: Key = dictionaryKey(named: name) else {
          try session.report(
            .type, at: memberPlace, expected: "a key of type \(Key.self)", found: "\"\(name)\"")
          continue
        }
        let value = try session.value(Value.self, from: .tree(member), at: memberPlace)
        // Swift's strings are equal where they read the same; a file's keys where their bytes are the same.
        if dictionary.updateValue(value, forKey: key) != nil {
          try session.report(
            .type, at: memberPlace, expected: "keys that \(Key.self) tells apart",
            found: "two that it takes for one: \"\(name)\"")
        }
      }
      return dictionary
    case .tree(let other):
      try session.report(
        .structure, at: place, expected: "a dictionary", found: DecodingNode.tree(other).summary)
    case .missing: try session.report(.missing, at: place, expected: "a dictionary")
    case .known: break
    }
    return [:]
  }
}

/// The dictionary key that has this name in a tree; nil where there is none.
private func dictionaryKey<K: Decodable>(named name: Key) -> K? {
  if K.self == String.self { return name.string as? K }
  if K.self == Int.self { return Int(name.string).flatMap { Key($0) == name ? $0 as? K : nil } }
  if let representable = K.self as? any CodingKeyRepresentable.Type {
    return representable.init(codingKey: TreeCodingKey(name)) as? K
  }
  return try? K(from: KeyTextDecoder(text: name.string))
}

extension Set: DecodableContainer where Element: Decodable {
  static func decoded(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> Set<
    Element
  > {
    switch try session.plain(node, at: place) {
    case .tree(.list(let members)), .tree(.tuple(let members)):
      var set: Set<Element> = []
      set.reserveCapacity(members.count)
      for (position, member) in members.enumerated() {
        let memberPlace = place.appending(position: position)
        let element = try session.value(Element.self, from: .tree(member), at: memberPlace)
        if !set.insert(element).inserted, !session.isCollecting {
          try session.report(
            .type, at: memberPlace, expected: "members that differ", found: "one a second time")
        }
      }
      return set
    case .tree(let other):
      try session.report(.structure, at: place, expected: "a list", found: DecodingNode.tree(other).summary)
    case .missing: try session.report(.missing, at: place, expected: "a list")
    case .known: break
    }
    return []
  }
}
