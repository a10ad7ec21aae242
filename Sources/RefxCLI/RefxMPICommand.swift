import ArgumentParser

/// `refx-mpi`: the commands that ranks share, each as `refx` has it.
package struct RefxMPICommand: RootCommand {
  package static let configuration = CommandConfiguration(
    commandName: "refx-mpi",
    abstract: "Commands of refx that read or write much, over the ranks of MPI.",
    discussion: """
      Started by mpirun, or alone as one rank. Says and writes what refx does with the same words, byte for byte, \
      however many ranks there are. The first rank speaks; what goes wrong on any rank is said once, with its \
      number. Every rank must see the files under the same names.

      convert and partition write .refx and HDF5 with all ranks, other formats with one. They take --io posix \
      (each rank writes its ranges by itself; what is done without a word) or --io mpi (the ranges of all ranks go \
      in collective calls of MPI-IO).

      Exit codes: 0 done, equal or sound; 1 the answer is no; 2 trouble.

      Examples:
        # every array is read by one of eight ranks
        mpirun -n 8 refx-mpi verify run.refx
        # each rank encodes and writes its part of one file
        mpirun -n 8 refx-mpi convert run.h5 run.refx
      """,
    version: "refx-mpi \(refxVersion)",
    subcommands: [
      DiffCommand.self, DigestCommand.self, VerifyCommand.self, PartitionCommand.self, ConvertCommand.self,
    ])

  package init() {}
}
