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
    for member in metadata.members {
      if let (name, value) = member.value.notFinite(called: member.name.string) {
        throw RefxError.metadataNotFinite(name, "\(value)", step: step)
      }
    }
  }
}

extension JSON {
  /// The first number in it that no file can hold, and where it is.
  fileprivate func notFinite(called name: String) -> (name: String, value: Double)? {
    // A list of what is left to look at, in place of calls: how deep it goes is the user's.
    var rest = [(name, self)]
    while let (name, json) = rest.popLast() {
      switch json {
      case .number(let value):
        if !value.isFinite { return (name, value) }
      case .array(let values):
        for (place, value) in values.enumerated().reversed() { rest.append(("\(name)[\(place)]", value)) }
      case .object(let object):
        for member in object.members.reversed() {
          rest.append(("\(name).\(member.name.string)", member.value))
        }
      case .null, .bool, .integer, .unsigned, .string: break
      }
    }
    return nil
  }
}
