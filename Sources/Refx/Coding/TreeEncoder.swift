/// Turns a Codable model with ``Ref`` properties into a dereffed tree, sharing kept.
///
/// - Structs, classes and enums become dictionaries as their Codable says; arrays become lists; dictionaries
///   with string or number keys become dictionaries, numbers in decimal; sets become lists in order.
/// - Tensors, arrays of native elements (`[Float]`, `[Int32]`, …) and whatever is ``TensorRepresentable`` are
///   leaves, taken whole. Numbers and booleans are leaves with the empty shape, of their own dtype.
/// - Strings and ``Static`` are static values. Nil is a `none`.
/// - A ``Ref``, and a class instance met at several sites, has its value at the first site and its index at
///   the others. First means first in the order of the finished tree: depth first, dictionary keys by code
///   point. Cycles close where they pass through a Ref.
public struct TreeEncoder: Sendable {
  /// An encoder; it has no options and can be used any number of times.
  public init() {}

  /// The model as a dereffed tree. Tensors share their bytes with it (see ``TensorRepresentable/snapshot()``).
  ///
  /// Takes about a microsecond a site, and reads no payload.
  ///
  /// - Throws: ``RefxError`` where the model is too deep, has a cycle without a Ref, or holds something
  ///   without a stable order; and what the model's own `encode(to:)` throws.
  public func encode<Model: Encodable>(_ model: Model) throws -> Tree<Leaf> {
    let session = EncodingSession()
    let piece = try session.piece(of: model, at: .root())
    var finisher = TreeFinisher()
    return try finisher.tree(of: piece)
  }
}
