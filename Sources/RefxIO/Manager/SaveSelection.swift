import Refx
import RefxStore

extension CheckpointContents {
  /// The Refs that are to be saved, each whole with all of its sites; in the place of the others there are holes.
  ///
  /// - Parameter chooses: asked for each site; a Ref is chosen where one of its sites is.
  /// - Returns: self where nothing is left out.
  func keeping(_ chooses: (PartSite) throws -> Bool) throws -> CheckpointContents {
    var chosen: Set<Int> = []
    var leavesOut = false
    try forEachPartSite { site in
      if try chooses(site) {
        if let index = site.index { chosen.insert(index) }
      } else {
        leavesOut = true
      }
    }
    if !leavesOut { return self }
    return try planningPartition(names: ["saved", "left out"]) { site in
      try site.index.map { chosen.contains($0) ? 0 : 1 } ?? (chooses(site) ? 0 : 1)
    }.part(0).contents
  }

  /// The sites that one of the selectors chooses; everything where there are none.
  ///
  /// - Throws: ``RefxError`` where a selector chooses nothing: it is misspelled, or meant for another model.
  func selecting(_ selection: [Selector]) throws -> CheckpointContents {
    if selection.isEmpty { return self }
    var idle = Set(selection.indices)
    let result = try keeping { site in
      var isChosen = false
      for (number, selector) in selection.enumerated() where !isChosen || idle.contains(number) {
        guard
          try selector.matches(
            site.path, isReference: site.index != nil, collection: site.collection, content: site.content)
        else { continue }
        isChosen = true
        idle.remove(number)
      }
      return isChosen
    }
    if let first = idle.min() {
      var found: Set<CollectionTag> = []
      try forEachPartSite { site in if let collection = site.collection { found.insert(collection) } }
      throw RefxError.savesNothing(selection[first].name, known: found.sorted())
    }
    return result
  }
}
