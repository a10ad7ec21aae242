/// What `restore` takes from a checkpoint. The unit is a Ref, with what it holds up to the Refs inside, or a
/// plain leaf outside of every Ref.
public struct RestoreSelection {
  /// Everything, the plain leaves and static values among it.
  public static var all: RestoreSelection {
    var selection = RestoreSelection { _, _, _ in true }
    selection.isPartial = false
    return selection
  }

  /// The Refs of a collection of the model; nil stands for those without one.
  public static func collection(_ collection: CollectionTag?) -> RestoreSelection {
    RestoreSelection { _, tag, isRef in isRef && tag == collection }
  }

  /// What stands at these paths, and the Refs inside the Refs among it.
  public static func paths(_ matches: @escaping (Path) -> Bool) -> RestoreSelection {
    var selection = RestoreSelection { place, _, _ in matches(place.path) }
    selection.reachesInside = true
    return selection
  }

  /// Whether a site is chosen: its place, its Ref's collection, whether a Ref stands there. A Ref is chosen
  /// where one of its sites is.
  let chooses: (Place, CollectionTag?, Bool) -> Bool
  /// Whether a chosen Ref brings the Refs inside it.
  private(set) var reachesInside = false
  /// Whether a checkpoint may lack some sites of a chosen Ref, as long as it has one.
  package private(set) var isPartial = true

  init(_ chooses: @escaping (Place, CollectionTag?, Bool) -> Bool) {
    self.chooses = chooses
  }
}
