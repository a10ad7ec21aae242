import Foundation
import RefxTestSupport
import Testing

@testable import RefxStore

/// What killed writers leave goes with the next save; what living ones write stays.
@Suite struct StaleTemporaryTests {
  private let folder = ScratchFolder()
  private var path: String { folder.file("a") }

  private func save() throws {
    try AtomicFile.replace(path, durable: false) { try [UInt8(7)].withUnsafeBytes($0.append) }
  }

  private func leave(_ name: String, daysAgo days: Double = 0) throws {
    try "left".write(toFile: folder.file(name), atomically: false, encoding: .utf8)
    if days > 0 {
      let then = Date(timeIntervalSinceNow: -days * 86_400)
      try FileManager.default.setAttributes([.modificationDate: then], ofItemAtPath: folder.file(name))
    }
  }

  /// The name of a temporary of `a`.
  private func name(
    _ process: pid_t, started start: UInt64, domain: String = ProcessDomain.own, of file: String = "a"
  ) -> String {
    ".\(file).refx-tmp-\(domain)-\(process)-\(start)-1"
  }

  /// A process that runs until it is ended.
  private func running() throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sleep")
    process.arguments = ["600"]
    try process.run()
    return process
  }

  private func end(_ process: Process) {
    // It may have been started with other signals blocked.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  @Test func theNameIsOfThisProcess() throws {
    let made = try AtomicFile.replace(path, durable: false) { target in
      try #require(target.temporaryPath?.split(separator: "/").last.map(String.init))
    }
    let writer = TemporaryName(of: path).writer(of: made)
    #expect(writer == .near(.own))
    #expect(ProcessIdentity.own.number == getpid() && ProcessIdentity.own.start != nil)
    #expect(!ProcessIdentity.own.hasEnded)
  }

  @Test func onlyTheTemporariesOfDeadWritersGo() throws {
    let process = try running()
    let number = process.processIdentifier
    let dead = try running()
    end(dead)
    // The system says when it started, in the place where this process finds its own.
    let words = try String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8).split(separator: ")")[1]
    let start = try #require(UInt64(words.split(separator: " ")[19]))

    let stale = [
      name(dead.processIdentifier, started: start),
      // Another process has the number now.
      name(number, started: start - 1), name(getpid(), started: 1),
    ]
    let kept = [
      name(number, started: start), name(number, started: 0), name(getppid(), started: 0),
      // Another file's, and names that only look like it.
      name(dead.processIdentifier, started: start, of: "b"),
      name(dead.processIdentifier, started: start) + "x",
      ".a.refx-tmp-\(dead.processIdentifier)-1-1", ".a.refx-tmp-", "a.refx-tmp",
      ".a.refx-tmp-\(ProcessDomain.own)--1-1-1", ".a.refx-tmp-\(ProcessDomain.own)-99999999999999999999-1-1",
      // Machines and containers whose processes cannot be seen.
      name(dead.processIdentifier, started: start, domain: "00000000"),
    ]
    for name in stale + kept { try leave(name) }
    try save()
    #expect(folder.contents() == (["a"] + kept).sorted())
    end(process)
    try save()
    let gone = [name(number, started: start), name(number, started: 0)]
    #expect(folder.contents() == (["a"] + kept.filter { !gone.contains($0) }).sorted())
  }

  @Test func aWriterThatWasKilledAndNotAskedForIsDead() async throws {
    let process = try running()
    let identity = ProcessIdentity(number: process.processIdentifier, start: nil)
    #expect(!identity.hasEnded)
    // In a process that waits for none of its children, one that ends stays a zombie.
    await #expect(processExitsWith: .success) {
      let child = Process()
      child.executableURL = URL(filePath: "/bin/sh")
      // The grandchild's parent is a program that never asks.
      child.arguments = ["-c", "sh -c 'echo $$' & exec sleep 2"]
      let output = Pipe()
      child.standardOutput = output
      try child.run()
      let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      let number = pid_t(said.trimmingCharacters(in: .whitespacesAndNewlines))!
      let zombie = ProcessIdentity(number: number, start: nil)
      for _ in 0..<100 where !zombie.hasEnded { usleep(10_000) }
      precondition(kill(number, 0) == 0, "it has a number still")
      precondition(zombie.hasEnded)
    }
    end(process)
    #expect(identity.hasEnded)
  }

  @Test func farTemporariesGoAfterADay() throws {
    let (new, old) = (name(1, started: 5, domain: "0123abcd"), name(2, started: 5, domain: "0123abcd"))
    let noHexadecimal = name(3, started: 5, domain: "0123ABCD")
    try leave(new, daysAgo: 0.9)
    try leave(old, daysAgo: 1.1)
    try leave(noHexadecimal, daysAgo: 9)
    try save()
    #expect(folder.contents() == ["a", new, noHexadecimal].sorted())
  }

  @Test func nothingElseIsRemoved() throws {
    // A folder of such a name cannot be a temporary.
    let odd = name(4, started: 5, domain: "0123abcd")
    mkdir(folder.file(odd), 0o755)
    try save()
    #expect(folder.contents() == ["a", odd].sorted())
    rmdir(folder.file(odd))
  }
}
