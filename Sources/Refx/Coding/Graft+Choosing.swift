// Which sites of the model are taken from the checkpoint.

extension Graft {
  /// Finds the chosen Refs: each site of a Ref counts. Plain sites are looked at only to know which parts of the
  /// selection choose nothing.
  mutating func choose(in tree: Tree<Leaf>, at place: Place, isInRef: Bool) {
    switch tree {
    case .dictionary(let branches) where branches.count > 0:
      for position in branches.keys.indices {
        choose(in: branches.members[position], at: place.appending(branches.keys[position]), isInRef: isInRef)
      }
    case .list(let members) where !members.isEmpty, .tuple(let members) where !members.isEmpty:
      for position in members.indices {
        choose(in: members[position], at: place.appending(position: position), isInRef: isInRef)
      }
    case .value(let value):
      mark(value.index, at: place)
      choose(
        in: value.value, at: inner(of: value.index, at: place),
        isInRef: isInRef || model.objects[value.index].ref != nil)
    case .index(let index): mark(index.index, at: place)
    default: if !isInRef, !selection.haveAllChosen { _ = selection.choose(place, nil, isRef: false) }
    }
  }

  private mutating func mark(_ number: Int, at place: Place) {
    guard let ref = model.objects[number].ref else { return }
    if isChosen[number], bringsInside[number], selection.haveAllChosen { return }
    let choice = selection.choose(place, ref.collection, isRef: true)
    if choice.isChosen { isChosen[number] = true }
    if choice.bringsInside { bringsInside[number] = true }
  }

  /// Chooses the Refs inside those that bring them, through class instances too; by whichever site.
  mutating func chooseInside() {
    var isKnown = bringsInside
    var open = bringsInside.indices.filter { bringsInside[$0] }
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
    around.isRefChosen ?? selection.chooses(place, nil, isRef: false)
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
    Surroundings(isRefChosen: around.isRefChosen, ref: around.ref, isInObject: true)
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
    case .value(let value): selection.chooses(place, value.collection, isRef: true)
    case .index(let index): selection.chooses(place, index.collection, isRef: true)
    default: selection.chooses(place, nil, isRef: false)
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
