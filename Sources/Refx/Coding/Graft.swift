/// Lays a checkpoint's tree over the tree of a live model: compares them site by site, lists every difference,
/// and makes the tree in which the chosen leaves are the checkpoint's.
struct Graft {
  private let model: LiveModel
  private let file: SharedValues
  private let selection: RestoreSelection
  private let allowing: Leniency

  private(set) var differences: [Difference] = []
  /// What each object holds afterwards, by its number in the model.
  private(set) var contents: [Tree<Leaf>]
  /// Which Refs are chosen, by number.
  private(set) var isChosen: [Bool]
  /// Whether a plain leaf outside of every Ref and class instance is taken.
  private(set) var takesPlainLeaves = false
  /// Whether a class instance holds anything that is taken, once it is known.
  private var isWanted: [Bool?]

  /// For each object of the model the entry of the file that stands for it; and the way back.
  private var entryOfObject: [Int?]
  private var objectOfEntry: [Int?]
  /// What the file has in the place of a Ref that stands plain there.
  private var plainContent: [Int: Tree<Leaf>] = [:]

  init(_ found: Tree<Leaf>, onto model: LiveModel, selection: RestoreSelection, allowing: Leniency) throws {
    self.model = model
    self.selection = selection
    self.allowing = allowing
    file = try SharedValues(of: found)
    contents = model.objects.map(\.content)
    isChosen = Array(repeating: false, count: model.objects.count)
    entryOfObject = Array(repeating: nil, count: model.objects.count)
    objectOfEntry = Array(repeating: nil, count: file.entries.count)
    isWanted = Array(repeating: nil, count: model.objects.count)
    tree = .none
    choose(in: model.tree, at: .root(), isInside: false)
    tree = lay(found, over: model.tree, at: .root(), in: Surroundings())
    for (number, place) in absent where entryOfObject[number] == nil && plainContent[number] == nil {
      let inside = Surroundings(isRefChosen: isChosen[number], isInObject: false)
      contents[number] = lay(
        nil, over: model.objects[number].content, at: inner(of: number, at: place), in: inside)
    }
  }

  /// First sites of Refs that a part of a checkpoint lacks: a later site may have the value.
  private var absent: [(number: Int, place: Place)] = []

  /// The model's tree with the checkpoint's leaves.
  private(set) var tree: Tree<Leaf>

  /// What a site stands in.
  private struct Surroundings {
    /// Whether the Ref around it is chosen; nil outside of every Ref.
    var isRefChosen: Bool?
    /// Whether a class instance, and no Ref inside it, is around it: what stands there cannot be assigned.
    var isInObject = false
  }

  // MARK: Choosing

  /// Finds the chosen Refs: each site of a Ref counts.
  private mutating func choose(in tree: Tree<Leaf>, at place: Place, isInside: Bool) {
    switch tree {
    case .dictionary(let branches):
      for position in branches.keys.indices {
        choose(
          in: branches.members[position], at: place.appending(branches.keys[position]), isInside: isInside)
      }
    case .list(let members), .tuple(let members):
      for position in members.indices {
        choose(in: members[position], at: place.appending(Key(position)), isInside: isInside)
      }
    case .value(let value):
      mark(value.index, at: place, isInside: isInside)
      let isRef = model.objects[value.index].ref != nil
      choose(
        in: value.value, at: inner(of: value.index, at: place),
        isInside: isInside || isRef && isChosen[value.index])
    case .index(let index): mark(index.index, at: place, isInside: isInside)
    default: break
    }
  }

  private mutating func mark(_ number: Int, at place: Place, isInside: Bool) {
    guard let ref = model.objects[number].ref, !isChosen[number] else { return }
    isChosen[number] =
      isInside && selection.reachesInside || selection.chooses(place.path, ref.collection, true)
  }

  /// Whether a plain site is taken from the file.
  private func takes(_ place: Place, _ around: Surroundings) -> Bool {
    around.isRefChosen ?? selection.chooses(place.path, nil, false)
  }

  // MARK: Laying

