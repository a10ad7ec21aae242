import Synchronization
import Testing

@testable import RefxStore

/// Results in the order of the jobs, never more of them ahead than the window holds, whatever the threads do.
@Suite struct OrderedPipelineTests {
  private final class Box { var value = 0 }

  private func run(jobs: Int, threads: Int, window: Int, take: Int? = nil, delay: (Int) -> Int) -> [Int] {
    var given = 0
    let ahead = Mutex((claimed: 0, taken: 0, most: 0))
    return withoutActuallyEscaping(delay) { delay in
      let pipeline = OrderedPipeline<Int, Box, Box>(
        threads: threads, window: window, makeSlot: { Box() }, makeScratch: { Box() },
        nextJob: {
          guard given < jobs else { return nil }
          given += 1
          ahead.withLock {
            $0.claimed += 1
            $0.most = max($0.most, $0.claimed - $0.taken)
          }
          return given - 1
        },
        work: { job, slot, scratch in
          for step in 0..<delay(job) { scratch.value &+= step }
          slot.value = job * 3
        })
      var results: [Int] = []
      while results.count < take ?? .max, let slot = pipeline.next() {
        results.append(slot.value)
        ahead.withLock { $0.taken += 1 }
      }
      pipeline.stop()
      // One that is looked at, and those ahead.
      #expect(ahead.withLock { $0.most } <= window + 2)
      return results
    }
  }

  @Test(arguments: [1, 2, 3, 8], [1, 2, 7])
  func resultsComeInOrder(threads: Int, window: Int) {
    for jobs in [0, 1, 2, 3, 100, 1000] {
      #expect(run(jobs: jobs, threads: threads, window: window) { $0 % 7 * 100 } == (0..<jobs).map { $0 * 3 })
    }
  }

  @Test func aSlowJobHoldsUpNothingButItsOrder() {
    #expect(run(jobs: 50, threads: 4, window: 4) { $0 % 10 == 0 ? 200_000 : 1 } == (0..<50).map { $0 * 3 })
  }

  @Test(arguments: [1, 2, 8]) func theCallerMayStopEarly(threads: Int) {
    for take in [0, 1, 5] {
      #expect(run(jobs: 100, threads: threads, window: 3, take: take) { _ in 10 }.count == take)
    }
  }

  @Test(arguments: [1, 2, 8]) func inParallelEveryNumberComesOnce(threads: Int) throws {
    let seen = Mutex([Int](repeating: 0, count: 1000))
    try forEachInParallel(1000, threads: threads) { number in seen.withLock { $0[number] += 1 } }
    #expect(seen.withLock { $0 } == [Int](repeating: 1, count: 1000))
  }

  @Test(arguments: [1, 2, 8]) func inParallelTheSmallestErrorIsThrown(threads: Int) {
    struct Failure: Error, Equatable { let number: Int }
    for _ in 0..<50 {
      #expect(throws: Failure(number: 7)) {
        try forEachInParallel(1000, threads: threads) { number in
          if number >= 7 { throw Failure(number: number) }
        }
      }
    }
  }
}
