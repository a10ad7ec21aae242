// Which sites of the model are taken from the checkpoint.

extension Graft {
  /// Finds the chosen Refs: each site of a Ref counts.
  mutating func choose(in tree: Tree<Leaf>, at place: Place) {
    switch tree {
    case .dictionary(let branches):
      for position in branches.keys.indices {
        choose(in: branches.members[position], at: place.appending(branches.keys[position]))
      }
    case .list(let members), .tuple(let members):
      for position in members.indices {
        choose(in: members[position], at: place.appending(position: position))
      }
    case .value(let value):
      mark(value.index, at: place)
      choose(in: value.value, at: inner(of: value.index, at: place))
    case .index(let index): mark(index.index, at: place)
    default: break
    }
  }

  private mutating func mark(_ number: Int, at place: Place) {
    guard let ref = model.objects[number].ref, !isChosen[number] else { return }
    isChosen[number] = selection.chooses(place, ref.collection, true)
  }

  /// Chooses the Refs inside chosen Refs, through class instances too; by whichever site a Ref was chosen.
  mutating func chooseInside() {
    var isKnown = isChosen
    var open = isChosen.indices.filter { isChosen[$0] }
    while let number = open.popLast() {
      if model.objects[number].ref != nil { isChosen[number] = true }
      model.objects[number].content.forEachOuterReference { inside in
        if !isKnown[inside] { open.append(inside) }
        isKnown[inside] = true
      }
    }
  }

  /// Whether a plain site is taken from the file.
  func takes(_ place: Place, _ around: Surroundings) -> Bool {
    around.isRefChosen ?? selection.chooses(place, nil, false)
  }

  /// Whether anything at or below a site of the model is taken from the file.
  mutating func takesAny(_ own: Tree<Leaf>, _ place: Place, _ around: Surroundings) -> Bool {
    switch own {
    case .dictionary(let branches) where branches.count > 0:
      for position in branches.keys.indices
      where takesAny(branches.members[position], place.appending(branches.keys[position]), around) {
        return true
      }
      return false
    case .list(let members) where !members.isEmpty, .tuple(let members) where !members.isEmpty:
      for position in members.indices
      where takesAny(members[position], place.appending(position: position), around) {
        return true
      }
      return false
    case .value(let value): return matters(value.index, place, objectSurroundings(around))
    case .index(let index): return matters(index.index, place, objectSurroundings(around))
    default: return takes(place, around)
    }
  }

  func objectSurroundings(_ around: Surroundings) -> Surroundings {
    Surroundings(isRefChosen: around.isRefChosen, isInObject: true)
  }

  /// Whether anything in an object is taken from the file.
  mutating func matters(_ number: Int, _ place: Place, _ inside: Surroundings) -> Bool {
    if model.objects[number].ref != nil { return isChosen[number] }
    if let known = isWanted[number] { return known }
    isWanted[number] = false
    let answer = takesAny(model.objects[number].content, place, inside)
    isWanted[number] = answer
    return answer
  }

  /// Whether a tree of the file holds a site that the selection would choose.
  func holdsWanted(_ found: Tree<Leaf>, at place: Place) -> Bool {
    switch found {
    case .dictionary(let branches):
      branches.keys.indices.contains {
        holdsWanted(branches.members[$0], at: place.appending(branches.keys[$0]))
      }
    case .list(let members), .tuple(let members):
      members.indices.contains { holdsWanted(members[$0], at: place.appending(position: $0)) }
    case .value(let value): selection.chooses(place, value.collection, true)
    case .index(let index): selection.chooses(place, index.collection, true)
    default: selection.chooses(place, nil, false)
    }
  }
}

extension Tree {
  /// Calls `body` with the number of each Ref that stands here and in no Ref besides.
  fileprivate func forEachOuterReference(_ body: (Int) -> Void) {
    switch self {
    case .value(let value): body(value.index)
    case .index(let index): body(index.index)
    case .dictionary(let branches): for member in branches.members { member.forEachOuterReference(body) }
    case .list(let members), .tuple(let members):
      for member in members { member.forEachOuterReference(body) }
    default: break
    }
  }
}
