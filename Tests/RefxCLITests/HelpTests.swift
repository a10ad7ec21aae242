import Foundation
import Testing

@Suite struct HelpTests {
  /// The commands, as the completions know them: a new one is tested by itself.
  static let commands: [String] = {
    let text = (try? Command.run("---complete", "fish", "").text) ?? ""
    let names = text.split(separator: "\n").dropFirst().map { String($0.prefix { $0 != "\t" }) }
    return names.filter { $0 != "help" }
  }()

  @Test func theCommandsAreKnown() {
    #expect(HelpTests.commands.count >= 10 && HelpTests.commands.contains("inspect"))
  }

  @Test(arguments: [""] + HelpTests.commands)
  func helpIsAsItWas(command: String) throws {
    let words = command.isEmpty ? [] : [command]
    let result = try Command.run(words + ["--help"])
    #expect(result.code == 0 && result.errors == "")
    try Golden("help/\(command.isEmpty ? "refx" : command).txt").check(result.text)
    // However it is asked for.
    #expect(try Command.run(["help"] + words).text == result.text)
    #expect(try Command.run(words + ["-h"]).text == result.text)
    #expect(result.text.contains("\nExamples:\n"), "\(command) shows no example")
    #expect(result.text.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.contains("  # ") == false })
    #expect(!result.text.contains("\u{1B}"))
  }

  @Test func everyExampleIsACommandThatIsThere() throws {
    for command in HelpTests.commands {
      let lines = try Command.run(command, "--help").text.split(separator: "\n").map(String.init)
      let examples = lines.drop { $0 != "Examples:" }.prefix { $0.hasPrefix("  ") || $0 == "Examples:" }
      let shown = examples.filter { $0.contains("refx \(command)") }
      #expect(!shown.isEmpty, "\(command)")
      // The options that an example uses are options of its command.
      for line in shown where !line.contains("|") && !line.contains(";") && !line.contains("&&") {
        for word in line.split(separator: " ") where word.hasPrefix("--") {
          #expect(
            lines.contains { !examples.contains($0) && $0.contains(word.prefix { $0 != "=" }) }, "\(line)")
        }
      }
    }
  }

  @Test func helpOfHelpIsTheWhole() throws {
    let whole = try Command.run("help")
    let help = try Command.run("help", "help")
    #expect(help.code == 0 && help.output == whole.output && help.errors.isEmpty)
  }

  /// The words in the order of what was typed, what was meant, and whatever else must be said.
  @Test(arguments: [
    (["inspekt"], "'inspekt' is no command; did you mean refx inspect?"),
    (["frob"], "'frob' is no command; known are inspect, get, "),
    (["help", "dif"], "did you mean"),
    (["version"], "'version' is no command; did you mean refx --version?"),
    (["man"], "'man' is no command; did you mean refx help, or: man refx?"),
    (["-V"], "unknown option -V; did you mean --version?"),
    (["inspect", "f", "--shraed"], "unknown option --shraed; did you mean --shared?"),
    (["inspect", "f", "-shared"], "unknown option -shared; did you mean --shared?"),
    (["inspect", "f", "--colour", "never"], "unknown option --colour; did you mean --color?"),
    (["inspect", "f", "--nonsense"], "unknown option --nonsense; see refx inspect --help"),
    (["--verison"], "did you mean --version?"),
    (["--color", "never", "inspect", "f"], "write it behind: refx COMMAND --color"),
    (["inspect", "f", "--color", "nevr"], "--color cannot take 'nevr'; did you mean never?"),
    (["inspect", "f", "--color=purple"], "--color cannot take 'purple'; known are auto, always, never"),
    (["convert", "a", "b", "--compression", "bset"], "did you mean best?"),
    (["convert", "a", "b", "--shared", "dupliacte"], "did you mean duplicate?"),
    (["completions", "bsah"], "did you mean bash?"),
    (["diff", "a", "b", "--only", "vlaue"], "--only cannot take 'vlaue'; did you mean value?"),
    (
      ["convert", "a", "b.refx", "--dtype", "flaot32=float16"],
      "'flaot32' names no dtype; did you mean float32?"
    ),
    (["inspect", "f", "--from", "safetensor"], "did you mean safetensors?"),
    (["inspect", "f", "--from"], "--from needs a value: FORMAT; see refx inspect --help"),
    (["inspect", "f", "--color"], "--color needs a value: WHEN; known are auto, always, never"),
    (["inspect", "f", "--json=yes"], "--json takes no value; write --json alone"),
    (["inspect"], "FILE is missing: the checkpoint; - reads standard input; usage: refx inspect"),
    (["get", "f"], "PATH is missing: "),
    (["merge", "f"], "-o, --output OUT is missing: "),
    (["digest", "a", "b"], "'b' is one argument too many; usage: refx digest [options] FILE"),
  ])
  func aMisspelledLineIsAnsweredByWhatWasMeant(line: [String], sentence: String) throws {
    let result = try Command.run(line)
    #expect(result.code == 2)
    #expect(result.errors.hasPrefix("refx: ") && result.errors.contains(sentence), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1)
    if line.contains("--json") || line.contains("--json=yes") { return }
    #expect(result.output.isEmpty)
    // In JSON the same sentence, as any other error.
    let last = line.last.map { ["--from", "--color"].contains($0) } ?? false
    let document = try Command.run(last ? [line[0], "--json"] + line.dropFirst() : line + ["--json"])
    #expect(document.code == 2)
    let error = try document.json()["error"]
    #expect(error?["code"] != nil && error?["file"] == .null && error?["path"] == .null)
  }

  @Test func helpIsAsWideAsTheTerminal() throws {
    for width in [20, 40, 80, 200] {
      let screen = try Terminal(columns: width).run("\"$REFX\" convert --help")
      let longest = screen.lines.map(\.count).max() ?? 0
      #expect(longest <= width || width == 20, "\(width): \(longest)")
      #expect(longest <= 100 && longest > (width < 80 ? 15 : 60), "\(width): \(longest)")
      #expect(screen.plain.contains("--dry-run"))
    }
  }
}