  private mutating func lay(
    _ found: Tree<Leaf>?, over own: Tree<Leaf>, at place: Place, in around: Surroundings
  ) -> Tree<Leaf> {
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
      if takesAny(own, place, around), !allowing.contains(.refForPlain) {
        note(.topology, place, expected: "a plain value", found: "a Ref")
      }
      guard let content = resolved(found) else { return own }
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

  private mutating func layLeaf(
    _ theirs: Leaf, over mine: Leaf, at place: Place, in around: Surroundings
  ) -> Tree<Leaf> {
    guard takes(place, around) else { return .leaf(mine) }
    if theirs.dtype != mine.dtype {
      note(.dtype, place, expected: "\(mine.dtype)", found: "\(theirs.dtype)")
    }
    if theirs.shape != mine.shape {
      note(.shape, place, expected: "\(mine.shape)", found: "\(theirs.shape)")
    }
    guard theirs.dtype == mine.dtype, theirs.shape == mine.shape else { return .leaf(mine) }
    if around.isInObject {
      toCompare.append(Comparison(mine: mine, theirs: theirs, place: place))
      return .leaf(mine)
    }
    if around.isRefChosen == nil { takesPlainLeaves = true }
    return .leaf(theirs)
  }

  private mutating func layMembers(
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

  private mutating func layMembers(
    _ theirs: [Tree<Leaf>], over mine: [Tree<Leaf>], at place: Place, in around: Surroundings
  ) -> [Tree<Leaf>] {
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(mine.count)
    for position in mine.indices {
      let other = position < theirs.count ? theirs[position] : nil
      members.append(lay(other, over: mine[position], at: place.appending(Key(position)), in: around))
    }
    for position in theirs.indices.dropFirst(mine.count) {
      noteUnexpected(theirs[position], at: place.appending(Key(position)), in: around)
    }
    return members
  }

  // MARK: Objects

  private mutating func layObject(
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
  private mutating func layPlain(
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
  private func inner(of number: Int, at place: Place) -> Place {
    let inside: Int? =
      switch model.objects[number].content {
      case .value(let value): value.index
      case .index(let index): index.index
      default: nil
      }
    return inside.map { model.objects[$0].isShared } ?? false ? place.appending("0") : place
  }

  /// Whether anything in an object is taken from the file.
  private mutating func matters(_ number: Int, _ place: Place, _ inside: Surroundings) -> Bool {
    if model.objects[number].ref != nil { return isChosen[number] }
    if let known = isWanted[number] { return known }
    isWanted[number] = false
    let answer = takesAny(model.objects[number].content, place, inside)
    isWanted[number] = answer
    return answer
  }

  private mutating func compareCollections(_ number: Int, _ position: Int, at place: Place, matters: Bool) {
    let mine = model.objects[number].ref?.collection
    let theirs = file[position].collection
    guard matters, mine != theirs, !allowing.contains(.collection) else { return }
    note(
      .collection, place, expected: mine.map { "\($0)" } ?? "none", found: theirs.map { "\($0)" } ?? "none")
  }

  private func position(of tree: Tree<Leaf>) -> Int? {
    switch tree {
    case .value(let value): file.position(of: value.index)
    case .index(let index): file.position(of: index.index)
    default: nil
    }
  }

  /// What a shared value of the file holds in the end; nil where Refs hold each other and nothing else.
  private func resolved(_ tree: Tree<Leaf>) -> Tree<Leaf>? {
    var content = tree
    for _ in 0...file.entries.count {
      guard let position = position(of: content) else { return content }
      content = file[position].content
    }
    return nil
  }

  // MARK: Values that must be equal

  /// Two leaves of which only one can be kept.
  struct Comparison {
    let mine: Leaf
    let theirs: Leaf
    let place: Place
  }

  /// To be compared by their bytes once everything else fits.
  private(set) var toCompare: [Comparison] = []

  /// Notes each pair that differs. Reads their payload.
  mutating func compareValues() throws {
    for pair in toCompare {
      do {
        if try pair.mine.tensor() == pair.theirs.tensor() { continue }
      } catch let error as RefxError {
        throw error.atPath(pair.place.path)
      }
      note(
        .value, pair.place, expected: "the value that is there: nothing here can be assigned",
        found: "another \(pair.theirs.summary)")
    }
  }

  // MARK: Noting

  private mutating func note(
    _ kind: Difference.Kind, _ place: Place, expected: String? = nil, found: String? = nil
  ) {
    differences.append(Difference(kind, place.path, expected: expected, found: found))
  }

  private func name(_ path: Path) -> String { path.isRoot ? "the root" : path.text }

  /// Each chosen leaf of what the file does not have.
  private mutating func noteMissing(_ own: Tree<Leaf>, at place: Place, in around: Surroundings) {
    if allowing.contains(.missing) { return }
    switch own {
    case .dictionary(let branches):
      for position in branches.keys.indices {
        _ = lay(
          nil, over: branches.members[position], at: place.appending(branches.keys[position]), in: around)
      }
    case .list(let members), .tuple(let members):
      for position in members.indices {
        _ = lay(nil, over: members[position], at: place.appending(Key(position)), in: around)
      }
    case .none:
      if takes(place, around), !allowing.contains(.missingOptionals) {
        note(.missing, place, expected: "none")
      }
    default:
      if takes(place, around) { note(.missing, place, expected: DecodingNode.tree(own).summary) }
    }
  }

  private mutating func noteUnexpected(_ found: Tree<Leaf>, at place: Place, in around: Surroundings) {
    if allowing.contains(.unexpected) { return }
    let isWanted =
      if let position = position(of: found) {
        selection.chooses(place.path, file[position].collection, true)
      } else {
        takes(place, around) || holdsWanted(found, at: place)
      }
    if isWanted { note(.unexpected, place, found: DecodingNode.tree(found).summary) }
  }

  /// Whether a tree of the file holds a site that the selection would choose.
  private func holdsWanted(_ found: Tree<Leaf>, at place: Place) -> Bool {
    switch found {
    case .dictionary(let branches):
      branches.keys.indices.contains {
        holdsWanted(branches.members[$0], at: place.appending(branches.keys[$0]))
      }
    case .list(let members), .tuple(let members):
      members.indices.contains { holdsWanted(members[$0], at: place.appending(Key($0))) }
    case .value(let value): selection.chooses(place.path, value.collection, true)
    case .index(let index): selection.chooses(place.path, index.collection, true)
    default: selection.chooses(place.path, nil, false)
    }
  }

  /// Whether anything at or below a site of the model is taken from the file.
  private mutating func takesAny(_ own: Tree<Leaf>, _ place: Place, _ around: Surroundings) -> Bool {
    switch own {
    case .dictionary(let branches) where branches.count > 0:
      for position in branches.keys.indices
      where takesAny(branches.members[position], place.appending(branches.keys[position]), around) {
        return true
      }
      return false
    case .list(let members) where !members.isEmpty, .tuple(let members) where !members.isEmpty:
      for position in members.indices
      where takesAny(members[position], place.appending(Key(position)), around) {
        return true
      }
      return false
    case .value(let value): return matters(value.index, place, objectSurroundings(around))
    case .index(let index): return matters(index.index, place, objectSurroundings(around))
    default: return takes(place, around)
    }
  }

  private func objectSurroundings(_ around: Surroundings) -> Surroundings {
    Surroundings(isRefChosen: around.isRefChosen, isInObject: true)
  }
}
