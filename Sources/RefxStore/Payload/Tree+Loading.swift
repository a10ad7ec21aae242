import Refx

extension Tree where Element == Leaf {
  /// The same tree with all payload in memory: read, decoded and checked once, on several threads. Leaves that
  /// lie in memory already, mapped ones too, are kept; so are those that cannot be represented.
  ///
  /// Memory beyond the payload itself: a few chunks for each thread.
  ///
  /// - Parameters:
  ///   - threads: as many as there are cores where it is nil.
  ///   - progress: called with the bytes read so far and in all, by one thread at a time.
  /// - Throws: ``RefxError`` for the first leaf, in the order of the tree, that cannot be read or is damaged.
  public func loaded(threads: Int? = nil, progress: ProgressHandler? = nil) throws -> Tree<Leaf> {
    let loading = try PayloadLoading(self)
    try loading.run(threads: threads, progress: progress)
    var next = 0
    return map { leaf in
      defer { next += 1 }
      guard let memory = loading.memory[next] else { return leaf }
      return Leaf(dtype: leaf.dtype, shape: leaf.shape, source: memory)
    }
  }
}

/// Leaves on their way into memory.
private struct PayloadLoading {
  private var leaves: [Leaf] = []
  /// For each leaf where its bytes go; nil where it stays as it is.
  private(set) var memory: [MemoryBytes?] = []
  private var jobs: [Job] = []
  private var byteCount = 0

  /// A range of leaves read whole, or one chunk of one leaf.
  private struct Job {
    let leaves: Range<Int>
    let bytes: Range<Int>?
    let byteCount: Int
  }

  private static let bytesOfAJob = 512 << 10

  init(_ tree: Tree<Leaf>) throws {
    var parts = FreshMemoryParts()
    var first = 0
    var together = 0
    tree.forEachLeaf { leaves.append($0) }
    memory.reserveCapacity(leaves.count)
    for (number, leaf) in leaves.enumerated() {
      let count = leaf.byteCount
      guard leaf.source.unsupported == nil, leaf.source.bytesInMemory == nil, count >= 0 else {
        memory.append(nil)
        continue
      }
      memory.append(try parts.next(byteCount: count))
      byteCount = byteCount.addingReportingOverflow(count).partialValue
      if count <= ChunkGrid.byteLimit, together + count <= PayloadLoading.bytesOfAJob {
        together += count
        continue
      }
      add(first..<number, together)
      (first, together) = (number, count)
      guard count > ChunkGrid.byteLimit else { continue }
      let grid = ChunkGrid(of: leaf)
      for position in 0..<grid.count {
        let range = grid.range(of: position)
        jobs.append(Job(leaves: number..<(number + 1), bytes: range, byteCount: range.count))
      }
      (first, together) = (number + 1, 0)
    }
    add(first..<leaves.count, together)
  }

  private mutating func add(_ range: Range<Int>, _ byteCount: Int) {
    if !range.isEmpty { jobs.append(Job(leaves: range, bytes: nil, byteCount: byteCount)) }
  }

  func run(threads: Int?, progress: ProgressHandler?) throws {
    let done = SharedProgress(total: byteCount, report: progress)
    let threads = Cores.threads(threads, forBytes: byteCount)
    try forEachInParallel(jobs.count, threads: threads) { number in
      let job = jobs[number]
      for leaf in job.leaves {
        guard let memory = memory[leaf] else { continue }
        let range = job.bytes ?? 0..<memory.byteCount
        let target = UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(mutating: memory.start) + range.lowerBound, count: range.count)
        try leaves[leaf].source.readPiece(at: range.lowerBound, into: target)
      }
      done.add(job.byteCount)
    }
  }
}
