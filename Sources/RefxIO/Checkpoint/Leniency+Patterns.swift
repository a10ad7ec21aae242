import Refx

// Leniency at the places that a glob matches: `*` one component, `**` any number; see ``PathPattern``. It is matched
// against the paths of leaves and Refs.

extension Leniency {
  /// The file holds more than the model asks for at these places; the rest is left.
  ///
  /// - Throws: ``RefxError`` where the pattern is none, as the other functions here.
  public static func unexpected(_ glob: String) throws -> Leniency { try unexpected.only(at: glob) }

  /// The file lacks what is Optional in the model at these places.
  public static func missingOptionals(_ glob: String) throws -> Leniency {
    try missingOptionals.only(at: glob)
  }

  /// A plain value stands where the model has a Ref at these places.
  public static func plainForRef(_ glob: String) throws -> Leniency { try plainForRef.only(at: glob) }

  /// A shared value stands where the model has a plain one at these places; each site then gets a copy.
  public static func refForPlain(_ glob: String) throws -> Leniency { try refForPlain.only(at: glob) }

  /// In `restore`: the file lacks what the model has at these places; the model keeps it.
  public static func missing(_ glob: String) throws -> Leniency { try missing.only(at: glob) }

  /// A Ref at these places belongs to another collection in the file.
  public static func collection(_ glob: String) throws -> Leniency { try collection.only(at: glob) }

  /// In `restore`: an array at these places has another shape in the file; the model keeps its own.
  public static func shape(_ glob: String) throws -> Leniency { try shape.only(at: glob) }

  private func only(at glob: String) throws -> Leniency {
    let pattern = try PathPattern(glob: glob)
    // A glob is matched in bounded time, so this never throws.
    return only(at: glob) { (try? pattern.matches($0)) ?? false }
  }
}

extension RestoreSelection {
  /// What stands at the paths that a glob matches: `*` one component, `**` any number. They are the paths of leaves
  /// and Refs, so the whole of a dictionary is `encoder/**`, not `encoder`.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func pattern(_ glob: String) throws -> RestoreSelection {
    let pattern = try PathPattern(glob: glob)
    return .paths(named: glob) { (try? pattern.matches($0)) ?? false }
  }
}
