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

extension WriteTarget {
  package func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append($0) }
  }
}

/// A target that takes back what it was given, for a format whose first bytes say where its last ones are.
public protocol RewritableTarget: WriteTarget {
  /// Writes over bytes that were appended before.
  ///
  /// - Precondition: all of them were.
  /// - Throws: ``RefxError`` with the system's reason.
  func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws
}

/// Bytes collected in memory.
public final class MemoryTarget: RewritableTarget {
  /// What was appended so far.
  public private(set) var bytes: [UInt8] = []

  /// An empty target.
  public init() {}

  public var position: Int { bytes.count }
  public var temporaryPath: String? { nil }

  public func append(_ more: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: more)
  }

  public func replace(_ some: UnsafeRawBufferPointer, at offset: Int) {
    bytes.replaceSubrange(offset..<(offset + some.count), with: some)
  }
}
