extension TreeDecoder {
  /// Gives a live model the values of `tree`. Its Refs are kept, the very instances, and take the values; plain
  /// leaves arrive in the new value of `model`. Class instances are kept as well, so a plain leaf inside one
  /// that differs is a difference: nothing could assign it.
  ///
  /// Everything is compared first, then the chosen payload is read into memory, then everything is assigned:
  /// where this throws, nothing has changed. Old and new values are in memory together for that moment. What is
  /// not chosen is not read.
  ///
  /// - Parameters:
  ///   - selection: what is taken.
  ///   - topology: what is done where the tree ties other sites than the model.
  ///   - requiring: collections of which every Ref of the model must take a value, whatever `selection` leaves
  ///     out and ``allowing`` lets pass.
  /// - Throws: ``RefxError`` with every difference in its details; where a required collection would keep values
  ///   of the model; where a part of `selection` chooses nothing; where a payload cannot be read; where a Ref
  ///   cannot be written here (its trace level, its collection).
  public func restore<Model: Codable>(
    _ model: inout Model, from tree: Tree<Leaf>, select selection: RestoreSelection = .all,
    topology: TopologyContract = .exact, requiring: [CollectionTag] = []
  ) throws {
    var terms = RestoreTerms()
    terms.selection = selection
    terms.allowing = allowing
    terms.topology = topology
    terms.requiring = requiring
    try TreeDecoder.restore(&model, from: tree, terms)
  }

  package static func restore<Model: Codable>(
    _ model: inout Model, from tree: Tree<Leaf>, _ terms: RestoreTerms
  ) throws {
    let live = try LiveModel(model)
    var graft = try Graft(tree, onto: live, terms)
    try graft.compareValues()
    try graft.refuseDifferences()
    try graft.refuseGaps()

    let shared = SharedValues(holding: live.objects, contents: graft.contents)
    // The tree is the model's own but for its values: where a key is absent, the model leaves nil out.
    let session = DecodingSession(of: shared, allowing: .missingOptionals, isCollecting: false)
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
    if !session.differences.isEmpty { throw RefxError.mismatch(Set(session.differences).sorted()) }

    for assign in assignments { assign() }
    if let newModel { model = newModel }
  }
}

extension Graft {
  fileprivate func refuseDifferences() throws {
    if differences.isEmpty { return }
    let remarks =
      requiredGaps.map(\.line) + selection.idleParts.map(RefxError.idleSelection) + allowing.unused
    throw RefxError.mismatch(Set(differences).sorted(), remarks: remarks)
  }

  fileprivate func refuseGaps() throws {
    if let idle = selection.idleParts.first { throw RefxError.selectsNothing(idle, known: collections) }
    if selection.choosesNothing { throw RefxError.selectsNothing("an empty selection", known: collections) }
    let gaps = requiredGaps
    if !gaps.isEmpty { throw RefxError.requiredCollections(gaps) }
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
