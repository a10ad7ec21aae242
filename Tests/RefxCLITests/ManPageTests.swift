import Foundation
import Testing

@Suite struct ManPageTests {
  @Test func thereIsAPageForEachCommand() throws {
    let scratch = try Scratch()
    let folder = scratch.path("man")
    #expect(try Command.run("---man", folder).code == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(names == (["refx.1"] + HelpTests.commands.map { "refx-\($0).1" }).sorted())
    for command in HelpTests.commands {
      let page = try String(contentsOfFile: "\(folder)/refx-\(command).1", encoding: .utf8)
      #expect(page.contains(".Sh EXAMPLES") && page.contains(".Sh EXIT STATUS"))
      // Every option of the help is there.
      let help = try Command.run(command, "--help").text
      for match in help.matches(of: /\n {2,6}(?:-[a-z], )?--([a-z-]+)/) {
        let name = String(match.1).replacing("-", with: "\\-")
        #expect(page.contains("Fl \\-\(name)"), "\(command) --\(match.1)")
      }
    }
    // The same bytes wherever and whenever they are made.
    let again = scratch.path("again")
    #expect(
      try Command.run("---man", again, environment: ["TZ": "Pacific/Auckland", "LANG": "de_DE"]).code == 0)
    for name in names {
      #expect(FileManager.default.contentsEqual(atPath: "\(folder)/\(name)", andPath: "\(again)/\(name)"))
    }
    #expect(try Command.run("---man").code == 2)
    #expect(try Command.run("---man", "/dev/null/x").code == 2)
  }

  @Test func noProgramThatSetsThemComplains() throws {
    let scratch = try Scratch()
    #expect(try Command.run("---man", scratch.path("man")).code == 0)
    var checks = 0
    for (program, check) in [
      ("mandoc", "mandoc -Tlint -W warning \"$page\" 2>&1"),
      ("man", "man -l --warnings \"$page\" 2>&1 >/dev/null"),
    ] where FileManager.default.isExecutableFile(atPath: "/usr/bin/\(program)") {
      let script = "LC_ALL=C.UTF-8; export LC_ALL; for page in man/*.1; do \(check); done"
      let result = try Command.shell(script, in: scratch)
      #expect(result.text.isEmpty, "\(program): \(result.text)")
      checks += 1
    }
    if checks == 0 { Skipped.note("neither mandoc nor man is installed") }
  }
}
