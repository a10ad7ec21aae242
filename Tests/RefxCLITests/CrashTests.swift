import Foundation
import Testing

/// A crash is the end of the process and starts no other.
@Suite struct CrashTests {
  @Test(arguments: ["SEGV", "ILL", "TRAP", "BUS", "ABRT", "FPE"])
  func startsNoProgram(signal: String) throws {
    let scratch = try Scratch()
    let program = scratch.path("swift-backtrace")
    try "#!/bin/sh\ntouch \"\(scratch.path("started"))\"\n".write(
      toFile: program, atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    // By its bare name, as a shell starts what it finds in PATH; it waits for its input.
    let result = try Command.shell(
      """
      mkfifo input
      (exec -a refx "$REFX" inspect - < input) 2> words & child=$!
      exec 3> input
      for try in $(seq 100); do
        [ "$(readlink /proc/$child/fd/0)" = "$PWD/input" ] && grep -q '^State:.S' /proc/$child/status && break
        sleep 0.05
      done
      sleep 0.2
      kill -\(signal) $child
      wait $child
      echo "code $?"
      cat words
      """, in: scratch)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("started")))
    #expect(!result.text.contains("Backtrac"), "\(result.text)")
    #expect(result.text.contains("code 1"), "it did not die by a signal: \(result.text)")
  }
}
