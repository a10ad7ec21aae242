import Refx

/// Where a ``PayloadEncoder`` gets its slabs from in the place of its own threads: from ranks that share the work.
///
/// The writer of a format then runs on every rank, in step: it sees every slab, in order, and lays out the same
/// file; the bytes are on the rank alone that made them.
package protocol PayloadFeed: AnyObject, Sendable {
  /// Called once, before the first slab.
  func begin(_ leaves: [Leaf], compression: Compression, keeping kept: KeptSums)

  /// The next slab; one piece without a slab for a leaf that has none.
  ///
  /// - Throws: ``RefxError``, on every rank the same.
  func next() throws -> FedPiece
}

/// A slab, and what its leaf needs of it.
package struct FedPiece {
  package let slab: EncodedSlab?
  /// What its logical bytes add to the sums of the leaf; nil where those are known.
  package let sums: SlabSums?
  /// Whether the leaf ends with it.
  package let isLast: Bool
  /// The leaf's sums where a file vouches for them.
  package let knownSums: LeafSums?
  /// The leaf's CRC-32 as the file has it that its chunks were copied from.
  package let expectedCRC32: UInt32?

  package init(
    slab: EncodedSlab?, sums: SlabSums?, isLast: Bool, knownSums: LeafSums? = nil,
    expectedCRC32: UInt32? = nil
  ) {
    self.slab = slab
    self.sums = sums
    self.isLast = isLast
    self.knownSums = knownSums
    self.expectedCRC32 = expectedCRC32
  }
}

/// A target that several ranks write together: each what is its own.
package protocol SharedTarget: RewritableTarget {
  /// Appends a slab: its bytes where it is this rank's, else nothing but room.
  func append(shared slab: EncodedSlab) throws
}

extension WriteTarget {
  /// Appends what is stored of a slab.
  package func append(_ slab: EncodedSlab) throws {
    switch slab.share {
    case .whole: try append(slab.stored)
    case .own, .others:
      guard let target = self as? any SharedTarget else {
        preconditionFailure("a feed comes with its target")
      }
      try target.append(shared: slab)
    }
  }
}
