import Refx

/// Which names a format cannot give a leaf, and what it calls such a leaf instead.
struct FlatNames: Sendable {
  /// The name to take in the place of another; nil where that can be had. What is given is made longer where it
  /// is another leaf's.
  ///
  /// `isTaken` says whether a leaf's path gives it that name.
  let substitute: @Sendable (_ name: Key, _ isTaken: (Key) -> Bool) -> Key?

  /// Every name but some, which the format keeps for itself; those get a `_` behind them.
  static func allBut(_ kept: Set<Key>) -> FlatNames {
    FlatNames { name, _ in kept.contains(name) ? Key(name.string + "_") : nil }
  }
}
