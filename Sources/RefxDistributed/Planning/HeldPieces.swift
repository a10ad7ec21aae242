import Refx

/// What one rank holds of every array: what it tells the others before a file is begun.
struct HeldPieces {
  /// For each leaf, in the order of the tree: the blocks; and the number of bytes, of text alone, where it is held.
  struct Entry: Equatable {
    var blocks: [Block] = []
    var textByteCount: Int?
  }

  var entries: [Entry]

  /// - Throws: ``RefxError`` where a piece is not one of its array.
  init(_ tree: Tree<PiecedLeaf>, paths: [Path]) throws {
    var entries: [Entry] = []
    try tree.forEachLeaf { leaf in
      let path = paths[entries.count]
      var entry = Entry()
      for piece in leaf.pieces {
        try HeldPieces.check(piece, of: leaf, path)
        entry.blocks.append(piece.block)
        if leaf.dtype.itemSize == nil { entry.textByteCount = piece.leaf.byteCount }
      }
      entries.append(entry)
    }
    self.entries = entries
  }

  /// Looks at the whole arrays, also at those of which this rank has no piece.
  ///
  /// - Throws: ``RefxError`` where no array can have that shape.
  static func checkShapes(_ tree: Tree<PiecedLeaf>, paths: [Path]) throws {
    var number = 0
    for leaf in tree.leaves() {
      guard DType.elementCount(of: leaf.shape) != nil,
        leaf.dtype.itemSize == nil || leaf.dtype.byteCount(of: leaf.shape) != nil
      else { throw RefxError.arrayTooLarge(dtype: leaf.dtype, shape: leaf.shape, path: paths[number]) }
      number += 1
    }
  }

  private static func check(_ piece: PiecedLeaf.Piece, of leaf: PiecedLeaf, _ path: Path) throws {
    if let reason = piece.leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
    guard piece.leaf.dtype == leaf.dtype else {
      throw RefxError.pieceOfOtherType(expected: leaf.dtype, found: piece.leaf.dtype, path: path)
    }
    guard piece.leaf.shape == piece.block.shape else {
      throw RefxError.pieceOfOtherShape(expected: piece.block.shape, found: piece.leaf.shape, path: path)
    }
    guard piece.block.fits(in: leaf.shape) else {
      throw RefxError.pieceOutside(
        offset: piece.block.offset, shape: piece.block.shape, of: leaf.shape, path: path)
    }
    guard leaf.dtype.itemSize != nil || piece.block == Block(allOf: leaf.shape) else {
      throw RefxError.pieceOfText(path: path)
    }
    guard
      leaf.dtype.itemSize == nil || leaf.dtype.byteCount(of: piece.leaf.shape) == piece.leaf.byteCount
    else {
      throw RefxError.leafSizeIsWrong(
        dtype: leaf.dtype, shape: piece.leaf.shape, byteCount: piece.leaf.byteCount
      ).atPath(path)
    }
  }
}

// MARK: On the way to the others

extension HeldPieces {
  /// Numbers of eight bytes each: of each leaf the number of its blocks, the text's bytes and one or 0, the blocks.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    func add(_ number: Int) { withUnsafeBytes(of: UInt64(number).littleEndian) { bytes += $0 } }
    for entry in entries {
      add(entry.blocks.count)
      add(entry.textByteCount.map { $0 + 1 } ?? 0)
      for block in entry.blocks {
        for number in block.offset + block.shape { add(number) }
      }
    }
    return bytes
  }

  /// - Parameter ranks: how many axes each leaf has.
  /// - Throws: where the bytes are not of that many leaves.
  init(bytes: [UInt8], axes: [Int]) throws {
    var place = 0
    func next() throws -> Int {
      guard place + 8 <= bytes.count else { throw RefxError.ranksOutOfStep() }
      defer { place += 8 }
      let word = bytes.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      }
      guard let number = Int(exactly: word) else { throw RefxError.ranksOutOfStep() }
      return number
    }
    entries = try axes.map { axes in
      var entry = Entry()
      let count = try next()
      let text = try next()
      entry.textByteCount = text > 0 ? text - 1 : nil
      guard count <= bytes.count else { throw RefxError.ranksOutOfStep() }
      for _ in 0..<count {
        let offset = try (0..<axes).map { _ in try next() }
        entry.blocks.append(Block(offset: offset, shape: try (0..<axes).map { _ in try next() }))
      }
      return entry
    }
    guard place == bytes.count else { throw RefxError.ranksOutOfStep() }
  }
}
