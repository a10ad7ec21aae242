import Synchronization

/// Numbers Refs in the order in which one walk meets them: 0, 1, 2, …; the same Ref gets the same number.
///
/// The walk leaves its mark and the number in the Ref itself, whose memory it reads anyhow: a table would cost
/// a miss of the cache for each Ref. Marks of walks that are over mean nothing, so nobody wipes them, and a walk
/// that fails half-way leaves nothing to repair. A walk inside another (a value's `snapshot()` may deref the tree
/// around it) or beside it on another thread leaves that one's marks alone and keeps what it meets there in a
/// dictionary.
struct RefNumbers: ~Copyable {
  private let walks = RunningWalks.shared
  private let walk: UInt64
  private var count = 0
  /// Refs that carry the mark of another walk that runs.
  private var others: [ObjectIdentifier: (ref: AnyRef, number: Int)] = [:]

  init() {
    walk = walks.begin()
  }

  deinit { walks.end(walk) }

  /// Whether no Ref was met.
  var isEmpty: Bool { count == 0 }

  /// The number of `ref`, given now where it is met for the first time.
  mutating func number(of ref: AnyRef) -> (number: Int, isNew: Bool) {
    let mark = ref.walk.load(ordering: .acquiring)
    if mark == walk { return (ref.number.load(ordering: .relaxed), false) }
    guard canTake(ref, from: mark),
      ref.walk.compareExchange(expected: mark, desired: walk, ordering: .acquiringAndReleasing).exchanged
    else { return numberBesideMark(of: ref) }
    ref.number.store(count, ordering: .relaxed)
    count += 1
    return (count - 1, true)
  }

  /// Whether this walk may put its own mark in the place of `mark`.
  private func canTake(_ ref: AnyRef, from mark: UInt64) -> Bool {
    if walk == RunningWalks.noMark { return false }
    if !others.isEmpty, others[ObjectIdentifier(ref)] != nil { return false }
    return mark == 0 || !walks.isRunning(mark)
  }

  private mutating func numberBesideMark(of ref: AnyRef) -> (number: Int, isNew: Bool) {
    if let known = others[ObjectIdentifier(ref)] { return (known.number, false) }
    others[ObjectIdentifier(ref)] = (ref, count)
    count += 1
    return (count - 1, true)
  }
}

/// Which walks run now, in all threads: each holds a slot until its end.
struct RunningWalks: @unchecked Sendable {
  static let shared = RunningWalks()
  /// What a walk has instead of a mark where all slots are taken: no Ref carries it.
  static let noMark = UInt64.max

  // Sendable: the memory is there for good, and what lies in it is atomic.
  private let slots: UnsafeMutablePointer<Atomic<UInt64>>
  private static let begun = Atomic<UInt64>(0)
  private static let count = 256

  private init() {
    slots = .allocate(capacity: RunningWalks.count)
    for slot in 0..<RunningWalks.count { (slots + slot).initialize(to: Atomic(0)) }
  }

  /// The mark of a new walk, which none had before. The remainder by ``count`` names the slot.
  func begin() -> UInt64 {
    let number = RunningWalks.begun.add(1, ordering: .relaxed).newValue
    for step in 0..<RunningWalks.count {
      let slot = Int(truncatingIfNeeded: number &+ UInt64(step)) % RunningWalks.count
      let mark = number &* UInt64(RunningWalks.count) &+ UInt64(slot)
      if slots[slot].compareExchange(expected: 0, desired: mark, ordering: .acquiringAndReleasing).exchanged {
        return mark
      }
    }
    return RunningWalks.noMark
  }

  func end(_ mark: UInt64) {
    if mark != RunningWalks.noMark { slots[slot(of: mark)].store(0, ordering: .releasing) }
  }

  /// Whether the walk that left `mark` goes on.
  func isRunning(_ mark: UInt64) -> Bool {
    slots[slot(of: mark)].load(ordering: .acquiring) == mark
  }

  private func slot(of mark: UInt64) -> Int { Int(truncatingIfNeeded: mark % UInt64(RunningWalks.count)) }
}
