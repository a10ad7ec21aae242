/// Checkpoints of models and of trees: saving, loading, opening, restoring.
///
/// ```swift
/// try Checkpoint.save(model, to: "run7.refx")                     // .refx, .h5 or .safetensors by suffix
/// let model = try Checkpoint.load(Model.self, from: "run7.refx")  // ties are ties again
/// try Checkpoint.restore(&model, from: "run7.refx", select: .collection("params"))
/// let file = try Checkpoint.open("run7.refx")                     // a lazy tree, no payload read
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
