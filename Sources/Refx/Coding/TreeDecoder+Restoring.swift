extension TreeDecoder {
  /// Gives a live model the values of `tree`. Its Refs are kept, the very instances, and take the values; plain
  /// leaves arrive in the new value of `model`. Class instances are kept as well, so a plain leaf inside one
  /// that differs is a difference: nothing could assign it.
  ///
  /// Everything is compared first, then the chosen payload is read into memory, then everything is assigned:
  /// where this throws, nothing has changed. Old and new values are in memory together for that moment.
  ///
  /// - Throws: ``RefxError`` with every difference in its details; where a payload cannot be read; where a Ref
  ///   cannot be written here (its trace level, its collection).
  public func restore<Model: Codable>(
    _ model: inout Model, from tree: Tree<Leaf>, select selection: RestoreSelection = .all
  ) throws {
    let live = try LiveModel(model)
    var graft = try Graft(tree, onto: live, selection: selection, allowing: allowing)
    try TreeDecoder.check(graft.differences)
    try graft.compareValues()
    try TreeDecoder.check(graft.differences)

    let shared = SharedValues(holding: live.objects, contents: graft.contents)
    let session = DecodingSession(of: shared, allowing: [], isCollecting: false)
    var assignments: [() -> Void] = []
    for (number, entry) in live.objects.enumerated() where graft.isChosen[number] {
      guard let ref = entry.object as? any RestorableRef else {
        throw RefxError.notDecodable(type(of: entry.object), path: entry.firstPath)
      }
      do {
        assignments.append(
          try ref.staged(in: session, from: .tree(graft.contents[number]), at: entry.firstPlace))
      } catch let error as RefxError {
        throw error.atPath(entry.firstPath)
      }
    }
    var newModel: Model?
    if graft.takesPlainLeaves { newModel = try session.model(Model.self, from: graft.tree) }
    try TreeDecoder.check(session.differences)

    for assign in assignments { assign() }
    if let newModel { model = newModel }
  }

  private static func check(_ differences: [Difference]) throws {
    if !differences.isEmpty { throw RefxError.mismatch(Set(differences).sorted()) }
  }
}

/// A Ref whose next value can be made before it is assigned.
protocol RestorableRef: AnyRef {
  /// Decodes the next value; what comes back assigns it and cannot fail.
  func staged(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> () -> Void
}

extension Ref: RestorableRef where Value: Decodable {
  func staged(in session: DecodingSession, from node: DecodingNode, at place: Place) throws -> () -> Void {
    let next = try session.value(Value.self, from: node, at: place)
    if let refusal = refusalToWrite() ?? refusalToTake(next) { throw refusal }
    return { self.stored = next }
  }
}
