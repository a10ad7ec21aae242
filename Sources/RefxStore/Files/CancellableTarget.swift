import Refx

/// A target that takes no more once somebody has changed his mind.
package final class CancellableTarget: RewritableTarget {
  private let target: any WriteTarget
  private let isCancelled: () -> Bool

  /// - Parameter isCancelled: asked before each write.
  package init(_ target: any WriteTarget, isCancelled: @escaping () -> Bool) {
    self.target = target
    self.isCancelled = isCancelled
  }

  package var position: Int { target.position }
  package var temporaryPath: String? { target.temporaryPath }

  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    if isCancelled() { throw RefxError.cancelled() }
    try target.append(bytes)
  }

  package func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    guard let target = target as? any RewritableTarget else {
      throw RefxError.system("cannot write over what was written", errno: 29, file: temporaryPath ?? "")
    }
    try target.replace(bytes, at: offset)
  }
}
