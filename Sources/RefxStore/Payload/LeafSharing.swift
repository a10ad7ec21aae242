/// Processes that look through the payload of a checkpoint together: each reads some leaves, and all learn what was
/// found in every one.
package protocol LeafSharing: AnyObject {
  /// Collective: every process calls it with the same costs.
  ///
  /// - Parameters:
  ///   - costs: the bytes to read of each leaf.
  ///   - find: looks into the leaves at some positions, in ascending order, and gives what it found in each.
  /// - Returns: what was found in each leaf.
  /// - Throws: ``RefxError`` on all, where `find` throws on any.
  func share(_ costs: [Int], _ find: (_ positions: [Int]) throws -> [[UInt8]]) throws -> [[UInt8]]
}
