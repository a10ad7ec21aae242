#if MPI
  import Refx
  import RefxDistributed
  import RefxMPI

  /// `--io posix` or `--io mpi`, which the commands that write have here and not in `refx`.
  enum IOChoice: String, CaseIterable {
    case posix, mpi

    private static let option = "--io"
    private static let commands = ["convert", "partition"]

    var writing: RankedWriting {
      switch self {
      case .posix: .posix
      case .mpi: .opened { path, name in try MPIRankedFile(path, named: name) }
      }
    }

    /// The words without the option, and what it chose: `pwrite` of each rank, where it is not there.
    static func taken(from words: [String]) throws -> (words: [String], writing: RankedWriting) {
      guard let command = words.first, commands.contains(command) else { return (words, .posix) }
      var left: [String] = []
      var choice = posix
      var rest = words[...]
      while let word = rest.popFirst() {
        if word == "--" {
          left += [word] + rest
          break
        }
        if word == option {
          guard let value = rest.popFirst() else {
            throw RefxError.missingValue(
              option, of: "how", values: allCases.map(\.rawValue), help: "see refx-mpi --help")
          }
          choice = try named(value)
        } else if word.hasPrefix(option + "=") {
          choice = try named(String(word.dropFirst(option.count + 1)))
        } else {
          left.append(word)
        }
      }
      return (left, choice.writing)
    }

    private static func named(_ name: String) throws -> IOChoice {
      guard let choice = IOChoice(rawValue: name) else {
        throw RefxError.valueNotKnown(name, of: option, known: allCases.map(\.rawValue))
      }
      return choice
    }
  }
#endif
