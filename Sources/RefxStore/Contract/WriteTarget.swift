import Refx

/// Where a format writes: a file being made, a pipe, memory.
public protocol WriteTarget: AnyObject {
  /// The number of bytes appended so far.
  var position: Int { get }

  /// Appends all of `bytes`.
  ///
  /// - Throws: ``RefxError`` with the system's reason.
  func append(_ bytes: UnsafeRawBufferPointer) throws

  /// The path of the file being made, for a library that must write it itself; nil for a pipe or memory.
  var temporaryPath: String? { get }
}

/// Bytes collected in memory.
public final class MemoryTarget: WriteTarget {
  /// What was appended so far.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public var position: Int { bytes.count }
  public var temporaryPath: String? { nil }

  public func append(_ more: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: more)
  }
}
