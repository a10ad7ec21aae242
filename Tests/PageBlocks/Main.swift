import Glibc

/// The Swift of the documentation's pages, one program at a time: `PageBlocks NAME`, in the folder it is started in.
/// `PageTests` makes `Pages.swift` out of the pages and runs each program.
@main
enum PageBlocks {
  static func main() throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: PageBlocks NAME")
      exit(2)
    }
    guard try runPage(CommandLine.arguments[1]) else {
      print("there is no program '\(CommandLine.arguments[1])'")
      exit(2)
    }
  }
}

/// The assertions of the pages, which count in every kind of build.
func assert(_ condition: @autoclosure () -> Bool, line: UInt = #line) {
  if !condition() {
    print("Pages.swift:\(line): an assertion of the page does not hold")
    exit(1)
  }
}
