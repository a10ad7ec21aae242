import Refx
import RefxIO
import RefxStore

extension DistributedCheckpoint {
  /// Reads what this rank wants of a checkpoint: of each array a block, or all. Ties are ties on every rank.
  ///
  /// Every rank reads the file itself, and of it the catalogue and the chunks that hold a wanted element; which and how
  /// many ranks have written it does not matter.
  ///
  /// - Parameters:
  ///   - wanted: the block of the array at a path; nil for all of it. Called once for each array, a shared one under its
  ///     first path.
  /// - Returns: the tree, with the blocks at its leaves, in memory.
  /// - Throws: ``RefxError``, on every rank the same.
  public static func load(
    from path: String, over ranks: any Communicator, options: OpenOptions = OpenOptions(),
    wanting wanted: (Path, Leaf) throws -> Block? = { _, _ in nil }
  ) throws -> CheckpointContents {
    let opened = try open(path, over: ranks, options: options)
    return try ranks.agree {
      do {
        var contents = opened.contents
        let paths = try contents.tree.leafPaths()
        var number = 0
        let wantedTree = try contents.tree.map { leaf in
          defer { number += 1 }
          guard let block = try wanted(paths[number], leaf) else { return leaf }
          return try leaf.block(block, at: paths[number])
        }
        contents.tree = try wantedTree.loaded(threads: options.threads)
        return contents
      } catch let error as RefxError {
        throw error.inFile(path)
      }
    }
  }

  /// Reads a model, of whose arrays this rank wants blocks.
  public static func load<Model: Decodable>(
    _ type: Model.Type, from path: String, over ranks: any Communicator, options: OpenOptions = OpenOptions(),
    wanting wanted: (Path, Leaf) throws -> Block? = { _, _ in nil }
  ) throws -> Model {
    let contents = try load(from: path, over: ranks, options: options, wanting: wanted)
    return try ranks.agree {
      do { return try TreeDecoder().decode(type, from: contents.tree) } catch let error as RefxError {
        throw error.inFile(path)
      }
    }
  }

  /// Opens a checkpoint on every rank, and looks that all see the same one. Reads no payload.
  ///
  /// - Throws: ``RefxError``, on every rank the same.
  public static func open(
    _ path: String, over ranks: any Communicator, options: OpenOptions = OpenOptions()
  ) throws -> OpenedCheckpoint {
    let (opened, seen) = try ranks.agree {
      let opened = try Checkpoint.open(path, options: options)
      var seen = try opened.contents.tree.structureDigest().combined
      // Another file of the same model differs in these, if not in everything.
      opened.contents.tree.forEachLeaf { leaf in
        let hash = leaf.source.contentHash
        withUnsafeBytes(of: (hash?.low ?? 0) &+ UInt64(leaf.source.storedByteCount ?? 0)) { seen += $0 }
      }
      return (opened, SHA256.of(seen))
    }
    let all = try ranks.gatherToAll(seen)
    guard all.allSatisfy({ $0 == all[0] }) else { throw RefxError.ranksOpenedDifferentFiles(file: path) }
    return opened
  }
}

extension Leaf {
  /// A block of the array as an array of its own; reads nothing yet, and later no more than the chunks that hold an
  /// element of it.
  ///
  /// - Parameter path: where the array stands, for errors.
  /// - Throws: ``RefxError`` where the block is not inside the array, or the array is text and the block not all of it.
  public func block(_ block: Block, at path: Path = .root) throws -> Leaf {
    guard block.fits(in: shape) else {
      throw RefxError.pieceOutside(offset: block.offset, shape: block.shape, of: shape, path: path)
    }
    if block == Block(allOf: shape) { return self }
    guard dtype.itemSize != nil else { throw RefxError.pieceOfText(path: path) }
    return try sliced(
      Slice(block.offset.indices.map { block.offset[$0]..<(block.offset[$0] + block.shape[$0]) }), at: path)
  }
}
