import Glibc
import Refx
import RefxCLI

#if MPI
  import RefxMPI
#endif

/// `refx-mpi`: those commands of `refx` that read or write much, over the ranks of MPI.
@main
enum Main {
  static func main() {
    RefxMPICommand.prepare()
    #if MPI
      do {
        let ranks = try MPICommunicator.world()
        let code = run(over: ranks)
        // The launcher ends all ranks when it sees one exit with an error: the first must have said its words.
        try ranks.barrier()
        try MPICommunicator.finish()
        exit(code)
      } catch {
        StandardError.write("refx: \((error as? RefxError)?.description ?? "\(error)")")
        MPICommunicator.abort(code: 2)
      }
    #else
      StandardError.write("refx: \(RefxError.builtWithoutMPI())")
      exit(2)
    #endif
  }

  #if MPI
    private static func run(over ranks: MPICommunicator) -> Int32 {
      let words = RefxMPICommand.words
      Crews.current = RankedCrew(ranks, writing: .posix)
      do {
        let (words, writing) = try IOChoice.taken(from: words)
        Crews.current = RankedCrew(ranks, writing: writing)
        return RefxMPICommand.run(words)
      } catch {
        return RefxMPICommand.fail(error, words)
      }
    }
  #endif
}
