// Refs and class instances of the model, beside the shared values of the checkpoint.

extension Graft {
  mutating func layObject(
    _ found: Tree<Leaf>?, _ number: Int, at place: Place, in around: Surroundings, isFirst: Bool
  ) {
    let entry = model.objects[number]
    var inside = around
    if entry.ref != nil {
      inside = Surroundings(isRefChosen: isChosen[number], isInObject: false)
    } else {
      inside.isInObject = true
    }
    let matters = matters(number, place, inside)
    let innerPlace = inner(of: number, at: place)
    guard let found else {
      if entry.ref != nil, selection.isPartial {
        if isFirst { absent.append((number, place)) }
      } else if isFirst {
        contents[number] = lay(nil, over: entry.content, at: innerPlace, in: inside)
      } else if matters, !allowing.contains(.missing) {
        note(.missing, place, expected: "the value of \(name(entry.firstPath))")
      }
      return
    }
    guard let position = position(of: found) else {
      layPlain(found, over: number, at: place, in: inside, isFirst: isFirst, matters: matters)
      return
    }
    let isNewInModel = entryOfObject[number] == nil
    if isNewInModel, objectOfEntry[position] == nil, isFirst || plainContent[number] == nil {
      entryOfObject[number] = position
      objectOfEntry[position] = number
      compareCollections(number, position, at: place, matters: matters)
      contents[number] = lay(file[position].content, over: entry.content, at: innerPlace, in: inside)
    } else if entryOfObject[number] != position, matters {
      let tie = objectOfEntry[position].map { "the value of \(name(model.objects[$0].firstPath))" }
      let own = isNewInModel ? "a value of its own" : "the value of \(name(entry.firstPath))"
      note(.topology, place, expected: own, found: tie ?? "a value of its own")
    }
  }

  /// An object of the model that is a plain value in the file: a Ref is a difference, a class instance with one
  /// site is what it should be.
  mutating func layPlain(
    _ found: Tree<Leaf>, over number: Int, at place: Place, in inside: Surroundings, isFirst: Bool,
    matters: Bool
  ) {
    let entry = model.objects[number]
    let innerPlace = inner(of: number, at: place)
    if entry.isShared, matters, !allowing.contains(.plainForRef) {
      note(
        .topology, place, expected: isFirst ? "a Ref" : "the value of \(name(entry.firstPath))",
        found: "a value that is not shared")
    }
    if isFirst {
      plainContent[number] = found
      contents[number] = lay(found, over: entry.content, at: innerPlace, in: inside)
    } else if matters, allowing.contains(.plainForRef), let first = plainContent[number] {
      // One Ref cannot take two values.
      if case .leaf(let one) = first, case .leaf(let other) = found {
        toCompare.append(Comparison(mine: one, theirs: other, place: place))
      } else {
        note(.topology, place, expected: "the value of \(name(entry.firstPath))", found: "a value of its own")
      }
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
    guard matters, mine != theirs, !allowing.contains(.collection) else { return }
    note(
      .collection, place, expected: mine.map { "\($0)" } ?? "none", found: theirs.map { "\($0)" } ?? "none")
  }

  func position(of tree: Tree<Leaf>) -> Int? {
    switch tree {
    case .value(let value): file.position(of: value.index)
    case .index(let index): file.position(of: index.index)
    default: nil
    }
  }

  /// What a shared value of the file holds in the end; nil where Refs hold each other and nothing else.
  func resolved(_ tree: Tree<Leaf>) -> Tree<Leaf>? {
    var content = tree
    for _ in 0...file.entries.count {
      guard let position = position(of: content) else { return content }
      content = file[position].content
    }
    return nil
  }
}
