import Refx
import RefxStore

/// How a part of a model is saved: the Refs of a collection, or what stands at the paths that a glob matches.
///
/// Of several policies that apply to a value the one that is declared last decides, alone: what an earlier one says of
/// the same value does not count. So the general ones stand first, and exceptions from them follow:
///
/// ```swift
/// struct Model: Codable {
///   var optimizer = [
///     "embedding": Ref(Tensor([1, 2] as [Float]), collection: "optimizer"),
///     "head": Ref(Tensor([3, 4] as [Float]), collection: "optimizer"),
///   ]
///   var cache = ["keys": Tensor([5, 6] as [Float])]
/// }
/// var settings = CheckpointManager.Settings()
/// settings.policies = [
///   .collection("optimizer", dtype: .bfloat16),
///   try .path("optimizer/embedding/**"),  // as it is
///   try .leavingOut(path: "cache/**"),
/// ]
/// let step = try CheckpointManager("run7", settings: settings).saveNow(Model(), step: 1)
/// let leaves = try Checkpoint.open(step.path).contents.tree.leaves()
/// assert(leaves.map(\.dtype) == [.float32, .bfloat16])
/// ```
///
/// A path is that of a Ref, and then stands for all that the Ref holds, or of a leaf. A shared value has several, and
/// policies by path may say different things of it: that is an error, which names both, and nothing is saved. A policy
/// that concerns nothing in the model of the first save is told to ``CheckpointManager/Settings/warn``.
public struct SavePolicy: Sendable {
  enum Scope: Sendable {
    /// nil for Refs without one.
    case collection(CollectionTag?)
    case paths(PathPattern)
  }

  /// What is done with a value.
  struct Treatment: Hashable, Sendable {
    var dtype: DType?
    var compression: Compression?
    var isSaved = true
  }

  let scope: Scope
  let treatment: Treatment

  /// The Refs of a collection, with what they hold up to the Refs inside.
  ///
  /// - Parameters:
  ///   - collection: nil stands for Refs without one.
  ///   - dtype: what the arrays of a wider floating dtype become in the file; what is loaded has the old dtype and
  ///     the values that were left. As they are where it is nil.
  ///   - compression: another one than that of the file.
  public static func collection(
    _ collection: CollectionTag?, dtype: DType? = nil, compression: Compression? = nil
  ) -> SavePolicy {
    SavePolicy(
      scope: .collection(collection), treatment: Treatment(dtype: dtype, compression: compression))
  }

  /// What stands at the paths that a glob matches, `*` one component, `**` any number: Refs with all that they hold,
  /// the Refs inside among it, and leaves, within a Ref or outside of every one. `dtype` and `compression` as in
  /// ``collection(_:dtype:compression:)``; with neither, what earlier policies say does not count there.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func path(
    _ glob: String, dtype: DType? = nil, compression: Compression? = nil
  ) throws -> SavePolicy {
    SavePolicy(
      scope: .paths(try PathPattern(glob: glob)),
      treatment: Treatment(dtype: dtype, compression: compression))
  }

  /// Refs that are not saved: a file has holes in their places, and a model that is restored keeps its own. One that
  /// lies inside of another Ref is saved with that.
  public static func leavingOut(_ collection: CollectionTag?) -> SavePolicy {
    SavePolicy(scope: .collection(collection), treatment: Treatment(isSaved: false))
  }

  /// Refs and plain leaves that are not saved, by the path of the whole Ref; else as ``leavingOut(_:)``.
  ///
  /// - Throws: ``RefxError`` where the pattern is none.
  public static func leavingOut(path glob: String) throws -> SavePolicy {
    SavePolicy(scope: .paths(try PathPattern(glob: glob)), treatment: Treatment(isSaved: false))
  }

  /// How messages call it.
  var name: String {
    switch scope {
    case .collection(let tag?): "the collection \(tag)"
    case .collection(nil): "no collection"
    case .paths(let pattern): pattern.text
    }
  }
}
