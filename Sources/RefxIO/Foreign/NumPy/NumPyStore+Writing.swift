import Refx
import RefxStore

extension NumPyStore {
  /// Writes a tree that is one array.
  ///
  /// - Throws: ``RefxError`` where the tree is anything else, where NumPy has no type for the elements, and what
  ///   ``CheckpointStore/write(_:to:options:)`` throws.
  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    let leaf = try array(of: contents)
    do {
      try write(leaf, to: target, progress: options.progress)
    } catch let error as RefxError {
      throw error.atPath(.root)
    }
  }

  public static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
    let leaf = try array(of: contents)
    do { _ = try NumPyArrayWriting(leaf, mayDescribe: false) } catch let error as RefxError {
      throw error.atPath(.root)
    }
  }

  private static func array(of contents: CheckpointContents) throws -> Leaf {
    guard case .leaf(let leaf) = contents.tree else {
      throw RefxError.numpyNeedsOneArray(found: contents.tree.inWords)
    }
    guard leaf.dtype.hasNumPyType || leaf.source.unsupported != nil else {
      throw RefxError.numpyHasNoType(leaf.dtype)
    }
    return leaf
  }

  /// Writes one array; bfloat16 and float8, for which NumPy has no type, as the bytes that they are: `<V2`, `|V1`.
  ///
  /// - Throws: ``RefxError`` where the format cannot hold the array, it cannot be read, or writing fails.
  public static func write(
    _ leaf: Leaf, to target: any WriteTarget, progress: ProgressHandler? = nil
  ) throws {
    let array = try NumPyArrayWriting(leaf, mayDescribe: false)
    try target.append(array.header)
    var progress = Progress(total: array.payload.byteCount, report: progress)
    try array.payload.forEachPiece { piece in
      try target.append(piece)
      progress.add(piece.count)
    }
  }

  public static func leftOut(of contents: CheckpointContents) -> [String] {
    var left: [String] = []
    if !contents.metadata.isEmpty {
      left.append("a .npy file has no place for metadata: \(contents.metadata.namesInWords)")
    }
    let attributes = contents.attributes.paths.flatMap { contents.attributes[$0].map(\.name.string) }
    if !attributes.isEmpty {
      left.append("a .npy file has no place for attributes: \(namesInWords(attributes))")
    }
    return left
  }
}

extension JSONObject {
  /// The first names, for a sentence.
  var namesInWords: String { RefxIO.namesInWords(members.map(\.name.string)) }
}

/// The first of some names, for a sentence.
private func namesInWords(_ names: [String]) -> String {
  let most = 5
  let first = names.prefix(most).map { "\"\($0)\"" }.joined(separator: ", ")
  return names.count > most ? "\(first) and \(names.count - most) more" : first
}
