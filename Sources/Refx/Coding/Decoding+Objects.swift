extension DecodingSession {
  /// Decodes a class instance, once however many sites it has.
  func object<T: Decodable>(
    _ type: T.Type, as representable: (any TensorRepresentable.Type)?, from node: DecodingNode,
    at place: Place
  ) throws -> T {
    guard case .tree(let tree) = node, let position = entry(of: tree) else {
      if let representable { return try whole(type, as: representable, from: node, at: place) }
      return try ownValue(type, from: node, at: place)
    }
    if let object = shared[position].object {
      if let same = object as? T { return same }
      try reportClash(at: place, position, wanted: type)
    } else if let opening = shared[position].opening {
      // The Ref on the way waits until the instance is there; without one nothing could close the cycle.
      guard openRefs > opening.openRefs else { throw RefxError.cycleWithoutRef(type, path: place.path) }
      throw NotThereYet()
    }
    if let collection = shared[position].collection, !allowing.allow(.collection, at: place) {
      try report(
        .collection, at: place, expected: "none: a class instance has no collection", found: "\(collection)")
    }
    shared[position].opening = (type, openRefs)
    shared[position].place = place
    defer { shared[position].opening = nil }
    let content = DecodingNode.tree(shared[position].content)
    let value =
      if let representable {
        try whole(type, as: representable, from: plain(content, at: place), at: place)
      } else {
        try ownValue(type, from: content, at: place)
      }
    shared[position].object = value as AnyObject
    return value
  }

  /// Decodes a Ref: it is there before its value, so that cycles close.
  func reference<V: Decodable>(
    holding type: V.Type, from node: DecodingNode, at place: Place
  ) throws -> Ref<V> {
    guard case .tree(let tree) = node, let position = entry(of: tree) else {
      if node.isThere, !allowing.allow(.plainForRef, at: place) {
        try report(
          .topology, at: place, expected: "a Ref", found: node.summary.map { "\($0) that is not shared" })
      }
      let ref = Ref<V>(awaitingValueIn: nil)
      try fill(ref, from: node, at: place)
      return ref
    }
    if let object = shared[position].object {
      if let same = object as? Ref<V> { return same }
      try reportClash(at: place, position, wanted: Ref<V>.self)
    } else if shared[position].opening != nil {
      try reportClash(at: place, position, wanted: Ref<V>.self)
    }
    let ref = Ref<V>(awaitingValueIn: shared[position].collection)
    shared[position].object = ref
    shared[position].place = place
    try fill(ref, from: .tree(shared[position].content), at: place)
    return ref
  }

  /// Gives `ref` its value, now or, where that cannot be, once the walk is back outside.
  private func fill<V: Decodable>(_ ref: Ref<V>, from node: DecodingNode, at place: Place) throws {
    if isTooDeepForRefs {
      postpone { try self.fill(ref, from: node, at: place) }
      return
    }
    openRefs += 1
    defer { openRefs -= 1 }
    do {
      ref.stored = try value(V.self, from: node, at: V.self is AnyRef.Type ? place.appending("0") : place)
    } catch is NotThereYet {
      postpone { try self.fill(ref, from: node, at: place) }
    } catch is NoPlaceholder {
      // The Ref stays empty: what collects differences is thrown away.
    }
  }

  /// One shared value, two Swift types.
  private func reportClash(at place: Place, _ position: Int, wanted type: Any.Type) throws {
    let entry = shared[position]
    let other =
      entry.object.map { "\(Swift.type(of: $0))" } ?? entry.opening.map { "\($0.type)" } ?? "another"
    let site = entry.place.map { " at \($0.path.isRoot ? "the root" : $0.path.text)" } ?? ""
    try report(.type, at: place, expected: "\(type)", found: "the same value as \(other)\(site)")
  }
}

/// A Ref whose value can be decoded. Only ``Ref`` conforms; the protocol is there because an initializer of a
/// class cannot return an instance that exists already, and one of a protocol can.
public protocol RefDecodable {
  /// The instance that `decoder` stands for: a shared one is the same at each of its sites.
  static func decoded(by decoder: any Decoder) throws -> Self
}

extension RefDecodable {
  /// With a ``TreeDecoder`` the same shared value gives the same instance. Any other decoder gives each site a
  /// Ref of its own, without a collection.
  public init(from decoder: any Decoder) throws {
    self = try Self.decoded(by: decoder)
  }
}

protocol SessionDecodable: RefDecodable {
  static func decoded(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> Self
}

extension Ref: Decodable, RefDecodable where Value: Decodable {
  public static func decoded(by decoder: any Decoder) throws -> Ref<Value> {
    guard let node = decoder as? NodeDecoder else {
      return Ref(try decoder.singleValueContainer().decode(Value.self))
    }
    return try node.session.reference(holding: Value.self, from: node.taken(), at: node.place)
  }
}

extension Ref: SessionDecodable where Value: Decodable {
  static func decoded(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> Ref<
    Value
  > {
    try session.reference(holding: Value.self, from: node, at: place)
  }
}
