import Glibc
import Refx
import RefxStore

extension CheckpointManager {
  /// Refuses to replace a step that others hold the changes of: they could never be read again.
  func refuseReplacing(_ step: Int, _ replacing: Bool) throws {
    guard replacing else { return }
    let steps = state.withLock { $0.steps }
    guard let old = steps[step], !old.isIncremental, let digest = old.digest else { return }
    let isElsewhere = steps.values.contains { $0.step != step && !$0.isIncremental && $0.digest == digest }
    let others = steps.values.filter { $0.base == digest.values && $0.step != step }.map(\.step).sorted()
    if !isElsewhere, !others.isEmpty {
      throw RefxError.stepIsBuiltOn(step, by: others, file: old.path)
    }
  }

  /// Gives a file that is in the way of a step and can be read as none another name. Nobody knows whose it is, so its
  /// bytes stay.
  func keepAside(_ path: String) throws {
    for number in 1...1000 {
      let aside = path + (number == 1 ? ".damaged" : ".damaged-\(number)")
      if link(path, aside) == 0 {
        settings.warn("\(visible(path)) is no step that can be read, and is called \(visible(aside)) now")
        return
      }
      switch errno {
      case EEXIST: continue
      case ENOENT: return
      default: throw RefxError.system("cannot give another name to the file", errno: errno, file: path)
      }
    }
    throw RefxError.fileExists(file: path)
  }
}
