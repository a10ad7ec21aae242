/// Lays a checkpoint's tree over the tree of a live model: compares them site by site, lists every difference,
/// and makes the tree in which the chosen leaves are the checkpoint's.
struct Graft {
  let model: LiveModel
  let file: SharedValues
  let selection: RestoreSelection
  let allowing: Leniency

  var differences: [Difference] = []
  /// What each object holds afterwards, by its number in the model.
  var contents: [Tree<Leaf>]
  /// Which Refs are chosen, by number.
  var isChosen: [Bool]
  /// Whether a plain leaf outside of every Ref and class instance is taken.
  var takesPlainLeaves = false
  /// Whether a class instance holds anything that is taken, once it is known.
  var isWanted: [Bool?]

  /// For each object of the model the entry of the file that stands for it; and the way back.
  var entryOfObject: [Int?]
  var objectOfEntry: [Int?]
  /// What the file has in the place of a Ref that stands plain there.
  var plainContent: [Int: Tree<Leaf>] = [:]

  /// First sites of Refs that a part of a checkpoint lacks: a later site may have the value.
  var absent: [(number: Int, place: Place)] = []
  /// Leaves of which only one can be kept, to be compared by their bytes once everything else fits.
  var toCompare: [Comparison] = []
  /// The model's tree with the checkpoint's leaves.
  private(set) var tree: Tree<Leaf>

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
    if selection.isPartial {
      choose(in: model.tree, at: .root())
      if selection.reachesInside { chooseInside() }
    } else {
      isChosen = model.objects.map { $0.ref != nil }
    }
    tree = lay(found, over: model.tree, at: .root(), in: Surroundings())
    for (number, place) in absent where entryOfObject[number] == nil && plainContent[number] == nil {
      let inside = Surroundings(isRefChosen: isChosen[number], isInObject: false)
      contents[number] = lay(
        nil, over: model.objects[number].content, at: inner(of: number, at: place), in: inside)
    }
  }

  /// What a site stands in.
  struct Surroundings {
    /// Whether the Ref around it is chosen; nil outside of every Ref.
    var isRefChosen: Bool?
    /// Whether a class instance, and no Ref inside it, is around it: what stands there cannot be assigned.
    var isInObject = false
  }

  /// Two leaves at a place where nothing can be assigned.
  struct Comparison {
    let mine: Leaf
    let theirs: Leaf
    let place: Place
  }
}
