import Refx

/// The payload of what stands in a file and cannot be represented: none, and whoever asks for it is told why.
package final class UnsupportedSource: LeafSource {
  package let unsupported: UnsupportedLeaf?
  package let byteCount = 0
  package let storedByteCount: Int?

  package init(_ reason: UnsupportedLeaf, storedByteCount: Int? = nil) {
    unsupported = reason
    self.storedByteCount = storedByteCount
  }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if let unsupported { throw RefxError.unsupportedLeaf(unsupported) }
  }
}

extension Leaf {
  /// A leaf that is listed with its reason and never read.
  package static func unsupported(_ reason: UnsupportedLeaf, shape: [Int] = []) -> Leaf {
    Leaf(dtype: .unsupported, shape: shape, source: UnsupportedSource(reason))
  }

  /// The same of a type by its own name, with the reason as a sentence without a period.
  package static func unsupported(_ typeName: String, _ reason: String, shape: [Int] = []) -> Leaf {
    .unsupported(UnsupportedLeaf(typeName: typeName, reason: reason), shape: shape)
  }
}
