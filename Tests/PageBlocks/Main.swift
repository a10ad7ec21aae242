import Glibc
import RefxIO

/// The Swift of the documentation, one program at a time: `PageBlocks NAME`, in the folder it is started in.
/// `PageTests` makes `Pages.swift` out of the pages and comments, and runs each program; those that need ranks of MPI,
/// which `PageBlocks --over-ranks` lists, are run by `Tools/mpi-test`.
@main
enum PageBlocks {
  static func main() throws {
    // One of the pages has this program read files for itself.
    HDF5Worker.serveIfAsked()
    guard CommandLine.arguments.count == 2 else {
      print("usage: PageBlocks NAME | --over-ranks")
      exit(2)
    }
    if CommandLine.arguments[1] == "--over-ranks" {
      for name in programsOverRanks { print(name) }
      return
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
    print("Pages.swift:\(line): an assertion of the documentation does not hold")
    exit(1)
  }
}
