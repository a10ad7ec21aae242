// Refs and class instances of the model, beside the shared values of the checkpoint.

extension Graft {
  mutating func layObject(
    _ found: Tree<Leaf>?, _ number: Int, at place: Place, in around: Surroundings, isFirst: Bool
  ) {
    let entry = model.objects[number]
    var inside = around
    if entry.ref != nil {
      inside = Surroundings(isRefChosen: isChosen[number], ref: number)
    } else {
      inside.isInObject = true
    }
    let matters = matters(number, place, inside)
    let innerPlace = inner(of: number, at: place)
    guard let found else {
      if entry.ref != nil, selection.isPartial {
        if isFirst { absent.append((number, place, around.mayBeMissing)) }
      } else if isFirst {
        if entry.ref != nil {
          inside.mayBeMissing = around.mayBeMissing || allowing.allow(.missing, at: place)
        }
        contents[number] = lay(nil, over: entry.content, at: innerPlace, in: inside)
      } else if matters, !around.mayBeMissing, !allowing.allow(.missing, at: place) {
        note(.missing, place, expected: "the value of \(name(entry.firstPath))")
      }
      return
    }
    guard let position = position(of: found) else {
      layPlain(found, over: number, at: place, in: inside, isFirst: isFirst, matters: matters)
      return
    }
    let pair = Meeting.Pair(number: number, position: position)
    meetings.append(Meeting(pair: pair, place: place))
    if let first = objectOfEntry[position], first != number { meetsTwice = true }
    if objectOfEntry[position] == nil { objectOfEntry[position] = number }
    if !isLaid(number) {
      entryOfObject[number] = position
      compareCollections(number, position, at: place, matters: matters)
      contents[number] = lay(file[position].content, over: entry.content, at: innerPlace, in: inside)
    } else if entryOfObject[number] == nil {
      if matters { plainMeetings.append((number, found, place)) }
    } else if entryOfObject[number] != position, furtherMeetings.insert(pair).inserted {
      meetsTwice = true
      compareCollections(number, position, at: place, matters: matters)
    }
  }

  /// An object of the model that is a plain value in the file: a Ref is a difference, a class instance with one
  /// site is what it should be.
  mutating func layPlain(
    _ found: Tree<Leaf>, over number: Int, at place: Place, in inside: Surroundings, isFirst: Bool,
    matters: Bool
  ) {
    let entry = model.objects[number]
    if entry.isShared, matters, !allowing.allow(.plainForRef, at: place) {
      note(
        .topology, place, expected: isFirst ? "a Ref" : "the value of \(name(entry.firstPath))",
        found: "a value that is not shared")
    } else if entry.isShared, matters, isLaid(number) {
      // One Ref cannot take two values.
      plainMeetings.append((number, found, place))
    }
    if !isLaid(number) {
      plainContent[number] = found
      contents[number] = lay(found, over: entry.content, at: inner(of: number, at: place), in: inside)
    }
  }

  /// Where the content of an object stands: at "0" where that is a shared value in turn.
  func inner(of number: Int, at place: Place) -> Place {
    let inside: Int? =
      switch model.objects[number].content {
      case .value(let value): value.index
      case .index(let index): index.index
      default: nil
      }
    return inside.map { model.objects[$0].isShared } ?? false ? place.appending("0") : place
  }

  mutating func compareCollections(_ number: Int, _ position: Int, at place: Place, matters: Bool) {
    let mine = model.objects[number].ref?.collection
    let theirs = file[position].collection
    guard matters, mine != theirs, !allowing.allow(.collection, at: place) else { return }
    note(
      .collection, place, expected: mine.map { "\($0)" } ?? "none", found: theirs.map { "\($0)" } ?? "none")
  }

  func position(of tree: Tree<Leaf>) -> Int? { file.position(of: tree) }
}
