import ArgumentParser

@main
struct RefxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "refx")
}
