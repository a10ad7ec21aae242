// Collections of which nothing may stay as it is.

extension Graft {
  /// The Refs of required collections that would keep what they hold, whatever let that pass; and the collections
  /// of which the model has none.
  var requiredGaps: [RequiredGap] {
    var gaps: [RequiredGap] = []
    for collection in terms.requiring {
      var isThere = false
      for (number, entry) in model.objects.enumerated() {
        guard let ref = entry.ref, ref.collection == collection else { continue }
        isThere = true
        let reason =
          if !isChosen[number] {
            "the selection leaves it out"
          } else if !isLaid(number) {
            "the checkpoint does not have it"
          } else if isKept[number] {
            "the checkpoint does not have all of it, or in another shape"
          } else {
            String?.none
          }
        guard let reason else { continue }
        gaps.append(RequiredGap(collection: collection, path: entry.firstPath, reason: reason))
      }
      if !isThere {
        gaps.append(RequiredGap(collection: collection, path: nil, reason: "the model has no Ref of it"))
      }
    }
    return gaps
  }

  /// The collections that the model's Refs belong to, in order.
  var collections: [CollectionTag] { Set(model.objects.compactMap { $0.ref?.collection }).sorted() }
}
