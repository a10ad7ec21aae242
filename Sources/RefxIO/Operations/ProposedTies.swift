import Refx
import RefxStore

extension CheckpointContents {
  /// The contents with ties that their file proposed: each dropped name is a further site of the value under the
  /// kept one, which becomes a shared value without a collection where it was none. The texts that said so leave
  /// the metadata, since the tree says it now. Reads no payload.
  ///
  /// A tie of a value that is no longer there is passed over.
  ///
  /// - Throws: ``RefxError`` where something stands at a dropped name.
  public func tying(_ ties: [ProposedTie]) throws -> CheckpointContents {
    guard !ties.isEmpty, case .dictionary(let branches) = tree else { return self }
    var members = Dictionary(zip(branches.keys, branches.members)) { first, _ in first }
    var next = (try ValueTable(of: tree).indexes.max() ?? -1) + 1
    var said: [Key: Key] = [:]
    for tie in ties {
      guard tie.kept.keys.count == 1, tie.dropped.keys.count == 1, let value = members[tie.kept.keys[0]]
      else {
        continue
      }
      let kept = tie.kept.keys[0]
      let dropped = tie.dropped.keys[0]
      guard members[dropped] == nil else { throw RefxError.proposedTieIsTaken(tie.dropped, kept: tie.kept) }
      let index: Index
      switch value {
      case .value(let value): index = Index(value.index, collection: value.collection)
      case .index(let other): index = other
      default:
        index = Index(next)
        members[kept] = .value(Value(value, index: next))
        next += 1
      }
      members[dropped] = .index(index)
      said[dropped] = kept
    }
    var contents = self
    contents.tree = try Tree.dictionary(members.map { ($0.key, $0.value) }).reindexed()
    contents.metadata = JSONObject(
      metadata.members.filter { member in
        guard let kept = said[member.name], case .string(let text) = member.value else { return true }
        return Key(text) != kept
      })
    return contents
  }
}
