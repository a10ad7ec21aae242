import Refx
import RefxStore

extension StepFolder {
  /// Reads a step as a whole and looks at every checksum; of one that holds only changes, the step that it stands on as
  /// well.
  ///
  /// - Throws: ``RefxError`` with all that is wrong in its details where a file is damaged, another one than it is
  ///   called, or the step it stands on is missing; where the system cannot read.
  public func verify(_ step: SavedStep) throws {
    try verify(step, among: try step.isIncremental ? list().steps : [])
  }

  func verify(_ step: SavedStep, among steps: [SavedStep]) throws {
    try verifyFile(of: step)
    guard let digest = step.base else { return }
    let file = try Checkpoint.open(step.path, options: options, formats: formats).contents
    guard let base = try base(of: step, file, among: steps) else {
      throw RefxError.baseStepMissing(step.step, digest: digest, file: step.path)
    }
    try verifyFile(of: base)
    // Whether the one fits the other.
    _ = try contents(of: step, among: steps)
  }

  /// The same of the one file.
  func verifyFile(of step: SavedStep) throws {
    var problems: [String] = []
    let most = 20
    do {
      let file = try Checkpoint.open(step.path, options: options, formats: formats)
      guard let found = try StepRecord.read(file.contents.metadata, file: step.path) else {
        throw RefxError.notAStep(file: step.path)
      }
      guard found.record.step == step.step else {
        throw RefxError.stepCalledAnother(step.step, is: found.record.step, file: step.path)
      }
      try file.verify(nil) { problem in
        guard problems.count < most else { return }
        problems.append("\(problem.path.map { "\($0.text): " } ?? "")\(problem.what)")
      }
    } catch let error as RefxError {
      throw error.inFile(step.path)
    }
    if !problems.isEmpty { throw RefxError.stepIsDamaged(step.step, file: step.path, problems: problems) }
  }
}
