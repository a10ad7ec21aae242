import Refx

/// The bytes that this rank has: its own pieces, and for the time of a round what others have sent.
final class PieceStock: @unchecked Sendable {
  // Sendable: changed between two rounds alone, while nobody reads.

  private let plan: PiecePlan
  /// This rank's own block of a leaf, by the plan's number.
  private let own: [[Int: Leaf]]
  private var received: [Place: (message: [UInt8], start: Int)] = [:]

  private struct Place: Hashable {
    let leaf: Int
    let block: Int
    /// The first of the block's elements.
    let element: Int
  }

  init(_ tree: Tree<PiecedLeaf>, _ plan: PiecePlan) {
    self.plan = plan
    var own: [[Int: Leaf]] = []
    tree.forEachLeaf { leaf in
      var blocks: [Int: Leaf] = [:]
      let array = plan.arrays[own.count]
      if leaf.dtype.itemSize == nil {
        // Text is one block, counted in bytes.
        if let piece = leaf.pieces.first, !array.blocks.isEmpty { blocks[0] = piece.leaf }
      } else {
        let pieces = Dictionary(leaf.pieces.map { ($0.block, $0.leaf) }) { first, _ in first }
        for (number, block) in array.blocks.enumerated() { blocks[number] = pieces[block.layout.block] }
      }
      own.append(blocks)
    }
    self.own = own
  }

  func clear() { received = [:] }

  /// The bytes of a transfer, to be sent.
  func read(_ transfer: Sharing.Transfer, leaf: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let piece = own[leaf][transfer.block] else { throw RefxError.ranksOutOfStep() }
    try piece.source.read(at: transfer.elements.lowerBound * plan.arrays[leaf].itemSize, into: buffer)
  }

  /// Remembers where the bytes of a transfer are that has come.
  func take(_ transfer: Sharing.Transfer, leaf: Int, in message: [UInt8], at start: Int) {
    received[Place(leaf: leaf, block: transfer.block, element: transfer.elements.lowerBound)] = (
      message, start
    )
  }

  /// Fills `buffer` with the logical bytes of a leaf from `start` on, out of all pieces that they lie in.
  func read(leaf: Int, at start: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let array = plan.arrays[leaf]
    let item = array.itemSize
    let wanted = (start / item)..<((start + buffer.count) / item)
    for number in array.blocks(near: wanted) {
      let layout = array.blocks[number].layout
      let elements = layout.elements(before: wanted.lowerBound)..<layout.elements(before: wanted.upperBound)
      guard !elements.isEmpty else { continue }
      func part(_ place: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        let from = (place - wanted.lowerBound) * item
        return UnsafeMutableRawBufferPointer(rebasing: buffer[from..<(from + count * item)])
      }
      if let piece = own[leaf][number] {
        try PieceStock.scatter(elements, of: piece.source, item, layout, part)
      } else if let (message, start) = received[
        Place(leaf: leaf, block: number, element: elements.lowerBound)]
      {
        message.withUnsafeBytes { bytes in
          layout.forEachRun(of: elements) { own, place, count in
            let from = start + (own - elements.lowerBound) * item
            part(place, count).copyMemory(
              from: UnsafeRawBufferPointer(rebasing: bytes[from..<(from + count * item)]))
          }
        }
      } else {
        throw RefxError.ranksOutOfStep()
      }
    }
  }

  /// Puts elements of a piece where they belong, read once.
  private static func scatter(
    _ elements: Range<Int>, of source: any LeafSource, _ item: Int, _ layout: BlockLayout,
    _ part: (_ place: Int, _ count: Int) -> UnsafeMutableRawBufferPointer
  ) throws {
    if let memory = source.bytesInMemory {
      defer { withExtendedLifetime(memory) {} }
      return layout.forEachRun(of: elements) { own, place, count in
        part(place, count).copyMemory(
          from: UnsafeRawBufferPointer(start: memory.start + own * item, count: count * item))
      }
    }
    if elements.count <= layout.runLength - elements.lowerBound % layout.runLength {
      return try source.read(
        at: elements.lowerBound * item, into: part(layout.place(of: elements.lowerBound), elements.count))
    }
    try withUnsafeTemporaryAllocation(byteCount: elements.count * item, alignment: 16) { room in
      try source.read(at: elements.lowerBound * item, into: room)
      layout.forEachRun(of: elements) { own, place, count in
        let from = (own - elements.lowerBound) * item
        part(place, count).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: room[from..<(from + count * item)]))
      }
    }
  }
}

/// A whole array as a writer sees it, whose bytes are where they are needed.
final class StockedSource: LeafSource {
  let byteCount: Int
  private let leaf: Int
  private let stock: PieceStock

  init(leaf: Int, byteCount: Int, stock: PieceStock) {
    self.leaf = leaf
    self.byteCount = byteCount
    self.stock = stock
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try stock.read(leaf: leaf, at: offset, into: buffer)
  }
}
