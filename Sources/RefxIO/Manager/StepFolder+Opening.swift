import Refx
import RefxStore

extension StepFolder {
  /// The latest step that is whole: its file is opened, and that of the step which it is a change of. Its values are
  /// checked when they are read.
  ///
  /// - Parameters:
  ///   - verifying: whether the values are checked at once, as ``verify(_:)`` does.
  ///   - skipping: is told of each file that is passed over.
  /// - Throws: ``RefxError`` where the folder cannot be read.
  public func latest(
    verifying: Bool = false, skipping: (FileProblem) -> Void = { _ in }
  ) throws -> SavedStep? {
    try firstWhole(verifying, skipping) { $0.reversed() }
  }

  /// The best step by a metric that is whole, as ``latest(verifying:skipping:)`` finds the latest; of equal ones the
  /// later.
  ///
  /// - Throws: ``RefxError`` where the folder cannot be read.
  public func best(
    by metric: String, _ better: Retention.Better = .lower, verifying: Bool = false,
    skipping: (FileProblem) -> Void = { _ in }
  ) throws -> SavedStep? {
    try firstWhole(verifying, skipping) { Retention.ranking($0, by: metric, better) }
  }

  private func firstWhole(
    _ verifying: Bool, _ skipping: (FileProblem) -> Void, in order: ([SavedStep]) -> [SavedStep]
  ) throws -> SavedStep? {
    try lookingAgain { listing in
      var passed = listing.problems
      defer { for problem in passed { skipping(problem) } }
      for step in order(listing.steps) {
        do {
          if verifying {
            try verify(step, among: listing.steps)
          } else {
            _ = try open(step, among: listing.steps)
          }
          return .some(step)
        } catch let error as RefxError {
          if StepFolder.isGone(step.path) {
            passed = []
            throw Vanished(error: error)
          }
          passed.append(.init(file: step.path, what: error.withoutFile))
        }
      }
      return nil
    }
  }

  /// A step was removed by the process that saves, between the look and the opening: there is a later one then. What
  /// stands on another step is removed before that, so it is the step itself that is gone.
  struct Vanished: Error {
    let error: RefxError
  }

  /// Looks into the folder, and again where what was found vanishes before it is opened.
  ///
  /// - Throws: what `body` throws, and of a folder that changes quicker than it can be read, the last error.
  func lookingAgain<Found>(_ body: (Listing) throws -> Found) throws -> Found {
    var tries = 100
    while true {
      let listing = try list()
      do {
        return try body(listing)
      } catch let vanished as Vanished {
        tries -= 1
        if tries == 0 { throw vanished.error }
      }
    }
  }

  /// The step of that number.
  ///
  /// - Throws: ``RefxError`` where it is not there or cannot be opened.
  public func step(_ number: Int) throws -> SavedStep {
    let listing = try list()
    if let step = listing.steps.first(where: { $0.step == number }) { return step }
    throw RefxError.noSuchStep(number, known: listing.steps.map(\.step), folder: path)
  }

  /// What a step holds, with the dtypes that its values had. Reads no payload, but of a step that holds only changes
  /// the payload of the one it stands on, which is checked against the digest.
  ///
  /// - Throws: ``RefxError`` where a file is damaged, or the other step is missing.
  public func contents(of step: SavedStep) throws -> CheckpointContents {
    try contents(of: step, among: try step.isIncremental ? list().steps : [])
  }

  func contents(of step: SavedStep, among steps: [SavedStep]) throws -> CheckpointContents {
    let (file, base) = try open(step, among: steps)
    var contents = file
    do {
      if let base {
        contents = try base.applying(file, named: step.path)
      }
      let casts = try StepRecord.read(contents.metadata, file: step.path)?.record.casts ?? []
      contents = try contents.undoing(casts)
      contents.metadata[StepRecord.key] = nil
    } catch let error as RefxError {
      throw error.inFile(step.path)
    }
    return contents
  }

  /// Opens the file of a step and that of the step it stands on.
  func open(
    _ step: SavedStep, among steps: [SavedStep]
  ) throws -> (file: CheckpointContents, base: CheckpointContents?) {
    let file = try Checkpoint.open(step.path, options: options, formats: formats).contents
    guard let digest = step.base else { return (file, nil) }
    guard let base = try base(of: step, file, among: steps) else {
      throw RefxError.baseStepMissing(step.step, digest: digest, file: step.path)
    }
    return (file, try Checkpoint.open(base.path, options: options, formats: formats).contents)
  }

  /// The step that another holds the changes of. Others may have the same values and another structure, or say so and
  /// be damaged.
  func base(
    of step: SavedStep, _ file: CheckpointContents, among steps: [SavedStep]
  ) throws -> SavedStep? {
    let wanted = TreeDigest.Text(try PatchRecord(file.metadata, file: step.path).base)
    let bases = steps.filter { $0.digest == wanted && $0.base == nil }
    return bases.last { $0.run == step.run } ?? bases.last
  }
}
