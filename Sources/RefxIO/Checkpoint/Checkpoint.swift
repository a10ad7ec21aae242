/// Checkpoints of models and of trees: saving, loading, opening, restoring.
///
/// ```swift
/// struct Model: Codable {
///   @RefField(collection: "params") var embedding = Tensor([1, 2] as [Float])
///   @RefField(collection: "params") var head = Tensor([0, 0] as [Float])
/// }
/// var model = Model()
/// model.$head = model.$embedding  // one Ref, two names
///
/// try Checkpoint.save(model, to: "run7.refx")  // .refx, .h5 or .safetensors by suffix
/// let loaded = try Checkpoint.load(Model.self, from: "run7.refx")
/// assert(loaded.$head === loaded.$embedding)  // ties are ties again
///
/// try Checkpoint.restore(&model, from: "run7.refx", select: .collection("params"))
/// let leaves = try Checkpoint.open("run7.refx").contents.tree.leaves()  // lazy: no payload is read
/// assert(leaves.count == 1)
/// ```
public enum Checkpoint {
  /// When a save returns.
  public enum Durability: Sendable {
    /// When the content and its name are on the disk: a power cut afterwards loses nothing.
    case full
    /// When the system has the content. The file is still replaced as a whole.
    case none
  }
}
