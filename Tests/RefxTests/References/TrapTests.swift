import Refx
import Testing

/// What only a programmer can get wrong stops the program, with refx's sentence and more.
@Suite struct Traps {
  @Test func readingFromAnotherLevel() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ref = Ref(1)
      withTraceLevel { print(ref.value) }
    }
    #expect(result?.stderr.contains("cannot access Ref from different trace level") == true)
    #expect(result?.stderr.contains("expected the base level, where it was made, found level 1") == true)
  }

  @Test func writingFromAnotherLevel() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ref = Ref(1)
      withTraceLevel { ref.value = 2 }
    }
    #expect(result?.stderr.contains("cannot mutate Ref from different trace level") == true)
  }

  @Test func changingInPlaceFromAnotherLevel() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ref = Ref([1])
      withTraceLevel { ref.value[0] = 2 }
    }
    #expect(result?.stderr.contains("cannot mutate Ref from different trace level") == true)
  }

  @Test func writingAnImmutableCollection() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ref = Ref(1, collection: "batch_stats")
      mutable({ $0 == "params" }) { ref.value = 2 }
    }
    #expect(result?.stderr.contains("collection 'batch_stats' is not mutable") == true)
  }

  @Test func takingAValueOfAnotherLevel() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let ref = Ref(TracedNumber(value: 1, traceLevels: []))
      ref.value = withTraceLevel { TracedNumber(value: 2, traceLevels: [.current]) }
    }
    #expect(result?.stderr.contains("cannot mutate Ref with a value from another trace level") == true)
  }
}
