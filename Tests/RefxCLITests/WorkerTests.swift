import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// libhdf5 in a process of its own: the same answers, and nothing that happens there happens here.
@Suite struct WorkerTests {
  /// One of the files that h5py wrote (`Tools/foreign/make_hdf5.py`).
  static let committed = Repository.folder.appending(path: "Fixtures/foreign/committed-types.h5").path

  private static func worker() throws -> OpenOptions {
    OpenOptions(libraries: .worker(executable: try #require(Command.executable).path))
  }

  @Test func aWorkerAnswersWhatTheProcessItselfWould() throws {
    let here = try Checkpoint.open(WorkerTests.committed)
    let there = try Checkpoint.open(WorkerTests.committed, options: WorkerTests.worker())
    let trees = try [here, there].map { try $0.contents.tree.skippingUnsupported() }
    #expect(try firstDifference(trees[0], trees[1]) == nil)
    #expect(here.warnings == there.warnings)
    let rows = try [here, there].map { try Listing(of: $0.contents.tree).rows }
    #expect(rows[0].map(\.dtype) == rows[1].map(\.dtype) && rows[0].map(\.shape) == rows[1].map(\.shape))
    // Chunks that were written, that were not, and elements within the header.
    for (name, expected) in [
      ("compact", [1, -2, 0.5, 4]), ("plain", [0, 1, 2, 3, 4, 5]),
      ("sparse", (0..<20).map { $0 == 7 ? 9 : 1.5 }), ("packed", (0..<300).map { Double($0) }),
    ] {
      let printed = try Command.run("get", WorkerTests.committed, name)
      #expect(printed.text.split(whereSeparator: \.isWhitespace).map { Double($0) } == expected, "\(name)")
    }
  }

  /// An unwritten dataset behind a user block, and chunks at the edges that no filter has seen: what libhdf5 does not
  /// say by itself.
  @Test(
    arguments: [
      ("user-block.h5", "never", [7, 7, 7, 7]), ("user-block.h5", "written", [0, 1, 2, 3]),
      ("edge-chunks.h5", "edges", Array(0..<100)),
    ] as [(String, String, [Int32])])
  func valuesAreThoseThatWereWritten(file: String, name: String, expected: [Int32]) throws {
    let path = Repository.folder.appending(path: "Fixtures/foreign/\(file)").path
    for options in [OpenOptions(), try WorkerTests.worker()] {
      guard
        case .leaf(let leaf)? = try Checkpoint.open(path, options: options).contents.tree.member(Key(name))
      else {
        Issue.record("no leaf")
        continue
      }
      #expect(try WorkerTests.bytes(of: leaf) == expected.flatMap { withUnsafeBytes(of: $0) { Array($0) } })
    }
  }

  @Test func bytesInMemoryAreReadByAWorkerToo() throws {
    let file = try Command.run("digest", WorkerTests.committed, "--skip-unsupported")
    let piped = try Command.run(
      "digest", "-", "--skip-unsupported",
      input: try Data(contentsOf: URL(fileURLWithPath: WorkerTests.committed)))
    #expect(file.code == 0 && piped.code == 0, "\(piped.errors)")
    #expect(file.text.prefix(64) == piped.text.prefix(64))
  }

  @Test func severalThreadsShareAWorker() throws {
    let tree = try Checkpoint.open(WorkerTests.committed, options: WorkerTests.worker()).contents.tree
    guard case .leaf(let leaf)? = tree.member("plain chunks") else {
      Issue.record("no leaf")
      return
    }
    let expected = try WorkerTests.bytes(of: leaf)
    #expect(expected.count == 80)
    DispatchQueue.concurrentPerform(iterations: 16) { _ in
      #expect((try? WorkerTests.bytes(of: leaf)) == expected)
    }
  }

  @Test(arguments: ["heap-crash-1.h5", "heap-crash-2.h5", "heap-crash-3.h5"])
  func aCrashIsAnErrorOfTheLibraryToo(name: String) throws {
    let file = Repository.folder.appending(path: "Fixtures/hostile/\(name)").path
    let error = #expect(throws: RefxError.self) {
      try Checkpoint.open(file, options: WorkerTests.worker())
    }
    #expect(error?.code == .damaged && error?.file == file)
    #expect(error?.summary.contains("the HDF5 library crashed on the file (signal ") == true, "\(error!)")
  }

  /// Programs that are no workers: none at all, one that ends, one that says something else.
  @Test func aProgramThatIsNoWorkerIsAnError() throws {
    let scratch = try Scratch()
    let babbler = try scratch.write(Array("#!/bin/sh\nhead -c 4096 /dev/urandom >&0\n".utf8), as: "babbler")
    let zeros = try scratch.write(Array("#!/bin/sh\nhead -c 4096 /dev/zero >&0\n".utf8), as: "zeros")
    for script in [babbler, zeros] { #expect(chmod(script, 0o700) == 0) }
    for executable in ["/nonexistent/refx", "/bin/true", "/bin/ls", babbler, zeros] {
      let error = #expect(throws: RefxError.self) {
        try Checkpoint.open(
          WorkerTests.committed, options: OpenOptions(libraries: .worker(executable: executable)))
      }
      #expect(error?.file == WorkerTests.committed, "\(executable)")
    }
    let missing = #expect(throws: RefxError.self) {
      try Checkpoint.open(WorkerTests.committed, options: OpenOptions(libraries: .worker(executable: "/no")))
    }
    #expect(missing?.summary.contains("cannot start /no") == true)
  }

