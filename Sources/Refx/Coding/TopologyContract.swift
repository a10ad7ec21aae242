/// What a restore does where the checkpoint ties other sites than the model: sites where one Ref stands.
///
/// The model's own Refs stay as they are, whatever the contract: a restore never ties or unties a model.
///
/// ```swift
/// struct Model: Codable {
///   @RefField var embedding: [Float] = [1, 2]
///   @RefField var head: [Float] = [0, 0]
/// }
/// var tied = Model()
/// tied.$head = tied.$embedding
/// try Checkpoint.save(tied, to: "tied.refx")
///
/// var model = Model()
/// try Checkpoint.restore(&model, from: "tied.refx", topology: .acceptTies)
/// assert(model.head == [1, 2] && model.$head !== model.$embedding)
/// ```
public struct TopologyContract: OptionSet, Hashable, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The same sites are tied here and there. The default.
  public static let exact: TopologyContract = []
  /// The checkpoint may tie what the model holds apart: each of the model's Refs takes the value.
  public static let acceptTies = TopologyContract(rawValue: 1 << 0)
  /// The checkpoint may hold apart what the model ties, where the values concerned are equal byte for byte. Where
  /// they differ one of them would be lost, so that is refused always. They are read to be compared.
  public static let acceptUnties = TopologyContract(rawValue: 1 << 1)
}
