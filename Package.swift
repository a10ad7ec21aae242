// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "refx",
  products: [
    .library(name: "Refx", targets: ["Refx"]),
    .library(name: "RefxIO", targets: ["RefxIO"]),
    .executable(name: "refx", targets: ["RefxMain"]),
    .executable(name: "refx-bench", targets: ["RefxBench"]),
    // Checkpoints of models that no one process holds: over any ranks, and over those of MPI.
    .library(name: "RefxDistributed", targets: ["RefxDistributed"]),
    .library(name: "RefxMPI", targets: ["RefxMPI"]),
    .executable(name: "refx-mpi", targets: ["RefxMPICommand"]),
  ],
  traits: [
    .trait(
      name: "MPI", description: "Ranks of MPI: the library RefxMPI and the command refx-mpi; needs Open MPI.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // The core: references, trees and what is done with them. Standard library only.
    .target(name: "Refx"),

    // What every format stands on: the store contract, files, chunks, checksums, JSON.
    .target(
      name: "RefxStore",
      dependencies: ["Refx", "CFiles", "CShuffle", "CZlib", "CISAL", "CXXHash", "CCrypto"]),

    // System calls that Swift's module of the C library lacks.
    .target(name: "CFiles"),

    // The byte shuffle with vector instructions, chosen at run time.
    .target(name: "CShuffle"),

    // The HDF5 store, a target of its own so that a build can choose its HDF5 flavour.
    .target(name: "RefxHDF5", dependencies: ["RefxStore", "CHDF5", "CConfine"]),

    // What a process gives up before libhdf5 reads a file in it.
    .target(name: "CConfine"),

    // Checkpoints: the front door, .refx, foreign formats.
    .target(name: "RefxIO", dependencies: ["RefxStore", "RefxHDF5", "CTOML", "CPCRE2"]),

    // TOML as JSON, for rules.
    .target(name: "CTOML"),

    // The commands, which the executables refx and refx-mpi share: no more than a main function is in these.
    .target(
      name: "RefxCLI",
      dependencies: ["RefxIO", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    .executableTarget(name: "RefxMain", dependencies: ["RefxCLI"]),

    // Saving and loading over ranks, whatever connects them.
    .target(name: "RefxDistributed", dependencies: ["RefxIO"]),

    // Ranks of MPI. Without the trait these three are empty, and nothing of MPI is needed.
    .target(name: "RefxMPI", dependencies: ["RefxDistributed", "CMPI"]),
    .executableTarget(name: "RefxMPICommand", dependencies: ["RefxMPI", "RefxCLI"]),
    .target(
      name: "CMPI", dependencies: [.target(name: "COpenMPI", condition: .when(traits: ["MPI"]))],
      cSettings: [.define("REFX_MPI", .when(traits: ["MPI"]))]),

    // An example: a training that is broken off and goes on to the same bits.
    .executableTarget(name: "TrainText", dependencies: ["RefxIO"]),

    // What the command line cannot show is timed here, one job in a process; Tools/bench runs it.
    .executableTarget(name: "RefxBench", dependencies: ["RefxIO", "RefxBenchC"]),
    .target(name: "RefxBenchC"),

    // C is met behind one door: each of these is a module map and a shim.h.
    .systemLibrary(
      name: "CHDF5", pkgConfig: "hdf5-serial", providers: [.apt(["libhdf5-dev", "pkg-config"])]),
    .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    .target(
      name: "RefxTestSupport", dependencies: ["RefxIO", "RefxDistributed"], path: "Tests/RefxTestSupport"),
    // What ranks of MPI say to each other; Tools/mpi-test starts it.
    .executableTarget(name: "MPICheck", dependencies: ["RefxMPI"], path: "Tests/MPICheck"),
    .executableTarget(
      name: "CodecCheck", dependencies: ["RefxStore", "RefxTestSupport"], path: "Tests/CodecCheck"),
    .executableTarget(
      name: "DamageCheck", dependencies: ["RefxIO", "RefxHDF5", "RefxTestSupport"], path: "Tests/DamageCheck"),
    .executableTarget(
      name: "ReliabilityCheck", dependencies: ["RefxIO", "RefxTestSupport"], path: "Tests/ReliabilityCheck"),
    .executableTarget(
      name: "RanksCheck", dependencies: ["RefxMPI", "RefxTestSupport"], path: "Tests/RanksCheck"),
    // The Swift of the documentation, which PageTests makes out of pages and comments and runs.
    .executableTarget(
      name: "PageBlocks", dependencies: ["RefxIO", "RefxDistributed", "RefxMPI"], path: "Tests/PageBlocks"),
    .testTarget(name: "RefxTests", dependencies: ["Refx", "RefxTestSupport"]),
    .testTarget(name: "RefxStoreTests", dependencies: ["RefxStore", "RefxTestSupport"]),
    .testTarget(name: "RefxIOTests", dependencies: ["RefxIO", "RefxTestSupport"]),
    .testTarget(name: "RefxDistributedTests", dependencies: ["RefxDistributed", "RefxTestSupport"]),
    // What the fuzzer calls, on every input that ever failed; the fuzzer is a package of its own beside it.
    .testTarget(
      name: "RefxFuzzTests", dependencies: ["RefxIO", "RefxTestSupport"], path: "Tests/Fuzzing",
      exclude: ["Package.swift", "Entry", "Driver"], sources: ["Targets", "Replay"]),
    .testTarget(
      name: "RefxCLITests", dependencies: ["RefxTestSupport", "TrainText", "ReliabilityCheck", "PageBlocks"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
