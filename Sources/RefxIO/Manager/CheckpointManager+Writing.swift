import Glibc
import Refx
import RefxStore

/// What is done on the thread of the saves.
extension CheckpointManager {
  /// Writes a step, and removes those that need not stay beside it.
  func write(
    _ captured: Captured, _ step: Int, _ metrics: [String: Double], _ metadata: JSONObject, _ time: Double,
    _ selection: [Selector], replacing: Bool, _ pending: PendingSave, progress: ProgressHandler?
  ) throws -> SavedStep {
    if pending.isCancelled { throw RefxError.cancelled() }
    // From here on the leaves let go of their bytes one by one.
    var (contents, casts) = try captured.take { contents in
      try contents.selecting(selection).applying(settings.policies, releasing: true)
    }
    // No copy of all steps where one is enough: there may be thousands.
    let needsOthers = settings.changesBetweenWholes > 0 || settings.readsBack
    let (earlier, others, changesSince, wasPassedOver) = state.withLock { state in
      (
        state.steps[step], needsOthers ? state.steps.values.filter { $0.step != step } : [], state.changes,
        state.passedOver.contains(step)
      )
    }
    var record = StepRecord(
      step: step, metrics: metrics, time: time, run: lock.run, digest: nil, casts: casts)
    contents.metadata[StepRecord.key] = record.json
    var base: String?
    if let change = try changes(to: contents, others.filter { $0.step < step }, changesSince) {
      base = change.base
      contents = change.contents
    } else if settings.changesBetweenWholes > 0 {
      record = StepRecord(
        step: step, metrics: metrics, time: time, run: lock.run,
        digest: TreeDigest.Text(try contents.tree.digest()), casts: casts)
      contents.metadata[StepRecord.key] = record.json
    }

    let path = folder.path + "/" + StepName.text(step, suffix: store.format.suffixes.first ?? "")
    let batch = AtomicBatch(durable: settings.durability == .full)
    let options = WriteOptions(
      compression: settings.compression, progress: progress,
      threads: settings.threads ?? max(1, Cores.available - 1))
    try refuseReplacing(step, replacing)
    let isInTheWay = earlier == nil && (wasPassedOver || isDamaged(path))
    try batch.write(path, overwrite: replacing || isInTheWay) { target in
      try store.write(
        contents, to: CancellableTarget(target) { pending.isCancelled }, options: options)
    }
    if pending.isCancelled { throw RefxError.cancelled() }
    if isInTheWay { try keepAside(path) }
    try batch.commit()

    guard let identity = try FileIdentity(of: path) else { throw RefxError.stepVanished(step, file: path) }
    let saved = SavedStep(
      step: step, metrics: metrics, metadata: metadata, time: time, path: path,
      byteCount: identity.byteCount, base: base, run: lock.run, digest: record.digest, identity: identity)
    if settings.readsBack {
      do { try readBack(saved, among: others) } catch {
        // What it replaced is gone, too.
        forget([saved])
        throw error
      }
    }
    if let earlier, earlier.path != path, earlier.run == lock.run { unlink(earlier.path) }
    let count = state.withLock { state in
      state.steps[step] = saved
      state.whole[step] = identity
      state.passedOver.remove(step)
      state.changes = base == nil ? 0 : state.changes + 1
      return state.steps.count
    }
    index.add(saved, of: count) { steps }
    removeWhatNeedNotStay(saved: step)
    return saved
  }

  /// What changed since the last whole step, where that is wanted and worth it.
  private func changes(
    to contents: CheckpointContents, _ steps: [SavedStep], _ changes: Int
  ) throws -> (contents: CheckpointContents, base: String)? {
    guard settings.changesBetweenWholes > changes,
      let base = steps.filter({ $0.digest != nil && !$0.isIncremental && $0.run == lock.run }).max(by: {
        $0.step < $1.step
      }),
      let digest = base.digest, let known = TreeDigest(digest)
    else { return nil }
    do {
      let old = try Checkpoint.open(base.path, options: folder.options, formats: folder.formats).contents
      let patch = try old.patch(to: contents, from: known)
      let whole = contents.tree.leaves().reduce(0) { $0.addingSaturated($1.byteCount) }
      // A file that holds nearly all is better one that needs no other.
      guard patch.changedBytes < whole / 10 * 9 else { return nil }
      return (patch.contents, digest.values)
    } catch let error as RefxError where error.isOfNoUse || error.code == .system {
      settings.warn("\(visible(base.path)) cannot be built on: \(error.withoutFile)")
      return nil
    }
  }

  /// Whether what lies there is called as the step and is none. A step of this folder is read as a whole; what somebody
  /// put there is none of our business where it can be opened.
  private func isDamaged(_ path: String) -> Bool {
    do {
      guard try FileIdentity(of: path) != nil else { return false }
      let file = try Checkpoint.open(path, options: folder.options, formats: folder.formats)
      guard let found = try? StepRecord.read(file.contents.metadata, file: path), found.record.run == lock.run
      else { return false }
      var isDamaged = false
      try file.verify(nil) { _ in isDamaged = true }
      return isDamaged
    } catch let error as RefxError {
      return error.isDamage
    } catch {
      return false
    }
  }
}
