import Refx
import RefxStore

extension Checkpoint {
  /// Gives a live model the values of a checkpoint: its Refs are kept and take the values, plain leaves arrive
  /// in the new value of `model`.
  ///
  /// Strict and all-or-nothing: everything is compared, then the chosen payload is read into memory, then
  /// everything is assigned. Old and new values are in memory together for that moment.
  ///
  /// - Parameters:
  ///   - selection: what is taken, such as `.collection("params")` or `.pattern("encoder/**")`.
  ///   - allowing: the differences to let pass; none, unless they are named.
  /// - Throws: ``RefxError`` with every difference in its details, by path; the model is then as it was.
  public static func restore<Model: Codable>(
    _ model: inout Model, from path: String, select selection: RestoreSelection = .all,
    allowing: Leniency = [],
    format: FormatName? = nil, options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws {
    let file = try open(path, format: format, options: options, formats: formats)
    try restore(
      &model, from: file.contents, named: path, select: selection, allowing: allowing, options: options)
  }

  static func restore<Model: Codable>(
    _ model: inout Model, from contents: CheckpointContents, named path: String,
    select selection: RestoreSelection, allowing: Leniency, options: OpenOptions
  ) throws {
    do {
      let decoder = TreeDecoder(allowing: allowing)
      let tree = try contents.migrated(to: Model.self).tree
      if selection.isPartial {
        // What is not chosen is not read.
        try decoder.restore(&model, from: tree, select: selection)
      } else {
        try tree.readAhead(options) { try decoder.restore(&model, from: $0, select: selection) }
      }
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }
}

extension RestoreSelection {
  /// What stands at the paths that a glob matches: `*` one component, `**` any number.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func pattern(_ glob: String) throws -> RestoreSelection {
    let pattern = try PathPattern(glob: glob)
    // A glob is matched in bounded time, so this never throws.
    return .paths { (try? pattern.matches($0)) ?? false }
  }
}
