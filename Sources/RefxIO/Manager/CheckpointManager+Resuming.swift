import Refx

extension StepFolder {
  /// Gives a model the values of the latest step that is whole, as ``Checkpoint/restore(_:from:select:topology:allowing:requiring:format:options:formats:)``
  /// does. A step that turns out to be damaged is passed over for the one before it.
  ///
  /// - Parameter skipping: is told of each file that is passed over.
  /// - Returns: the step; nil where the folder has none, and the model is as it was.
  /// - Throws: ``RefxError`` where the step does not fit the model, and where there are steps and all are damaged: a
  ///   training that begins anew over them is not what anybody wants.
  @discardableResult
  public func resume<Model: Codable>(
    _ model: inout Model, select selection: RestoreSelection = .all, topology: TopologyContract = .exact,
    allowing: Leniency = [], requiring: [CollectionTag] = [], skipping: (FileProblem) -> Void = { _ in }
  ) throws -> SavedStep? {
    try lookingAgain { listing in
      var passed = listing.problems
      for step in listing.steps.reversed() {
        do {
          let contents: CheckpointContents
          do { contents = try self.contents(of: step, among: listing.steps) } catch let error as RefxError
            where error.code == .version
          {
            // Of the file, and not of the model, whose versions are a matter for its owner.
            passed.append(FileProblem(file: step.path, what: error.withoutFile))
            continue
          }
          try restore(&model, from: contents, of: step, selection, topology, allowing, requiring)
          for problem in passed { skipping(problem) }
          return .some(step)
        } catch let error as RefxError where StepFolder.isGone(step.path) {
          throw Vanished(error: error)
        } catch let error as RefxError where error.isDamage {
          passed.append(FileProblem(file: step.path, what: error.withoutFile))
        }
      }
      if passed.isEmpty { return nil }
      throw RefxError.noWholeStep(folder: path, problems: passed.map { "\($0.file): \($0.what)" })
    }
  }

  /// Gives a model the values of one step.
  ///
  /// - Throws: ``RefxError`` where it is not there, is damaged, or does not fit the model, which is as it was then.
  @discardableResult
  public func restore<Model: Codable>(
    _ model: inout Model, step number: Int, select selection: RestoreSelection = .all,
    topology: TopologyContract = .exact, allowing: Leniency = [], requiring: [CollectionTag] = []
  ) throws -> SavedStep {
    let found = try step(number)
    let contents = try contents(of: found, among: found.isIncremental ? list().steps : [])
    try restore(&model, from: contents, of: found, selection, topology, allowing, requiring)
    return found
  }

  private func restore<Model: Codable>(
    _ model: inout Model, from contents: CheckpointContents, of step: SavedStep,
    _ selection: RestoreSelection,
    _ topology: TopologyContract, _ allowing: Leniency, _ requiring: [CollectionTag]
  ) throws {
    do {
      try Checkpoint.restore(
        &model, from: contents, select: selection, topology: topology, allowing: allowing,
        requiring: requiring, options: options)
    } catch let error as RefxError {
      throw error.inFile(step.path)
    }
  }
}

extension CheckpointManager {
  /// Waits for the saves under way, and gives a model the values of the latest step that is whole; see
  /// ``StepFolder/resume(_:select:topology:allowing:requiring:skipping:)``. Files that are passed over are said to
  /// ``Settings/warn``; the training may save those steps anew when it comes to them.
  @discardableResult
  public func resume<Model: Codable>(
    _ model: inout Model, select selection: RestoreSelection = .all, topology: TopologyContract = .exact,
    allowing: Leniency = [], requiring: [CollectionTag] = []
  ) throws -> SavedStep? {
    try finish()
    return try folder.resume(
      &model, select: selection, topology: topology, allowing: allowing, requiring: requiring
    ) { problem in
      state.withLock { state in
        guard let step = state.steps.values.first(where: { $0.path == problem.file })?.step else { return }
        state.steps[step] = nil
        state.whole[step] = nil
        state.passedOver.insert(step)
      }
      settings.warn("\(visible(problem.file)) is passed over: \(visible(problem.what))")
    }
  }

  /// Removes the steps after `step` that managers of this folder have saved: for a training that goes on from an
  /// earlier one than the latest.
  ///
  /// - Throws: ``RefxError`` where a file cannot be removed; others of them may be gone then.
  public func removeSteps(after step: Int) throws {
    try finish()
    try removeLater(than: step)
  }
}
