import Refx
import RefxStore

/// `refx ---man DIR`: writes the man pages, for whoever installs the command.
enum ManPages {
  static let argument = "---man"

  static func write(_ arguments: [String]) throws -> Int32 {
    guard let folder = arguments.first, arguments.count == 1 else {
      throw RefxError.badArgument(argument, arguments.joined(separator: " "), expected: "a folder")
    }
    try AtomicFile.makeFolder(folder)
    for page in ManPage.all(try Manual(of: RefxCommand.self)) {
      try AtomicFile.replace(folder + "/" + page.file, durable: false) {
        try $0.append(Array(page.text.utf8))
      }
    }
    return 0
  }
}
