import Foundation
import RefxStore
import Testing

@Suite struct DemoCommandTests {
  @Test func theStoryComesOutAndItsFilesAreSound() throws {
    let scratch = try Scratch()
    let result = try Command.run("demo", "-o", scratch.path("demo"))
    #expect(result.code == 0, "\(result.errors)")
    for words in [
      "$ kill -9", "killed.refx: sound", "resumed.refx is at step 30", "untied  {embedding head}",
      "$ refx merge parts/params.refx",
    ] {
      #expect(result.text.contains(words), "\(words)")
    }
    // The three runs say the same at each step that more than one of them comes to.
    var losses: [String: Set<String>] = [:]
    for line in result.text.split(separator: "\n") where line.hasPrefix("step ") {
      let words = line.split(separator: " ").map(String.init)
      losses[words[1], default: []].insert(words[3])
    }
    #expect(losses.count == 6 && losses.values.allSatisfy { $0.count == 1 }, "\(losses)")
    let files = [
      "resumed.refx", "resumed.h5", "resumed.safetensors", "merged.refx", "tied.refx", "killed.refx",
    ]
    #expect(try Command.run(["verify"] + files.map { scratch.path("demo/" + $0) }).code == 0)
  }

  /// What is printed can be typed: each command of the story is run again by hand, and ends the same way.
  @Test func theCommandsAreWhatTheyPretend() throws {
    let scratch = try Scratch()
    let result = try Command.run("demo", "--json", "-o", scratch.path("demo"))
    let document = try result.json()
    #expect(result.code == 0 && document.names == ["folder", "steps"], "\(result.errors)")
    guard case .array(let steps) = document["steps"] else { throw Missing() }
    var count = 0
    for step in steps {
      guard case .array(let runs) = step["runs"], !runs.isEmpty else { throw Missing() }
      for run in runs {
        guard case .array(let words) = run["command"], case .integer(let code) = run["exit"] else {
          throw Missing()
        }
        let line = words.compactMap { if case .string(let word) = $0 { word } else { nil } }
        #expect(line.first == "refx")
        guard run["signal"] == .null else {
          #expect(code == 128 + 9 && line.contains("--train"))
          continue
        }
        // That training is done by now, which is another document.
        if line.contains("--train"), line.contains("unbroken.refx") { continue }
        let script = "cd demo && $REFX " + (line.dropFirst() + ["--json"]).joined(separator: " ")
        let again = try Command.shell(script, in: scratch)
        #expect(again.code == Int32(code), "\(line)")
        #expect(try again.json() == run["output"], "\(line)")
        count += 1
      }
    }
    #expect(count >= 15)
  }

  @Test func trainingGoesOnWhereItWasKilled() throws {
    let scratch = try Scratch()
    let whole = try Command.run("demo", "--train", scratch.path("whole.refx"))
    #expect(whole.code == 0 && whole.text.split(separator: "\n").count == 6)
    let killed = try Command.shell(
      "timeout -s KILL 0.6 $REFX demo --train broken.refx --pace 25; test -f broken.refx && echo there",
      in: scratch)
    #expect(killed.text.contains("step 10 ") && !killed.text.contains("step 60 "), "\(killed.text)")
    #expect(killed.text.contains("there"))
    let resumed = try Command.run("demo", "--train", scratch.path("broken.refx"), "--json").json()
    guard case .integer(let from) = resumed["resumed"] else { throw Missing() }
    #expect(from % 10 == 0 && (10..<60).contains(from))
    #expect(resumed["steps"]?.count == Int(60 - from) / 10)
    #expect(
      try Data(contentsOf: scratch.url.appending(path: "whole.refx"))
        == Data(contentsOf: scratch.url.appending(path: "broken.refx")))
    let done = try Command.run("demo", "--train", scratch.path("whole.refx"))
    #expect(done.code == 0 && done.text.contains("nothing is left to do"))
  }

  @Test func aFileOfSomethingElseIsNotTrained() throws {
    let scratch = try Scratch()
    let other = try scratch.save(smallModel(), as: "other.refx")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: other))
    #expect(try Command.run("demo", "--train", other).code == 2)

    let whole = scratch.path("whole.refx")
    #expect(try Command.run("demo", "--train", whole).code == 0)
    let untied = scratch.path("untied.refx")
    #expect(try Command.run("untie", whole, "head", "-o", untied).code == 0)
    let refused = try Command.run("demo", "--train", untied)
    #expect(
      refused.code == 2
        && refused.errors.contains("untied.refx: is no checkpoint of the demonstration's model: embedding"),
      "\(refused.errors)")
    let small = scratch.path("small.refx")
    #expect(
      try Command.run("convert", whole, small, "--dtype", "float32=float64").code == 0)
    #expect(try Command.run("demo", "--train", small).code == 2)
    #expect(try Data(contentsOf: URL(fileURLWithPath: other)) == bytes)
  }

  @Test func aFolderInUseIsLeftAlone() throws {
    let scratch = try Scratch()
    let mine = try scratch.write([1, 2, 3], as: "resumed.refx")
    let refused = try Command.run("demo", "-o", scratch.path(""))
    #expect(
      refused.code == 2
        && refused.errors.contains("something lies in the folder; name another one, or use --force"),
      "\(refused.errors)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: mine)) == Data([1, 2, 3]))
    #expect(try Command.run("demo", "--force", "-o", scratch.path("")).code == 0)
    #expect(try Command.run("verify", mine).code == 0)
    for wrong in [
      ["--pace", "3"], ["--train", "x.refx", "-o", "y"], ["--train", "x.refx", "--force"],
      ["--train", "x.refx", "--pace", "-1"],
    ] {
      #expect(try Command.run(["demo"] + wrong).code == 2, "\(wrong)")
    }
  }

  /// Without -o nothing stays behind, whether the story ends or is broken off.
  @Test(arguments: ["", "TERM"]) func nothingStaysBehind(_ signal: String) throws {
    let scratch = try Scratch()
    let script =
      signal.isEmpty
      ? "TMPDIR=$PWD $REFX demo --color never >/dev/null; echo $?; ls"
      : "TMPDIR=$PWD $REFX demo >/dev/null & sleep 0.7; kill -\(signal) $!; wait $!; echo $?; ls"
    let result = try Command.shell(script, in: scratch)
    // 128 and the number of the signal.
    #expect(result.text == (signal.isEmpty ? "0\n" : "143\n"), "\(result.text)")
  }
}

private struct Missing: Error {}
