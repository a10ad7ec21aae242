/// Lays a checkpoint's tree over the tree of a live model: compares them site by site, lists every difference,
/// and makes the tree in which the chosen leaves are the checkpoint's.
struct Graft {
  let model: LiveModel
  let file: SharedValues
  let terms: RestoreTerms
  let selection: Chooser
  let allowing: Allowances

  var differences: [Difference] = []
  /// What each object holds afterwards, by its number in the model.
  var contents: [Tree<Leaf>]
  /// Which Refs are chosen, by number.
  var isChosen: [Bool]
  /// Which chosen Refs bring the Refs inside them.
  var bringsInside: [Bool]
  /// Whether a plain leaf outside of every Ref and class instance is taken.
  var takesPlainLeaves = false
  /// Whether a class instance holds anything that is taken, once it is known.
  var isWanted: [Bool?]

  /// For each object of the model the entry of the file that it takes; and the object that took an entry first.
  var entryOfObject: [Int?]
  var objectOfEntry: [Int?]
  /// What the file has in the place of a Ref that stands plain there.
  var plainContent: [Int: Tree<Leaf>] = [:]
  /// Where objects of the model and shared values of the file meet, in the order of the model's sites.
  var meetings: [Meeting] = []
  /// Whether some object meets a second entry, or some entry a second object.
  var meetsTwice = false
  /// The meetings of objects with entries that they do not take.
  var furtherMeetings: Set<Meeting.Pair> = []
  /// Plain values of the file at further sites of Refs, which must agree with what the Refs take.
  var plainMeetings: [(number: Int, found: Tree<Leaf>, place: Place)] = []
  /// What must be the same in the file, since one Ref stands for it.
  var equality: Equality
  /// Refs that keep something of their own where the checkpoint should have given it.
  var isKept: [Bool]

  /// First sites of Refs that a part of a checkpoint lacks: a later site may have the value.
  var absent: [(number: Int, place: Place, mayBeMissing: Bool)] = []
  /// Leaves of which only one can be kept, to be compared by their bytes once everything else fits.
  var toCompare: [Comparison] = []
  /// The model's tree with the checkpoint's leaves.
  private(set) var tree: Tree<Leaf>

  init(_ found: Tree<Leaf>, onto model: LiveModel, _ terms: RestoreTerms) throws {
    self.model = model
    self.terms = terms
    selection = Chooser(terms.selection)
    allowing = Allowances(terms.allowing)
    let file = try SharedValues(of: found)
    self.file = file
    equality = Equality(of: file)
    contents = model.objects.map(\.content)
    isChosen = Array(repeating: false, count: model.objects.count)
    bringsInside = isChosen
    isKept = isChosen
    entryOfObject = Array(repeating: nil, count: model.objects.count)
    objectOfEntry = Array(repeating: nil, count: file.entries.count)
    isWanted = Array(repeating: nil, count: model.objects.count)
    tree = .none
    if selection.isPartial {
      choose(in: model.tree, at: .root(), isInRef: false)
      chooseInside()
    } else {
      isChosen = model.objects.map { $0.ref != nil }
    }
    tree = lay(found, over: model.tree, at: .root(), in: Surroundings())
    // What is missing in a Ref that is missing is looked for in turn.
    var next = 0
    while next < absent.count {
      let (number, place, mayBeMissing) = absent[next]
      next += 1
      if isLaid(number) { continue }
      var inside = Surroundings(isRefChosen: isChosen[number], ref: number)
      inside.mayBeMissing = mayBeMissing || allowing.allow(.missing, at: place)
      contents[number] = lay(
        nil, over: model.objects[number].content, at: inner(of: number, at: place), in: inside)
    }
    demandEqualities()
  }

  /// What a site stands in.
  struct Surroundings {
    /// Whether the Ref around it is chosen; nil outside of every Ref.
    var isRefChosen: Bool?
    /// The number of the Ref around it.
    var ref: Int?
    /// Whether a class instance, and no Ref inside it, is around it: what stands there cannot be assigned.
    var isInObject = false
    /// Whether the Ref around it is missing and may be.
    var mayBeMissing = false
  }

  /// A site at which an object of the model stands, and a shared value in the file.
  struct Meeting {
    let pair: Pair
    let place: Place

    struct Pair: Hashable {
      /// The object's number.
      let number: Int
      /// The position of the entry.
      let position: Int
    }
  }

  /// Two leaves at a place where nothing can be assigned.
  struct Comparison {
    let mine: Leaf
    let theirs: Leaf
    let place: Place
  }

  /// Whether an object has met what it takes.
  func isLaid(_ number: Int) -> Bool { entryOfObject[number] != nil || plainContent[number] != nil }
}
