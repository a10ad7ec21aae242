extension ObjectHeader.Space {
  init?(_ fields: inout Fields, lengthSize: Int) {
    guard let version = fields.int(1), let rank = fields.int(1), rank <= 32, let flags = fields.int(1),
      flags & ~1 == 0
    else { return nil }
    switch version {
    case 1: guard fields.skip(5) else { return nil }
    case 2:
      switch fields.int(1) {
      case 0 where rank == 0: break
      case 1 where rank > 0: break
      case 2 where rank == 0:
        self = .null
        return
      default: return nil
      }
    default: return nil
    }
    var extents: [Int] = []
    for _ in 0..<rank {
      guard let extent = fields.int(lengthSize) else { return nil }
      extents.append(extent)
    }
    self = .simple(extents)
  }
}
