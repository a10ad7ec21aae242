/// What `restore` takes from a checkpoint. The unit is a Ref, with what it holds up to the Refs inside, or a
/// plain leaf outside of every Ref.
///
/// Several are joined in an array: `[.collection("params"), .paths { $0 == ["step"] }]` takes what one of them
/// chooses. A part that chooses nothing in the model is refused: it is misspelled, or meant for another model.
public struct RestoreSelection {
  /// Everything, the plain leaves and static values among it.
  public static var all: RestoreSelection { RestoreSelection(parts: nil) }

  /// The Refs of a collection of the model; nil stands for those without one.
  public static func collection(_ collection: CollectionTag?) -> RestoreSelection {
    RestoreSelection(parts: [.collection(collection)])
  }

  /// The Refs of several collections of the model.
  public static func collections(_ collections: [CollectionTag?]) -> RestoreSelection {
    RestoreSelection(parts: collections.map { .collection($0) })
  }

  /// What stands at these paths, and the Refs inside the Refs among it. A path is that of a leaf or a Ref, and
  /// not of a dictionary on the way.
  ///
  /// - Parameter name: how a message calls the paths.
  public static func paths(
    named name: String = "a function of paths", _ matches: @escaping (Path) -> Bool
  ) -> RestoreSelection {
    RestoreSelection(parts: [.paths(name, matches)])
  }

  /// What this or `other` chooses.
  public func union(_ other: RestoreSelection) -> RestoreSelection {
    guard let parts, let others = other.parts else { return .all }
    return RestoreSelection(parts: parts + others)
  }

  enum Part {
    case collection(CollectionTag?)
    case paths(String, (Path) -> Bool)
  }

  /// Nil chooses everything.
  let parts: [Part]?

  /// Whether a checkpoint may lack some sites of a chosen Ref, as long as it has one.
  package var isPartial: Bool { parts != nil }

  private init(parts: [Part]?) { self.parts = parts }
}

extension RestoreSelection: ExpressibleByArrayLiteral {
  public init(arrayLiteral parts: RestoreSelection...) {
    self = parts.reduce(RestoreSelection(parts: [])) { $0.union($1) }
  }
}

/// A selection in use by one restore, which remembers which of its parts chose something.
final class Chooser {
  private let parts: [RestoreSelection.Part]
  let isPartial: Bool
  /// Whether each part chose a site of the model.
  private var hasChosen: [Bool]

  /// What a selection says of a site.
  struct Choice {
    var isChosen = false
    /// Whether a chosen Ref brings the Refs inside it: one that its path chose.
    var bringsInside = false
  }

  init(_ selection: RestoreSelection) {
    parts = selection.parts ?? []
    isPartial = selection.isPartial
    hasChosen = Array(repeating: false, count: parts.count)
  }

  /// Whether every part chose something, so that nobody needs to look for more.
  var haveAllChosen: Bool { !hasChosen.contains(false) }

  /// Whether the site at `place` is chosen, where a Ref of `tag` or a plain leaf stands. A Ref is chosen where one
  /// of its sites is.
  func chooses(_ place: Place, _ tag: CollectionTag?, isRef: Bool) -> Bool {
    choice(of: place, tag, isRef: isRef, isOfModel: false).isChosen
  }

  /// The same, of a site of the model, which counts.
  func choose(_ place: Place, _ tag: CollectionTag?, isRef: Bool) -> Choice {
    choice(of: place, tag, isRef: isRef, isOfModel: true)
  }

  private func choice(of place: Place, _ tag: CollectionTag?, isRef: Bool, isOfModel: Bool) -> Choice {
    var choice = Choice(isChosen: !isPartial)
    var path: Path?
    for (number, part) in parts.enumerated() {
      switch part {
      case .collection(let wanted):
        guard isRef, wanted == tag else { continue }
      case .paths(_, let matches):
        let here = path ?? place.path
        path = here
        guard matches(here) else { continue }
        choice.bringsInside = true
      }
      choice.isChosen = true
      if isOfModel { hasChosen[number] = true }
    }
    return choice
  }

  /// Whether there is nothing in the selection.
  var choosesNothing: Bool { isPartial && parts.isEmpty }

  /// How messages call the parts that chose nothing.
  var idleParts: [String] {
    zip(parts, hasChosen).compactMap { part, hasChosen in
      if hasChosen { return nil }
      switch part {
      case .collection(let tag?): return "the collection \(tag)"
      case .collection(nil): return "no collection"
      case .paths(let name, _): return name
      }
    }
  }
}
