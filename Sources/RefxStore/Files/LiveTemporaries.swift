import Glibc
import Synchronization

/// The temporaries that are being written now, where a signal handler can reach them: C strings in blocks that
/// are never freed, read without a lock and without allocating.
public enum LiveTemporaries {
  struct Registration {
    fileprivate let block: UnsafeMutablePointer<Block>
    fileprivate let slot: Int
  }

  /// What a slot holds.
  private enum State {
    static let free = 0, filling = 1, live = 2
  }

  /// Some slots, and the address of the block that was made before.
  fileprivate struct Block: ~Copyable {
    static let slots = 64
    static let slotBytes = Int(PATH_MAX) + 1

    let states: UnsafeMutablePointer<Atomic<Int>>
    let paths: UnsafeMutablePointer<CChar>
    let earlier: UnsafeMutablePointer<Block>?

    init(earlier: UnsafeMutablePointer<Block>?) {
      self.earlier = earlier
      states = .allocate(capacity: Block.slots)
      for slot in 0..<Block.slots { (states + slot).initialize(to: Atomic(State.free)) }
      // Zeros that the system brings where they are touched: every start of the command would wait for a quarter
      // of a MiB to be written.
      guard let zeros = calloc(Block.slots, Block.slotBytes) else { fatalError("no memory") }
      paths = zeros.bindMemory(to: CChar.self, capacity: Block.slots * Block.slotBytes)
    }
  }

  /// The address of the newest block.
  private static let newest = Atomic<UInt>(0)
  private static let isStopping = Atomic<Bool>(false)
  /// The address of the name of the folder that goes where it is empty.
  private static let folder = Atomic<UInt>(0)

  private static var newestBlock: UnsafeMutablePointer<Block>? {
    UnsafeMutablePointer(bitPattern: newest.load(ordering: .sequentiallyConsistent))
  }

  /// Makes the table. To be called before a signal handler that uses it is installed.
  public static func prepare() {
    if newestBlock == nil { addBlock(after: nil) }
    _ = areRefused
  }

  /// Removes every temporary, and lets no more be made. Safe to call in a signal handler, after ``prepare()``;
  /// for one that ends the process, because every save from here on is an error.
  public static func unlinkAll() {
    // First, so that a thread that makes one meanwhile either is seen below or sees this.
    isStopping.store(true, ordering: .sequentiallyConsistent)
    var next = newestBlock
    while let block = next {
      for slot in 0..<Block.slots
      where block.pointee.states[slot].load(ordering: .sequentiallyConsistent) == State.live {
        unlink(block.pointee.paths + slot * Block.slotBytes)
      }
      next = block.pointee.earlier
    }
    let name = UnsafeMutablePointer<CChar>(bitPattern: folder.load(ordering: .sequentiallyConsistent))
    if let name { rmdir(name) }
  }

  /// Has ``unlinkAll()`` remove the folder at `path`, which this process has made, where nothing is in it then.
  static func removeWhenEmpty(folder path: String) {
    // Never freed: the handler may be reading it.
    guard let name = strdup(path) else { return }
    folder.store(UInt(bitPattern: name), ordering: .sequentiallyConsistent)
  }

  /// Whether ``unlinkAll()`` was called: a temporary that is made now stays if nobody removes it.
  static var areRefused: Bool { isStopping.load(ordering: .sequentiallyConsistent) }

  /// Notes `path`; nil where the process is stopping, or the path too long: then a kill leaves the temporary
  /// for the next save to remove.
  static func register(_ path: String) -> Registration? {
    let length = path.utf8.count
    // A slot that the handler may be reading is not filled again.
    guard length < Block.slotBytes, !areRefused else { return nil }
    while true {
      let first = newestBlock
      var next = first
      while let block = next {
        if let slot = freeSlot(of: block) {
          let start = block.pointee.paths + slot * Block.slotBytes
          path.withCString { start.update(from: $0, count: length + 1) }
          block.pointee.states[slot].store(State.live, ordering: .sequentiallyConsistent)
          return Registration(block: block, slot: slot)
        }
        next = block.pointee.earlier
      }
      addBlock(after: first)
    }
  }

  private static func freeSlot(of block: UnsafeMutablePointer<Block>) -> Int? {
    for slot in 0..<Block.slots {
      let (taken, _) = block.pointee.states[slot].compareExchange(
        expected: State.free, desired: State.filling, ordering: .acquiringAndReleasing)
      if taken { return slot }
    }
    return nil
  }

  /// Adds one, unless another thread has.
  private static func addBlock(after earlier: UnsafeMutablePointer<Block>?) {
    let block = UnsafeMutablePointer<Block>.allocate(capacity: 1)
    block.initialize(to: Block(earlier: earlier))
    let (done, _) = newest.compareExchange(
      expected: UInt(bitPattern: earlier), desired: UInt(bitPattern: block),
      ordering: .sequentiallyConsistent)
    if done { return }
    block.pointee.states.deallocate()
    free(block.pointee.paths)
    block.deallocate()
  }

  static func unregister(_ registration: Registration) {
    registration.block.pointee.states[registration.slot].store(State.free, ordering: .releasing)
  }
}
