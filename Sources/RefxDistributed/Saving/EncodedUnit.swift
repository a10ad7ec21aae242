import Refx
import RefxStore

/// What a rank has encoded of one unit, in memory that it keeps from round to round.
final class EncodedUnit: @unchecked Sendable {
  // Sendable: filled by one thread, and read when that is done.

  /// One for each slab of the unit; nil for one without bytes.
  private(set) var results: [SlabResult?] = []
  private let output = ByteBuffer()

  /// - Throws: ``UnitFailure`` where a leaf cannot be read, or is damaged.
  func fill(
    _ unit: Round.Unit, _ round: Round, _ leaves: [Leaf], _ plans: [Int: LeafPlan], with encoder: SlabEncoder
  ) throws {
    results.removeAll(keepingCapacity: true)
    let slabs = round.slabs[unit.slabs]
    let isRow = slabs.first.map { plans[$0.leaf] == nil } ?? true
    let room = isRow ? output.room(for: unit.byteCount) : nil
    var filled = 0
    for (number, slab) in zip(unit.slabs, slabs) {
      guard !slab.bytes.isEmpty else {
        results.append(nil)
        continue
      }
      do {
        if let plan = plans[slab.leaf] {
          results.append(try encoder.encode(slab.position, of: plan, into: output))
        } else if let room {
          let here = UnsafeMutableRawBufferPointer(rebasing: room[filled..<(filled + slab.bytes.count)])
          filled += slab.bytes.count
          results.append(try encoder.raw(leaves[slab.leaf], slab.bytes) { here })
        }
      } catch {
        throw UnitFailure(slab: number, error: error)
      }
    }
  }
}

/// What went wrong, and with which slab of the round.
struct UnitFailure: Error {
  let slab: Int
  let error: any Error
}
