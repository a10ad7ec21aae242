import ArgumentParser

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Print the completions for a shell.",
    discussion: """
      They complete commands, options, values, files, and within a file: refx get m.refx enc and a tab goes on \
      to the next key of the paths that begin so. Only headers are read for that.

      Examples:
        # bash: for this session, or in ~/.bashrc
        eval "$(refx completions bash)"
        # zsh: in a folder of $fpath
        refx completions zsh > ~/.zfunc/_refx
        # fish
        refx completions fish > ~/.config/fish/completions/refx.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish
  }

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  func run() throws {
    let name = RefxCommand.configuration.commandName ?? "refx"
    let script =
      switch shell {
      case .bash: CompletionScript.bash(name)
      case .zsh: CompletionScript.zsh(name)
      case .fish: CompletionScript.fish(name)
      }
    try StandardOutput.write(script)
  }
}
