import ArgumentParser
import Glibc
import Refx
import RefxIO

/// `refx`: what lies in a checkpoint, and what can be done with it from a shell.
package struct RefxCommand: RootCommand {
  package static let configuration = CommandConfiguration(
    commandName: "refx",
    abstract: "Look into checkpoints of models with shared references, compare them, take them apart.",
    discussion: """
      Formats are recognised by their content: .refx, HDF5, safetensors and others. A path is written with \
      / between its keys; PATTERN is a glob over them: * is one key, ** any number.

      Exit codes: 0 done, equal or sound; 1 the answer is no; 2 trouble.

      Examples:
        # what is in it, who shares what
        refx inspect model.safetensors
        # what changed
        refx diff before.refx after.refx
        # see all of it at work
        refx demo
      """,
    version: "refx \(refxVersion)",
    subcommands: [
      InspectCommand.self, GetCommand.self, DiffCommand.self, DigestCommand.self, VerifyCommand.self,
      LintCommand.self, PartitionCommand.self, MergeCommand.self, ConvertCommand.self, TieCommand.self,
      UntieCommand.self, PatchCommand.self, GraphCommand.self, ReportCommand.self, DemoCommand.self,
      CompletionsCommand.self,
    ])

  package init() {}
}

/// A command that stands above others: the first word of a command line.
package protocol RootCommand: ParsableCommand {}

extension RootCommand {
  /// What the process is from its start to its end, the worker of libhdf5 where it was started as that. To be called
  /// first.
  package static func prepare() {
    Crashes.startNothing()
    HDF5Worker.serveIfAsked()
    StandardDescriptors.reserve()
    Signals.install()
  }

  /// The words behind the program's name.
  package static var words: [String] {
    // Swift's own row of arguments comes out of /proc, which need not be there.
    (1..<max(1, Int(CommandLine.argc))).map { position in
      CommandLine.unsafeArgv[position].map { String(cString: $0) } ?? ""
    }
  }

  /// Says an error that came up before a command could run.
  package static func fail(_ error: any Error, _ words: [String]) -> Int32 {
    Failure(error).report(asJSON: words.contains("--json"))
  }

  /// Runs one command line.
  ///
  /// - Returns: the exit code.
  package static func run(_ arguments: [String]) -> Int32 {
    let words = arguments.prefix { $0 != "--" }
    let isJSON = words.contains("--json")
    // Scripts ask for it again and again, and the parser takes longer to get ready than the rest of the start.
    if arguments == ["--version"] { return show(configuration.version + "\n") }
    if arguments.first == CompletionServer.argument {
      return CompletionServer.serve(Array(arguments.dropFirst()))
    }
    // The parser makes its own help even where ours is shown, and stops the process on a narrow terminal.
    setenv("COLUMNS", "80", 1)
    do {
      if arguments.first == ManPages.argument { return try ManPages.write(Array(arguments.dropFirst())) }
      if let name = try helpAsked(arguments) { return try showHelp(of: name, words) }
      try checkCommandName(arguments)
      var command = try parseAsRoot(arguments)
      try Crews.current.finish {
        try command.run()
        try StandardOutput.flush()
      }
      return 0
    } catch is ClosedPipe {
      return 0
    } catch let answer as Answer {
      return finish(with: answer.code)
    } catch let error as RefxError {
      return Failure(error).report(asJSON: isJSON)
    } catch {
      return answer(to: error, arguments, asJSON: isJSON)
    }
  }

  /// What the argument parser ended with: something that was asked for, or a line that it cannot read.
  private static func answer(to error: any Error, _ arguments: [String], asJSON isJSON: Bool) -> Int32 {
    do {
      if exitCode(for: error) == .success {
        let text = message(for: error)
        if text == configuration.version { return show(text + "\n") }
        // The parser finds an -h in -shared, too.
        if !arguments.isEmpty, !arguments.contains("-h"), !arguments.contains("--help"),
          let misuse = Misuse.found(in: arguments, try Manual(of: Self.self))
        {
          return Failure(misuse).report(asJSON: isJSON)
        }
        return try showHelp(of: arguments.first { !$0.hasPrefix("-") } ?? "", arguments[...])
      }
      if let misuse = Misuse.found(in: arguments, try Manual(of: Self.self)) {
        return Failure(misuse).report(asJSON: isJSON)
      }
    } catch {
      return Failure(error).report(asJSON: isJSON)
    }
    let command = arguments.first { !$0.hasPrefix("-") }
    return Failure(usage: message(for: error), of: command).report(asJSON: isJSON)
  }

  /// `help NAME`: the name; empty for the whole. Nil where no help is asked for in that form.
  private static func helpAsked(_ arguments: [String]) throws -> String? {
    guard arguments.first == "help" else { return nil }
    let names = arguments.dropFirst().filter { !$0.hasPrefix("-") }
    if names.count > 1 { throw RefxError.unexpectedArgument(names[1], usage: "refx help COMMAND") }
    return names.first == "help" ? "" : names.first ?? ""
  }

  /// The parser's own words for a command that does not exist speak of an unexpected argument.
  private static func checkCommandName(_ arguments: [String]) throws {
    guard let name = arguments.first(where: { $0 != "--json" }), !name.hasPrefix("-") else { return }
    let known =
      configuration.subcommands.filter { $0.configuration.shouldDisplay }
      .compactMap { $0.configuration.commandName } + ["help"]
    if !known.contains(name) { throw RefxError.unknownCommand(name, known: known) }
  }

  /// Help that was asked for, and so is no error.
  private static func showHelp(of name: String, _ words: ArraySlice<String>) throws -> Int32 {
    let manual = try Manual(of: Self.self)
    var help = HelpText(
      manual, style: Style(isColoured: OutputOptions.isColoured(words)), width: terminalWidth() ?? 80)
    if name.isEmpty { return show(help.overview()) }
    guard let command = manual.command(named: name) else {
      throw RefxError.unknownCommand(name, known: manual.commands.map(\.name))
    }
    return show(help.page(of: command))
  }

  /// The version, help: asked for, and so no error.
  private static func show(_ text: String) -> Int32 {
    do {
      try StandardOutput.write(text)
    } catch {
      return finish(with: 2)
    }
    return finish(with: 0)
  }

  private static func finish(with code: Int32) -> Int32 {
    do {
      try StandardOutput.flush()
      return code
    } catch is ClosedPipe {
      return 0
    } catch {
      return Failure(error).report(asJSON: false)
    }
  }
}

/// The version of this release.
let refxVersion = "0.1.0"

/// The day of this release, which the man pages give: pages of one release are the same bytes everywhere.
let refxDate = "November 23, 2026"

/// Thrown to end a command whose question has an answer: 1 where it is "no".
package struct Answer: Error {
  let code: Int32

  static let no = Answer(code: 1)
  static let trouble = Answer(code: 2)
}
