/// Which members of a dictionary or list a value asked for: bits, in one word where there are no more than 64.
struct AskedMembers {
  private let total: Int
  private var first: UInt64 = 0
  private var rest: [UInt64] = []
  /// How many were asked for.
  private(set) var count = 0

  init(of total: Int) {
    self.total = total
    if total > 64 { rest = Array(repeating: 0, count: (total - 1) / 64) }
  }

  var areAll: Bool { count == total }

  func contains(_ position: Int) -> Bool {
    (position < 64 ? first : rest[position / 64 - 1]) & (1 << UInt64(position % 64)) != 0
  }

  mutating func insert(_ position: Int) {
    if contains(position) { return }
    count += 1
    let bit: UInt64 = 1 << UInt64(position % 64)
    if position < 64 { first |= bit } else { rest[position / 64 - 1] |= bit }
  }
}
