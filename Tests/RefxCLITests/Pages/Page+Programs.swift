import Foundation
import Testing

extension Page {
  /// Blocks of Swift that run as one program.
  struct Program: Sendable {
    let name: String
    var blocks: [Block]
    /// Whether it needs ranks of MPI, so that `Tools/mpi-test` runs it.
    let needsRanks: Bool
  }

  /// The blocks of Swift that are run. On a page a block that begins with an import begins a program, and those after
  /// it go on with it; in the comments of a source each block is a program.
  var programs: [Program] {
    var programs: [Program] = []
    for block in blocks where block.language == "swift" && block.excuse == nil && !block.isManifest {
      if isSource || block.text.hasPrefix("import ") || programs.isEmpty {
        let needsRanks = path.hasPrefix("Sources/RefxMPI/") || block.text.contains("import RefxMPI\n")
        programs.append(
          Program(name: "\(path)#\(programs.count + 1)", blocks: [], needsRanks: needsRanks))
      }
      programs[programs.count - 1].blocks.append(block)
    }
    return programs
  }

  /// Manifests of packages, which are read and not run.
  var manifests: [Block] { blocks.filter { $0.language == "swift" && $0.isManifest } }

  /// The blocks of shell that are run.
  var scripts: [Block] { blocks.filter { $0.language == "sh" && $0.excuse == nil } }

  /// The blocks of Python that are run, by a Python that has h5py.
  var pythons: [Block] { blocks.filter { $0.language == "python" && $0.excuse == nil } }

  /// All programs of all pages as one source file.
  static func source(of pages: [Page]) -> String {
    var imports: Set<String> = ["import RefxDistributed", "import RefxIO"]
    var functions = ["", ""]
    var cases = ["", ""]
    var names = ""
    for (number, program) in pages.flatMap(\.programs).enumerated() {
      let side = program.needsRanks ? 1 : 0
      functions[side] += "\nprivate func program\(number + 1)() throws {\n"
      for block in program.blocks {
        let lines = block.text.components(separatedBy: "\n")
        imports.formUnion(lines.filter { $0.hasPrefix("import ") && $0 != "import RefxMPI" })
        functions[side] += "  // \(program.name)\n"
        for line in lines where !line.isEmpty && !line.hasPrefix("import ") {
          functions[side] += "  \(line)\n"
        }
      }
      functions[side] += "}\n"
      cases[side] += "  case \"\(program.name)\": try program\(number + 1)()\n"
      if program.needsRanks { names += "  \"\(program.name)\",\n" }
    }
    return """
      // swift-format-ignore-file
      // Made of the documentation's pages and comments; REFX_UPDATE_FIXTURES=1 swift test --filter PageTests makes it anew.

      \(imports.sorted().joined(separator: "\n"))

      #if MPI
      import RefxMPI
      #endif

      /// What needs ranks of MPI, and is there in a build with them alone.
      let programsOverRanks: [String] = [
      \(names)]

      /// Runs the program of that name; false where there is none.
      func runPage(_ name: String) throws -> Bool {
        switch name {
      \(cases[0])  #if MPI
      \(cases[1])  #endif
        default: return false
        }
        return true
      }
      \(functions[0])
      #if MPI
      \(functions[1])#endif

      """
  }
}

extension Page.Block {
  var isManifest: Bool { text.hasPrefix("// swift-tools-version") }
}
