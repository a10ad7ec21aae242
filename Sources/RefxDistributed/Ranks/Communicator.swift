/// Ranks that work together: who one is, how many there are, and what they tell each other.
///
/// Every method but `rank` and `size` is **collective**: all ranks call it, in the same order, and none returns
/// before the others have called it. ``ThreadCommunicator`` is threads of one process; the product `RefxMPI` has
/// MPI's.
public protocol Communicator: AnyObject {
  /// From 0 to `size` - 1.
  var rank: Int { get }
  /// How many ranks there are; at least 1.
  var size: Int { get }

  /// Waits for all ranks.
  ///
  /// - Throws: ``RefxError`` where the ranks cannot talk to each other any more.
  func barrier() throws

  /// Gives the bytes of rank `root` to all.
  ///
  /// - Parameter bytes: what to give; looked at on `root` alone.
  func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8]

  /// Gives the bytes of each rank to all, by rank. Their lengths may differ.
  func gatherToAll(_ bytes: [UInt8]) throws -> [[UInt8]]

  /// Gives `outgoing[r]` to rank r.
  ///
  /// - Precondition: there are as many as ranks.
  /// - Returns: what each rank gave to this one, by rank.
  func exchange(_ outgoing: [[UInt8]]) throws -> [[UInt8]]
}