  /// What a worker has given up, as the system tells it.
  @Test func aWorkerCanDoNothingElse() throws {
    let tree = try Checkpoint.open(WorkerTests.committed, options: WorkerTests.worker()).contents.tree
    try withExtendedLifetime(tree) {
      let workers = try WorkerTests.children(called: "--refx-hdf5-worker")
      #expect(!workers.isEmpty)
      for worker in workers {
        let status = try String(contentsOfFile: "/proc/\(worker)/status", encoding: .utf8)
        let limits = try String(contentsOfFile: "/proc/\(worker)/limits", encoding: .utf8)
        let environment = try String(contentsOfFile: "/proc/\(worker)/environ", encoding: .utf8)
        func has(_ text: String, _ pattern: String) -> Bool {
          text.range(of: pattern, options: .regularExpression) != nil
        }
        #expect(has(status, #"NoNewPrivs:\s+1"#) && has(status, #"Seccomp:\s+2"#))
        #expect(has(limits, #"Max core file size\s+0\s+0"#) && has(limits, #"Max file size\s+0\s+0"#))
        #expect(!has(limits, #"Max data size\s+unlimited"#))
        #expect(!environment.contains("HDF5") && !environment.contains("HOME="))
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/fd")
        #expect(open.count <= 6, "\(open)")
      }
    }
  }

  @Test func noWorkerOutlivesItsFile() throws {
    let before = Set(try WorkerTests.children(called: "--refx-hdf5-worker"))
    var started: Set<Int32> = []
    do {
      let opened = try Checkpoint.open(WorkerTests.committed, options: WorkerTests.worker())
      try withExtendedLifetime(opened) {
        started = Set(try WorkerTests.children(called: "--refx-hdf5-worker")).subtracting(before)
      }
    }
    // Some may be of other tests, which run at the same time.
    let isOneGone = started.contains { kill($0, 0) != 0 }
    #expect(!started.isEmpty && isOneGone)
  }

  /// A plugin folder and the like in the environment are not for the worker.
  @Test func theEnvironmentHasNoSay() throws {
    let scratch = try Scratch()
    let plain = try Command.run("inspect", "--hash", "--json", WorkerTests.committed)
    let told = try Command.run(
      "inspect", "--hash", "--json", WorkerTests.committed,
      environment: [
        "HDF5_PLUGIN_PATH": scratch.url.path, "HDF5_DRIVER": "core", "HDF5_USE_FILE_LOCKING": "TRUE",
        "HDF5_DISABLE_VERSION_CHECK": "0",
      ])
    #expect(plain.code == 0 && plain.text == told.text)
  }

  static func bytes(of leaf: Leaf) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xFF, count: leaf.byteCount)
    try bytes.withUnsafeMutableBytes { try leaf.source.read(at: 0, into: $0) }
    return bytes
  }

  /// The children of this process with that word in their command line.
  private static func children(called word: String) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { process in
      guard let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8),
        words.contains(word),
        let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
      else { return false }
      return status.contains("PPid:\t\(getpid())\n")
    }
  }
}
