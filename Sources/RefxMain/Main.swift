import Glibc
import RefxCLI

/// `refx`, whose commands are in the library beside it.
@main
enum Main {
  static func main() {
    RefxCommand.prepare()
    exit(RefxCommand.run(RefxCommand.words))
  }
}
