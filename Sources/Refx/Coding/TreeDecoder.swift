/// Turns a dereffed tree back into a Codable model, sharing kept: the same index gives the same ``Ref``, and the
/// same class instance. The exact inverse of ``TreeEncoder``.
///
/// A tree that does not fit is refused, and the error lists every difference, by path: what is missing, what
/// the model did not ask for, other dtypes, shapes and kinds, a plain value where the model has a Ref and the
/// other way round. A property that is missing altogether is a difference even where it is Optional, since an
/// encoder writes its nil; ``Leniency/missingOptionals`` lets it pass. A type whose own `encode(to:)` leaves nil
/// out, such as `Foundation.URL`, needs that leniency.
///
/// - Important: Refs of a cycle have no value yet while `init(from:)` runs. It should not read them.
public struct TreeDecoder: Sendable {
  /// Which differences are let pass; none, unless they are named.
  public var allowing: Leniency

  /// A decoder that lets the named differences pass.
  public init(allowing: Leniency = []) {
    self.allowing = allowing
  }

  /// The model in `tree`, whose payload is read here where it is not in memory.
  ///
  /// - Parameter requiring: collections that the tree must have, and of which the model must take every value. A
  ///   model takes all that it is given unless ``allowing`` lets something pass.
  /// - Throws: ``RefxError`` with every difference in its details where the tree does not fit; where a required
  ///   collection is not taken; where a payload cannot be read; where sharing is broken or the tree is too deep.
  public func decode<Model: Decodable>(
    _ type: Model.Type, from tree: Tree<Leaf>, requiring: [CollectionTag] = []
  ) throws -> Model {
    try decode(type, from: tree, sharing: try SharedValues(of: tree), requiring: requiring)
  }

  func decode<Model: Decodable>(
    _ type: Model.Type, from tree: Tree<Leaf>, sharing: SharedValues, requiring: [CollectionTag] = []
  ) throws -> Model {
    let session = DecodingSession(of: sharing, allowing: allowing, isCollecting: false)
    var fitting: Model?
    do {
      let model = try session.model(type, from: tree)
      if session.differences.isEmpty { fitting = model }
    } catch let error as RefxError {
      if error.code != .mismatch { throw error }
    } catch is DecodingSession.NotThereYet {
      throw RefxError.cycleWithoutRef(type, path: .root)
    }
    if let fitting {
      let gaps = session.gaps(in: tree, requiring: requiring)
      if !gaps.isEmpty { throw RefxError.requiredCollections(gaps) }
      return fitting
    }
    let (all, remarks) = try differences(of: type, from: tree, sharing: sharing)
    throw RefxError.mismatch(all, remarks: remarks)
  }

  /// Every difference: a second walk, which goes on where the first one stopped.
  private func differences<Model: Decodable>(
    of type: Model.Type, from tree: Tree<Leaf>, sharing: SharedValues
  ) throws -> (all: [Difference], remarks: [String]) {
    let session = DecodingSession(of: sharing, allowing: allowing, isCollecting: true)
    var unseen: Path?
    do {
      _ = try session.model(type, from: tree)
    } catch let stop as DecodingSession.NoPlaceholder {
      unseen = stop.path
    } catch is DecodingSession.NotThereYet {
      throw RefxError.cycleWithoutRef(type, path: .root)
    }
    var all = Set(session.differences).sorted()
    if let unseen {
      all.append(Difference(.type, unseen, found: "no value to go on with: what follows is not compared"))
    }
    return (all, session.allowing.unused)
  }
}
