import Glibc
import Refx
import RefxStore
import RefxTestSupport

/// Shows damaged files to the built command.
struct CommandCheck {
  private let command: String
  private let folder = ScratchFolder()
  private let file: String
  private var sound: [UInt8] = []

  /// - Returns: nil where there is no command.
  init?(_ sample: Sample, _ setting: Setting) throws {
    guard let command = setting.command else { return nil }
    self.command = command
    file = folder.file("damaged.\(sample.name.split(separator: ".").last ?? "")")
    let digest = try run("digest", on: sample.bytes)
    guard digest.code == 0 else { throw RefxError(.damaged, "the command refuses it", file: sample.name) }
    sound = digest.output
  }

  /// What is wrong with how the command takes the file; nil where it says the same as of the sound one, or
  /// refuses in a sentence.
  func complaint(about bytes: [UInt8]) -> String? {
    do {
      let digest = try run("digest", on: bytes)
      if let signal = digest.signal { return "dies of signal \(signal) in digest" }
      switch digest.code {
      case 0 where digest.output == sound: break
      case 0: return "gives another digest without an error"
      case 2 where digest.errors.starts(with: Array("refx: ".utf8)): break
      default: return "ends digest with \(digest.code)"
      }
      let verify = try run("verify", on: bytes)
      if let signal = verify.signal { return "dies of signal \(signal) in verify" }
      guard (0...2).contains(verify.code) else { return "ends verify with \(verify.code)" }
      if verify.code == 0, digest.code != 0 { return "verifies a file that it cannot digest" }
      return nil
    } catch {
      return "cannot be run: \(error)"
    }
  }

  private struct Result {
    let code: Int32
    let signal: Int32?
    let output: [UInt8]
    let errors: [UInt8]
  }

  private func run(_ name: String, on bytes: [UInt8]) throws -> Result {
    try AtomicFile.replace(file, durable: false) { target in
      try bytes.withUnsafeBytes { try target.append($0) }
    }
    let outputs = [folder.file("out"), folder.file("err")]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (position, output) in outputs.enumerated() {
      posix_spawn_file_actions_addopen(
        &actions, Int32(position + 1), output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    var words: [UnsafeMutablePointer<CChar>?] =
      [command, name, file].map { (word: String) in strdup(word) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let failure = posix_spawn(&child, command, &actions, nil, &words, environ)
    guard failure == 0 else { throw RefxError.system("cannot run", errno: failure, file: command) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { break } }
    let signal = status & 0x7F
    let texts = try outputs.map { path in
      let file = try InputFile(path: path)
      return try file.bytes(at: 0, count: file.byteCount)
    }
    return Result(
      code: status >> 8, signal: signal == 0 ? nil : signal, output: texts[0], errors: texts[1])
  }
}
