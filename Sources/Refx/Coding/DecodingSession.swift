/// One walk over a tree on behalf of a model.
///
/// A walk that does not collect stops at the first difference. One that collects records each difference and
/// goes on with a placeholder; its result is never handed out.
final class DecodingSession {
  let allowing: Allowances
  let isCollecting: Bool
  var shared: SharedValues
  private(set) var differences: [Difference] = []
  var kinds = TypeKinds()
  /// How many Refs are being filled, one inside the other.
  var openRefs = 0
  private var nesting = 0
  /// Refs whose values come when the walk is back outside.
  private var postponed: [() throws -> Void] = []
  /// The shared values whose inside was compared though the model has no Ref there.
  private var lookedThrough: Set<Int> = []
  /// How often a plain value was taken from a shared one.
  private var copies = 0
  /// The last value of each type, to stand in for one that cannot be made.
  private var samples: [ObjectIdentifier: Any] = [:]

  init(of shared: SharedValues, allowing: Leniency, isCollecting: Bool) {
    self.shared = shared
    self.allowing = Allowances(allowing)
    self.isCollecting = isCollecting
  }

  /// Values may lie so deep in each other, through tree and sharing, before the stack could end.
  static let maximumNesting = EncodingSession.maximumNesting
  /// Refs below this many values wait until the walk is back outside.
  private static let nestingOfPostponed = 200

  /// What a decode comes to a halt with in a walk that collects: no placeholder can be made.
  struct NoPlaceholder: Error {
    let path: Path
  }

  /// Stops the decoding of the innermost Ref: it needs a class instance that is not there yet.
  struct NotThereYet: Error {}

  /// Decodes the model itself.
  func model<T: Decodable>(_ type: T.Type, from tree: Tree<Leaf>) throws -> T {
    let model = try value(type, from: .tree(tree), at: .root())
    try finishPostponed()
    return model
  }

  func finishPostponed() throws {
    while let fill = postponed.popLast() { try fill() }
  }

  /// Decodes a value that stands at `place`.
  func value<T: Decodable>(_ type: T.Type, from node: DecodingNode, at place: Place) throws -> T {
    switch kinds.kind(of: type) {
    // Its containers look through a shared value; a wrapper may still ask for the Ref that stands here.
    case .plain: return try ownValue(type, from: node, at: place)
    case .text:
      let text = try self.text(from: node, at: place)
      return try text as? T ?? ownValue(type, from: node, at: place)
    case .whole(let representable, _):
      return try whole(type, as: representable, from: try plain(node, at: place), at: place)
    case .reference(_, let reference):
      guard let reference else { throw RefxError.notDecodable(type, path: place.path) }
      return try decoded(reference, from: node, at: place)
    case .object(let representable): return try object(type, as: representable, from: node, at: place)
    case .container(_, let container):
      guard let container else { return try ownValue(type, from: node, at: place) }
      return try decoded(container, from: node, at: place)
    }
  }

  private func decoded<T, R: SessionDecodable>(
    _ type: R.Type, from node: DecodingNode, at place: Place
  ) throws -> T {
    same(try type.decoded(in: self, from: node, at: place), as: T.self)
  }

  private func decoded<T, C: DecodableContainer>(
    _ type: C.Type, from node: DecodingNode, at place: Place
  ) throws -> T {
    same(try type.decoded(in: self, from: node, at: place), as: T.self)
  }

  func cast<T>(_ value: Any, at place: Place) throws -> T {
    guard let same = value as? T else { throw RefxError.notDecodable(T.self, path: place.path) }
    return same
  }

