import Refx
import RefxStore

@testable import RefxIO

/// What becomes of a file when it is opened, verified, and read whole.
enum Outcome: Equatable {
  case refused
  case problems
  case sound

  init(_ file: [UInt8]) throws {
    let bytes = MemoryBytes(count: file.count) { buffer in
      file.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    let opened: OpenedCheckpoint
    do {
      opened = try RefxFormat.open(InputFile(bytes, name: "damaged.refx"), options: OpenOptions())
    } catch is RefxError {
      self = .refused
      return
    }
    var problems = 0
    try opened.verify(nil) { _ in problems += 1 }
    self = problems == 0 ? .sound : .problems
  }

  /// The error with which `file` is refused.
  static func refusal(of file: [UInt8]) -> RefxError? {
    let bytes = MemoryBytes(count: file.count) { buffer in
      file.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    do {
      _ = try RefxFormat.open(InputFile(bytes, name: "damaged.refx"), options: OpenOptions())
      return nil
    } catch {
      return error as? RefxError
    }
  }
}
