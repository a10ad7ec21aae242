import Refx
import RefxStore

extension CheckpointManager {
  /// Says at once what is wrong with selection and policies, which are the same for all saves.
  func plan(_ captured: Captured, _ selection: [Selector]) throws {
    if selection.isEmpty, settings.policies.isEmpty { return }
    let isFirst = state.withLock { state in
      defer { state.hasPlanned = true }
      return !state.hasPlanned
    }
    guard isFirst, let contents = captured.contents else { return }
    do {
      _ = try contents.selecting(selection).applying(settings.policies)
      guard selection.isEmpty else { return }
      for name in try contents.idle(settings.policies) {
        settings.warn("the policy for \(visible(name)) concerns nothing in the model")
      }
    } catch {
      state.withLock { $0.hasPlanned = false }
      throw error
    }
  }

  func check(_ step: Int, _ metrics: [String: Double], _ metadata: JSONObject) throws {
    if step < 0 { throw RefxError.stepNotCounted(step) }
    for (name, value) in metrics.sorted(by: { $0.key < $1.key }) where !value.isFinite {
      throw RefxError.metricNotFinite(name, "\(value)", step: step)
    }
    for key in [StepRecord.key, PatchRecord.key, PartRecord.key, StructureVersion.key]
    where metadata[key] != nil {
      throw RefxError.reservedMetadata(key.string, step: step)
    }
  }
}
