// swift-tools-version: 6.1
import PackageDescription

// The fuzzer is a package of its own, because all of its modules are built with instruments and with what is
// internal open to it. `Tools/fuzz` builds and runs it. The targets are also part of the tests of the package
// above, which run them on every input that ever failed.
let package = Package(
  name: "refx-fuzzing",
  dependencies: [.package(name: "refx", path: "../..")],
  targets: [
    .executableTarget(name: "refx-fuzz", dependencies: ["FuzzEntry"], path: "Driver"),
    .target(name: "FuzzEntry", dependencies: ["FuzzTargets"], path: "Entry"),
    .target(
      name: "FuzzTargets", dependencies: [.product(name: "RefxIO", package: "refx")], path: "Targets"),
  ],
  swiftLanguageModes: [.v6]
)
