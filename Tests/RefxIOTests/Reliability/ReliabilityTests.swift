import RefxTestSupport
import Testing

/// What `Tools/checks` does at length, in short.
@Suite struct ReliabilityTests {
  /// Random trees on a walk through every format: bit by bit what they were.
  @Test(arguments: 0..<10)
  func randomTreesComeThroughEveryFormat(_ block: UInt64) throws {
    var figures = RoundTrips.Figures()
    for seed in (block * 100)..<(block * 100 + 100) {
      do { figures.add(try RoundTrips.run(seed: seed, inAllPairs: false)) } catch {
        Issue.record("\(error)")
      }
    }
    #expect(figures.trees == 100 && figures.trips > 500)
    #expect(figures.refusals > 0, "some trees hold what safetensors lacks")
  }

  @Test(arguments: 5000..<5006)
  func aRandomTreeComesThroughEveryPairOfFormats(_ seed: UInt64) throws {
    let figures = try RoundTrips.run(seed: seed, inAllPairs: true)
    #expect(figures.trips > 40)
  }

  /// In a process of its own, because it keeps all cores busy.
  @Test func eightThreadsDoWhatOneDoes() async {
    await #expect(processExitsWith: .success) {
      do {
        let turns = try ThreadStress(seed: 20).run(seconds: 5)
        #expect(turns > 40)
      } catch { Issue.record("\(error)") }
    }
  }

  /// In a process of its own, whose descriptors nobody else opens.
  @Test func whatIsOpenedIsClosed() async {
    await #expect(processExitsWith: .success) {
      do {
        let figures = try OpenCloseLoop().run(count: 60)
        #expect(figures.opened + figures.refused > 1000)
        try OpenCloseLoop.judge(figures)
      } catch { Issue.record("\(error)") }
    }
  }
}
