import Foundation
import Refx
import RefxStore
import Testing

@Suite struct ThreeWayMergeCommandTests {
  @Test func editsAreJoinedAndConflictsListed() throws {
    let scratch = try Scratch()
    let base = try scratch.save(smallModel(), as: "base.refx")
    let untied = try scratch.save(smallModel(tied: false), as: "untied.refx")
    var steps: [String] = []
    for step in [8, 9] as [Int64] {
      guard case .dictionary(let branches) = smallModel() else { return }
      var members = Array(zip(branches.keys, branches.members))
      members = members.map { $0.0 == "step" ? ("step", numbers([step], shape: [])) : $0 }
      steps.append(try scratch.save(.dictionary(members), as: "step\(step).refx"))
    }
    let out = scratch.path("out.refx")
    let joined = try Command.run("merge", "--base", base, untied, steps[0], "-o", out, "--json")
    #expect(joined.code == 0, "\(joined.errors)")
    #expect(try joined.json()["taken"] == ["a": 1, "b": 1])
    #expect(try joined.json()["conflicts"] == [])
    let same = try Command.run("diff", untied, out, "--json").json()
    #expect(same["counts"]?["topology"] == 0 && same["counts"]?["value"] == 1)

    let none = scratch.path("none.refx")
    let text = try Command.run("merge", "--base", base, steps[0], steps[1], "-o", none)
    #expect(text.code == 1)
    #expect(
      text.text
        == "value: 1 conflict\n  step: step8.refx and step9.refx gave it different values\nnothing was written\n"
    )
    let json = try Command.run("merge", "--base", base, steps[0], steps[1], "-o", none, "--json")
    #expect(json.code == 1)
    #expect(try json.json()["conflicts"]?[0]?["kind"] == "value")
    #expect(try json.json()["conflicts"]?[0]?["path"] == ["step"])
    #expect(!FileManager.default.fileExists(atPath: none))
    for inputs in [[base], [base, base, base]] {
      let wrong = try Command.run(["merge", "--base", base, "-o", none] + inputs)
      #expect(wrong.code == 2 && wrong.errors.contains("exactly two"))
    }
    #expect(!FileManager.default.fileExists(atPath: none))
  }
}
