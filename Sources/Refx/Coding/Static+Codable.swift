/// With a ``TreeEncoder`` a static value of the tree; with any other encoder the value itself.
extension Static: Encodable where Value: Encodable & StaticRepresentable {
  public func encode(to encoder: any Encoder) throws {
    if let node = encoder as? NodeEncoder {
      try node.put(.static(staticValue))
    } else {
      var container = encoder.singleValueContainer()
      try container.encode(value)
    }
  }
}

extension Static: Decodable where Value: Decodable & StaticRepresentable {
  public init(from decoder: any Decoder) throws {
    if let node = decoder as? NodeDecoder {
      self.init(try node.session.staticValue(Value.self, from: node.taken(), at: node.place))
    } else {
      self.init(try decoder.singleValueContainer().decode(Value.self))
    }
  }
}

/// A static value by itself: one of a tree, or with another encoder a string, number or boolean.
extension StaticValue: Codable {
  public func encode(to encoder: any Encoder) throws {
    if let node = encoder as? NodeEncoder { return try node.put(.static(self)) }
    var container = encoder.singleValueContainer()
    switch self {
    case .string(let text): try container.encode(text)
    case .int(let number): try container.encode(number)
    case .float(let number): try container.encode(number)
    case .bool(let flag): try container.encode(flag)
    }
  }

  public init(from decoder: any Decoder) throws {
    if let node = decoder as? NodeDecoder {
      self = try node.session.staticValue(StaticValue.self, from: node.taken(), at: node.place)
      return
    }
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      self = .bool(flag)
    } else if let number = try? container.decode(Int64.self) {
      self = .int(number)
    } else if let number = try? container.decode(Double.self) {
      self = .float(number)
    } else {
      self = .string(try container.decode(String.self))
    }
  }
}

extension DecodingSession {
  func staticValue<V: StaticRepresentable>(
    _ type: V.Type, from node: DecodingNode, at place: Place
  ) throws -> V {
    switch try plain(node, at: place) {
    case .tree(.static(let found)):
      if let value = V(staticValue: found) { return value }
      try report(.static, at: place, expected: "a static value of type \(type)", found: "\(found)")
    case .missing: try report(.missing, at: place, expected: "a static value of type \(type)")
    case .tree(let other):
      try report(
        .structure, at: place, expected: "a static value of type \(type)",
        found: DecodingNode.tree(other).summary)
    case .known: break
    }
    for placeholder in [StaticValue.string(""), .int(0), .float(0), .bool(false)] {
      if let value = V(staticValue: placeholder) { return value }
    }
    throw NoPlaceholder(path: place.path)
  }
}
