import Glibc
import Refx
import RefxStore

extension CheckpointManager {
  /// Removes the steps that no rule keeps, once those that the rules keep in their place are known to be whole.
  ///
  /// What a process knows to be whole is what it has written, and what it has read as a whole, as long as the file is
  /// the same: inode, size, and the times of its last changes. A step that turns out to be damaged counts for nothing
  /// from then on, and is left alone; what it would have pushed out stays.
  func removeWhatNeedNotStay(saved: Int) {
    if retention.contains(.all) { return }
    var hasForgotten = false
    while true {
      let all = state.withLock { Array($0.steps.values) }
      let kept = Retention.kept(retention, of: all, run: lock.run, saved: saved)
      // Only what a manager of this folder has written, and never what somebody put there.
      let gone = all.filter { !kept.contains($0.step) && $0.run == lock.run }
      if gone.isEmpty, !hasForgotten { return }
      let reliedOn = Retention.reliedOn(retention, of: all, run: lock.run)
      let damaged: [(step: SavedStep, what: String)]
      do {
        damaged = try findDamaged(in: all.filter { reliedOn.contains($0.step) }, among: all)
      } catch {
        // Nobody knows; the next save looks again.
        settings.warn("no earlier step is removed: \(visible("\(error)"))")
        return
      }
      if damaged.isEmpty { return remove(gone) }
      for (step, what) in damaged { settings.warn("\(visible(step.path)) is passed over: \(visible(what))") }
      forget(damaged.map(\.step))
      // What stood on those is not whole either.
      hasForgotten = true
    }
  }

  /// Reads every step as a whole, once the saves under way have ended. What is damaged is left alone, and no longer
  /// keeps this manager from keeping another.
  ///
  /// - Returns: what is damaged; nothing where all is well.
  /// - Throws: ``RefxError`` where a file cannot be read, and the error of a save of which nobody was told.
  @discardableResult
  public func verifySteps() throws -> [StepFolder.FileProblem] {
    try finish()
    let all = steps
    state.withLock { $0.whole = [:] }
    let damaged = try findDamaged(in: all, among: all, verifying: true)
    forget(damaged.map(\.step))
    return damaged.map { .init(file: $0.step.path, what: $0.what) }
  }

  /// The damaged ones of some steps, the earliest first, so that what stands on one comes after it and counts as
  /// damaged, too.
  private func findDamaged(
    in steps: [SavedStep], among all: [SavedStep], verifying: Bool = false
  ) throws -> [(step: SavedStep, what: String)] {
    var rest = all
    var damaged: [(SavedStep, String)] = []
    for step in steps.sorted(by: { $0.step < $1.step }) {
      guard let what = try damage(of: step, among: rest, verifying: verifying) else { continue }
      rest.removeAll { $0.step == step.step }
      damaged.append((step, what))
    }
    return damaged
  }

  /// What is wrong with a step, as far as that is not known to be nothing.
  ///
  /// - Throws: what the system says where that is no answer.
  private func damage(
    of step: SavedStep, among all: [SavedStep], verifying: Bool
  ) throws -> String? {
    do {
      guard let identity = try FileIdentity(of: step.path) else { return "the file is gone" }
      if let base = step.base, !all.contains(where: { $0.base == nil && $0.digest?.values == base }) {
        state.withLock { _ = $0.passedOver.insert(step.step) }
        return "the step that it holds the changes of is not there"
      }
      let isKnown = state.withLock { $0.whole[step.step] == identity }
      if isKnown { return nil }
      let isSame = step.identity == identity
      if isSame, !verifying, !settings.verifiesBeforeRemoving { return nil }
      let found = try folder.read(step.path, identity)
      guard found.step == step.step, found.base == step.base, found.metrics == step.metrics else {
        return "the file is another one than before"
      }
      _ = try folder.open(step, among: all)
      try folder.verifyFile(of: step)
      state.withLock { state in
        state.whole[step.step] = identity
        state.steps[step.step]?.identity = identity
      }
      return nil
    } catch let error as RefxError where error.isOfNoUse {
      return ([error.withoutFile] + error.details).joined(separator: "; ")
    } catch let error as RefxError where error.code == .system && StepFolder.isGone(step.path) {
      return "the file is gone"
    }
  }

  func forget(_ steps: [SavedStep]) {
    state.withLock { state in
      for step in steps {
        state.steps[step.step] = nil
        state.whole[step.step] = nil
      }
    }
  }

  private func remove(_ gone: [SavedStep]) {
    for step in CheckpointManager.inOrderOfRemoval(gone) where unlink(step.path) != 0 && errno != ENOENT {
      settings.warn("\(visible(step.path)) cannot be removed: \(String(cString: strerror(errno)))")
    }
    forget(gone)
  }

  /// What stands on another step goes before that: whoever reads meanwhile, and who is killed in the middle, never
  /// finds a step without the one it needs.
  private static func inOrderOfRemoval(_ steps: [SavedStep]) -> [SavedStep] {
    steps.sorted { a, b in a.isIncremental == b.isIncremental ? a.step > b.step : a.isIncremental }
  }

  func removeLater(than step: Int) throws {
    let gone = state.withLock { state in
      CheckpointManager.inOrderOfRemoval(
        state.steps.values.filter { $0.step > step && $0.run == lock.run })
    }
    for later in gone {
      guard unlink(later.path) == 0 || errno == ENOENT else {
        throw RefxError.system("cannot remove the step", errno: errno, file: later.path)
      }
      forget([later])
    }
    index.write(steps)
  }

  /// Reads a step that was just written, and removes it where it is not what was written.
  func readBack(_ step: SavedStep, among steps: [SavedStep]) throws {
    let descriptor = open(step.path, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 {
      // What is on the disk is of interest, not what the system still has in memory.
      posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
      close(descriptor)
    }
    do {
      try folder.verify(step, among: steps + [step])
    } catch {
      unlink(step.path)
      throw error
    }
  }
}
