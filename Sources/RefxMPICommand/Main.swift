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
        Crews.current = RankedCrew(ranks)
        let code = RefxMPICommand.run(RefxMPICommand.words)
        // The launcher ends all ranks when it sees one exit with an error: the first must have said its words.
        try ranks.barrier()
        try MPICommunicator.finish()
        exit(code)
      } catch {
        StandardError.write("refx-mpi: \((error as? RefxError)?.description ?? "\(error)")")
        MPICommunicator.abort(code: 2)
      }
    #else
      StandardError.write("refx-mpi: \(RefxError.builtWithoutMPI())")
      exit(2)
    #endif
  }
}
