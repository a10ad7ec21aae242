// What stands at one site of the model, beside what stands there in the checkpoint.

extension Graft {
  mutating func lay(
    _ found: Tree<Leaf>?, over own: Tree<Leaf>, at place: Place, in around: Surroundings
  ) -> Tree<Leaf> {
    // What is in another part is missing here.
    if case .hole? = found { return lay(nil, over: own, at: place, in: around) }
    switch own {
    case .value(let value):
      layObject(found, value.index, at: place, in: around, isFirst: true)
      return .index(Index(value.index, collection: value.collection))
    case .index(let index):
      layObject(found, index.index, at: place, in: around, isFirst: false)
      return own
    default: break
    }
    guard let found else {
      noteMissing(own, at: place, in: around)
      return own
    }
    if found.isReference {
      if takesAny(own, place, around), !allowing.allow(.refForPlain, at: place) {
        note(.topology, place, expected: "a plain value", found: "a Ref")
      }
      guard let content = file.plain(found) else { return own }
      return lay(content, over: own, at: place, in: around)
    }
    switch (own, found) {
    case (.leaf(let mine), .leaf(let theirs)): return layLeaf(theirs, over: mine, at: place, in: around)
    case (.static(let mine), .static(let theirs)):
      if takes(place, around), mine != theirs {
        note(.static, place, expected: "\(mine)", found: "\(theirs)")
      }
      return own
    case (.none, .none): return own
    case (.dictionary(let mine), .dictionary(let theirs)):
      return layMembers(theirs, over: mine, at: place, in: around)
    case (.list(let mine), .list(let theirs)), (.list(let mine), .tuple(let theirs)):
      return .list(layMembers(theirs, over: mine, at: place, in: around))
    case (.tuple(let mine), .tuple(let theirs)):
      return .tuple(layMembers(theirs, over: mine, at: place, in: around))
    default:
      if takesAny(own, place, around) {
        note(
          .structure, place, expected: DecodingNode.tree(own).summary, found: DecodingNode.tree(found).summary
        )
      }
      return own
    }
  }

  mutating func layLeaf(
    _ theirs: Leaf, over mine: Leaf, at place: Place, in around: Surroundings
  ) -> Tree<Leaf> {
    guard takes(place, around) else { return .leaf(mine) }
    if theirs.dtype != mine.dtype {
      note(.dtype, place, expected: "\(mine.dtype)", found: "\(theirs.dtype)")
    }
    if theirs.shape != mine.shape {
      if allowing.allow(.shape, at: place) {
        keep(in: around)
      } else {
        note(.shape, place, expected: "\(mine.shape)", found: "\(theirs.shape)")
      }
    }
    guard theirs.dtype == mine.dtype, theirs.shape == mine.shape else { return .leaf(mine) }
    if around.isInObject {
      toCompare.append(Comparison(mine: mine, theirs: theirs, place: place))
      return .leaf(mine)
    }
    if around.isRefChosen == nil { takesPlainLeaves = true }
    return .leaf(theirs)
  }

  mutating func layMembers(
    _ theirs: Branches<Leaf>, over mine: Branches<Leaf>, at place: Place, in around: Surroundings
  ) -> Tree<Leaf> {
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(mine.count)
    for position in mine.keys.indices {
      let key = mine.keys[position]
      members.append(lay(theirs[key], over: mine.members[position], at: place.appending(key), in: around))
    }
    for position in theirs.keys.indices where mine.position(of: theirs.keys[position]) == nil {
      noteUnexpected(theirs.members[position], at: place.appending(theirs.keys[position]), in: around)
    }
    return .dictionary(Branches(ascending: mine.keys, members: members))
  }

  mutating func layMembers(
    _ theirs: [Tree<Leaf>], over mine: [Tree<Leaf>], at place: Place, in around: Surroundings
  ) -> [Tree<Leaf>] {
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(mine.count)
    for position in mine.indices {
      let other = position < theirs.count ? theirs[position] : nil
      members.append(lay(other, over: mine[position], at: place.appending(position: position), in: around))
    }
    for position in theirs.indices.dropFirst(mine.count) {
      noteUnexpected(theirs[position], at: place.appending(position: position), in: around)
    }
    return members
  }
}
