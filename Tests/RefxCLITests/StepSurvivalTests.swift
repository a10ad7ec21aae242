import Foundation
import Testing

/// `Tools/checks/steps`, `trouble` and `training` with the programs of this build, one scene of each: processes that
/// save steps and are killed, read meanwhile, called off, and robbed of their files.
@Suite(.serialized, .enabled(if: SaveChecks.python != nil, "there is no python3 for Tools/checks/steps"))
struct StepSurvivalTests {
  @Test(arguments: [
    ["steps", "--only", "readers", "--seconds", "5"], ["trouble", "--only", "called_off"],
    ["trouble", "--only", "base_missing"], ["training", "--steps", "28", "--kills", "2"],
  ]) func stepsSurvive(arguments: [String]) throws {
    let (code, output) = try SaveChecks.run(Array(arguments.dropFirst()), harness: arguments[0])
    #expect(code == 0, "\(output)")
    let figures = try #require(output.split(separator: "\n").last)
    #expect(figures.contains(" \(arguments[0]): ") && figures.contains(" 0 violations"), "\(output)")
  }

  /// A manager that loses a step is found out.
  @Test func aManagerThatLosesAStepIsFoundOut() throws {
    let folder = try Scratch()
    let real = try #require(Command.executable).deletingLastPathComponent().appending(
      path: "ReliabilityCheck"
    ).path
    let script = """
      #!/bin/bash
      '\(real)' "$@"
      code=$?
      [ "$1" = save ] && rm -f "$2/step-0000000041.refx"
      exit $code
      """
    let program = try folder.write(Array(script.utf8), as: "check")
    #expect(chmod(program, 0o755) == 0)
    let (code, output) = try SaveChecks.run(
      ["--only", "called_off", "--check", program], harness: "trouble")
    #expect(code == 1 && output.contains("a step is gone"), "\(output)")
  }
}