  /// Lets a type decode itself, and then looks for what it did not ask for.
  func ownValue<T: Decodable>(_ type: T.Type, from node: DecodingNode, at place: Place) throws -> T {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= DecodingSession.maximumNesting else { throw RefxError.treeTooNested(path: place.path) }
    let decoder = NodeDecoder(session: self, node: node, place: place)
    let known = differences.count
    do {
      let value = try T(from: decoder)
      try decoder.reportUnexpected()
      if isCollecting { samples[ObjectIdentifier(type)] = value }
      return value
    } catch let error as RefxError {
      throw error
    } catch is NotThereYet {
      throw NotThereYet()
    } catch {
      if !(error is NoPlaceholder), differences.count == known, node.isThere {
        try report(.type, at: place, expected: wanted(type), found: refusal(error, of: node))
      } else if !isCollecting {
        throw RefxError.modelRefuses(type, error, path: place.path)
      }
      if let cases = type as? any CaseIterable.Type, let first = firstCase(of: cases) as? T { return first }
      if let sample = samples[ObjectIdentifier(type)] as? T { return sample }
      throw NoPlaceholder(path: place.path)
    }
  }
}

extension DecodingSession {
  /// Records a difference, or stops at it where this walk does not collect.
  func report(_ kind: Difference.Kind, at place: Place, expected: String? = nil, found: String? = nil) throws
  {
    let difference = Difference(kind, place.path, expected: expected, found: found)
    guard isCollecting else { throw RefxError.mismatch([difference]) }
    differences.append(difference)
  }

  /// Records what a type did not ask for, without stopping at it.
  func note(_ difference: Difference) {
    differences.append(difference)
  }

  /// What stands here where the model has no Ref.
  func plain(_ node: DecodingNode, at place: Place) throws -> DecodingNode {
    guard case .tree(let tree) = node, tree.isReference else { return node }
    let isCopied = allowing.allow(.refForPlain, at: place)
    if !isCopied {
      try report(.topology, at: place, expected: "a plain value", found: "a Ref")
      // What is wrong inside is said at the first site: sites inside sites would be as many as 2 to their depth.
      if let position = entry(of: tree), !lookedThrough.insert(position).inserted { return .known }
    } else {
      // Each site gets a copy: values that hold each other twice over would be copied 2 to their depth times.
      copies += 1
      guard copies <= 100_000 + 16 * shared.siteCount else {
        throw RefxError.copiedTooOften(path: place.path)
      }
    }
    if isCopied { markCopied(tree) }
    if let content = shared.plain(tree) { return .tree(content) }
    throw RefxError.ringOfRefs(path: place.path)
  }

  /// Marks the Refs that are looked through, up to those that are marked.
  private func markCopied(_ tree: Tree<Leaf>) {
    var tree = tree
    while let position = entry(of: tree), !shared[position].isCopied {
      shared[position].isCopied = true
      tree = shared[position].content
    }
  }

  /// The entry of a Ref that stands here; nil where none does.
  func entry(of tree: Tree<Leaf>) -> Int? { shared.position(of: tree) }

  /// Whether the file may lack what is Optional at `place`.
  func mayLackOptional(at place: @autoclosure () -> Place) -> Bool {
    allowing.allow(.missingOptionals, at: place()) || allowing.allow(.missing, at: place())
  }

  func postpone(_ fill: @escaping () throws -> Void) { postponed.append(fill) }

  var isTooDeepForRefs: Bool { nesting > DecodingSession.nestingOfPostponed }
}

extension DecodingNode {
  /// Whether something stands here that a type could refuse.
  var isThere: Bool { if case .tree = self { true } else { false } }
}

/// What a model's own `init(from:)` said against what stands there.
private func refusal(_ error: any Error, of node: DecodingNode) -> String {
  let reason =
    switch error {
    case DecodingError.dataCorrupted(let context), DecodingError.keyNotFound(_, let context),
      DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      context.debugDescription
    default: "\(error)"
    }
  return (node.summary ?? "nothing") + " (\(reason))"
}

private func firstCase<C: CaseIterable>(of type: C.Type) -> Any? { type.allCases.first }

/// An Optional, dictionary or set of what can be decoded.
protocol DecodableContainer: BridgedContainer {
  static func decoded(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> Self
}
