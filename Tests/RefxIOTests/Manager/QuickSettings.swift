import RefxIO

extension CheckpointManager.Settings {
  /// Settings of a manager that does not wait for the disk.
  static func quick(_ change: (inout CheckpointManager.Settings) -> Void = { _ in }) -> Self {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    change(&settings)
    return settings
  }
}
