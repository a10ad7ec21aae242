// The differences, and the values that must be equal where only one can be kept.

extension Graft {
  mutating func note(
    _ kind: Difference.Kind, _ place: Place, expected: String? = nil, found: String? = nil
  ) {
    differences.append(Difference(kind, place.path, expected: expected, found: found))
  }

  func name(_ path: Path) -> String { path.isRoot ? "the root" : path.text }

  /// Each chosen leaf of what the file does not have.
  mutating func noteMissing(_ own: Tree<Leaf>, at place: Place, in around: Surroundings) {
    if around.mayBeMissing || allowing.allowEverywhere(.missing) { return keep(in: around) }
    switch own {
    case .dictionary(let branches):
      for position in branches.keys.indices {
        _ = lay(
          nil, over: branches.members[position], at: place.appending(branches.keys[position]), in: around)
      }
    case .list(let members), .tuple(let members):
      for position in members.indices {
        _ = lay(nil, over: members[position], at: place.appending(position: position), in: around)
      }
    default:
      guard takes(place, around) else { break }
      let isNone = if case .none = own { true } else { false }
      if allowing.allow(.missing, at: place) || isNone && allowing.allow(.missingOptionals, at: place) {
        keep(in: around)
      } else {
        note(.missing, place, expected: DecodingNode.tree(own).summary)
      }
    }
  }

  /// The Ref around keeps something of its own.
  mutating func keep(in around: Surroundings) {
    if let ref = around.ref { isKept[ref] = true }
  }

  mutating func noteUnexpected(_ found: Tree<Leaf>, at place: Place, in around: Surroundings) {
    for (tree, place) in allowing.refused(found, at: place) {
      let isWanted =
        if let position = position(of: tree) {
          selection.chooses(place, file[position].collection, isRef: true)
        } else {
          takes(place, around) || holdsWanted(tree, at: place)
        }
      if isWanted { note(.unexpected, place, found: DecodingNode.tree(tree).summary) }
    }
  }

  /// Notes what differs in values, and in topology. Reads the payload of leaves of which only one can be kept.
  ///
  /// - Throws: the error of a payload that cannot be read, where nothing differs.
  mutating func compareValues() throws {
    var unreadable: RefxError?
    for pair in toCompare {
      do {
        if try pair.mine.holdsSameBytes(as: pair.theirs) { continue }
      } catch {
        unreadable = unreadable ?? (error as? RefxError)?.atPath(pair.place.path)
        continue
      }
      note(
        .value, pair.place, expected: "the value that is there: nothing here can be assigned",
        found: "another \(pair.theirs.summary)")
    }
    let other = compareTopology()
    if differences.isEmpty, let error = unreadable ?? other { throw error }
  }
}
