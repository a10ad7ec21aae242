import Foundation
import Refx
import RefxIO
import Testing

@Suite struct CompletionTests {
  /// What the shells are told, one answer a line, with what it means.
  private func answers(_ words: String..., in scratch: Scratch? = nil) throws -> [String] {
    let result = try Command.run(["---complete", "fish"] + words)
    #expect(result.code == 0 && result.errors.isEmpty)
    return result.text.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
  }

  private static let model: Tree<Leaf> = [
    "encoder": [
      "layers": .list([["weight": numbers([1] as [Float])], ["weight": numbers([2] as [Float])]]),
      "name": .static("relu"),
    ],
    "encoding": first(numbers([1] as [Float]), 0, "params"),
    "head": again(0, "params"),
    "a b": ["it's": numbers([1] as [Float])],
    "x:y=z": numbers([1] as [Float]),
    "st*r": numbers([1] as [Float]),
    "evil\u{1B}[31m": numbers([1] as [Float]),
    "sl/ash": numbers([1] as [Float]),
  ]

  @Test func commandsOptionsAndValues() throws {
    #expect(try answers("ins") == ["answers", "inspect"])
    #expect(try answers("help", "di") == ["answers", "diff", "digest"])
    #expect(try answers("--ver") == ["answers", "--version"])
    #expect(try answers("inspect", "--sh") == ["answers", "--shared"])
    #expect(try answers("inspect", "f", "--shared", "--s").contains("--shared") == false)
    #expect(try answers("lint", "--only", "") == ["answers"] + LintCode.allCases.map(\.rawValue))
    #expect(try answers("lint", "--ignore", "nan,inf") == ["answers", "nan,infinite"])
    #expect(
      try answers("diff", "--only", "") == [
        "answers", "structure", "topology", "collection", "type", "value",
      ])
    #expect(try answers("diff", "--only", "type,v") == ["answers", "type,value"])
    #expect(try answers("inspect", "--color", "") == ["answers", "auto", "always", "never"])
    #expect(try answers("inspect", "--color=n") == ["answers", "--color=never"])
    #expect(try answers("convert", "a", "b", "--compression", "b") == ["answers", "best"])
    #expect(try answers("convert", "a", "b", "--to", "safe") == ["answers", "safetensors"])
    #expect(try answers("convert", "a", "b", "--dtype", "bf") == ["answers", "bfloat16="])
    #expect(try answers("convert", "a", "b", "--dtype", "float32=bf") == ["answers", "float32=bfloat16"])
    #expect(
      try answers("diff", "a", "b", "--only", "value,t") == ["answers", "value,topology", "value,type"])
    #expect(try answers("completions", "") == ["answers", "bash", "zsh", "fish"])
    #expect(try answers("partition", "a", "--select", "co") == ["answers", "collection:"])
    #expect(try answers("inspect", "") == ["files"] && answers("convert", "a", "") == ["files"])
    #expect(try answers("get", "a", "p", "-o", "") == ["files"])
    #expect(try answers("partition", "a", "-o", "") == ["folders"])
    #expect(try answers("convert", "a", "b", "c") == ["answers"] && answers("frob", "x") == ["answers"])
    #expect(try answers("get", "--", "f", "--") == ["answers"])
    // Every option of every command is offered.
    for command in HelpTests.commands {
      let help = try Command.run(command, "--help").text
      let declared = help.matches(of: /\n {2,6}(?:-[a-z], )?(--[a-z-]+)/).map { String($0.1) }
      #expect(try Set(answers(command, "--").dropFirst()) == Set(declared), "\(command)")
    }
  }

  @Test func pathsInAFileGoOnToTheNextKey() throws {
    let scratch = try Scratch()
    for name in ["m.refx", "m.h5", "m.safetensors"] {
      let file = scratch.path(name)
      try Checkpoint.save(tree: Self.model, to: file, durability: .none)
      #expect(try answers("get", file, "enc") == ["answers", "encoder/", "encoding"], "\(name)")
      #expect(try answers("get", file, "encoder/") == ["answers", "encoder/layers/", "encoder/name"])
      #expect(
        try answers("get", file, "encoder/layers/") == ["answers", "encoder/layers/0/", "encoder/layers/1/"])
      #expect(try answers("get", file, "encoder/layers/1/w") == ["answers", "encoder/layers/1/weight"])
      #expect(try answers("get", file, "nothing/") == ["answers"])
      #expect(try answers("get", file, "evil") == ["answers"])
      #expect(try answers("get", file, "sl") == ["answers", "sl~1ash"])
      // A pattern that matches this path alone.
      #expect(try answers("inspect", file, "st") == ["answers", "st\\*r"])
      #expect(try answers("inspect", file, "head", "enc") == ["answers", "encoder/", "encoding"])
      #expect(try answers("inspect", file, "--collection", "p") == ["answers", "params"])
      #expect(
        try answers("partition", file, "--select", "path:enc").dropFirst() == [
          "path:encoder/", "path:encoding=",
        ])
      #expect(try answers("partition", file, "--select", "collection:").contains("collection:params="))
    }
    let kinds = try Command.run("---complete", "fish", "get", scratch.path("m.refx"), "encoding").text
    #expect(kinds == "answers\nencoding\tfloat32 [1]\n")
  }

  @Test func tenThousandLeavesAreQuick() throws {
    let scratch = try Scratch()
    let leaf = numbers([1] as [Float])
    let tree = Tree<Leaf>.dictionary(
      (0..<100).map { outer in
        (Key("layer\(outer)"), .dictionary((0..<100).map { (Key("weight\($0)"), leaf) }))
      })
    for name in ["m.refx", "m.safetensors"] {
      try Checkpoint.save(tree: tree, to: scratch.path(name), durability: .none)
      let start = ContinuousClock.now
      #expect(try answers("get", scratch.path(name), "layer7/weight").count == 101)
      // Of the debug build, on a machine that does other things as well.
      #expect(start.duration(to: .now) < .seconds(3), "\(name)")
    }
  }

  @Test func nothingThatIsWrongIsHeardOf() throws {
    let scratch = try Scratch()
    let whole = try scratch.save(Self.model, as: "whole.refx")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
    var files = [
      scratch.path("missing.refx"), scratch.url.path, "/dev/zero", "-",
      try scratch.write([], as: "empty.refx"), try scratch.write(Array(bytes.dropLast(40)), as: "cut.refx"),
    ]
    #expect(mkfifo(scratch.path("fifo.refx"), 0o600) == 0)
    files.append(scratch.path("fifo.refx"))
    for position in stride(from: 0, to: bytes.count, by: 37) {
      var broken = bytes
      broken[position] ^= 0x41
      files.append(try scratch.write(broken, as: "broken\(position).refx"))
    }
    let hostile = Repository.folder.appending(path: "Fixtures/hostile").path
    for name in ["heap-crash-1.h5", "heap-endless.h5"] { files.append("\(hostile)/\(name)") }
    for file in files {
      let start = ContinuousClock.now
      let result = try Command.run("---complete", "fish", "get", file, "enc")
      #expect(result.code == 0 && result.signal == nil && result.errors.isEmpty, "\(file)")
      #expect(result.text.isEmpty || result.text.hasPrefix("answers\n"), "\(file)")
      // Three seconds at the most, and what a busy machine takes to start it.
      #expect(start.duration(to: .now) < .seconds(15), "\(file)")
    }
    for arguments in [[], ["fish"], ["bash"], ["bash", ""], ["frob", "x"]] {
      let result = try Command.run(["---complete"] + arguments)
      #expect(result.code == 0 && result.errors.isEmpty)
    }
  }

  // MARK: Real shells

  /// What bash makes of a line, as readline would ask its completion.
  private func bash(_ line: String, in scratch: Scratch) throws -> [String] {
    let script = #"""
      PATH=$(dirname "$REFX"):$PATH
      eval "$(refx completions bash)"
      line=$1
      COMP_LINE=$line COMP_POINT=${#line} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
      read -r -a COMP_WORDS <<<"$line"
      compopt() { printf 'option %s\n' "$2"; }
      _refx_complete refx
      printf '%s\n' "${COMPREPLY[@]}"
      """#
    _ = try scratch.write(Array(script.utf8), as: "ask.bash")
    let result = try Command.shell("bash ask.bash '\(line.replacing("'", with: "'\\''"))'", in: scratch)
    return result.text.split(separator: "\n").map(String.init)
  }

  @Test func bashQuotesWhatItPutsIn() throws {
    let scratch = try Scratch()
    _ = try scratch.save(Self.model, as: "m.refx")
    #expect(try bash("refx ins", in: scratch) == ["inspect"])
    #expect(try bash("refx get m.refx encoder/l", in: scratch) == ["option nospace", "encoder/layers/"])
    #expect(try bash("refx get m.refx a", in: scratch) == ["option nospace", #"a\ b/"#])
    #expect(try bash(#"refx get m.refx a\ b/"#, in: scratch) == [#"a\ b/it\'s"#])
    #expect(try bash("refx get m.refx 'a b/", in: scratch) == [#"a b/it'\''s"#])
    #expect(try bash("refx get m.refx \"a b/", in: scratch) == ["a b/it's"])
    // What stands before : and = stays on the line.
    #expect(try bash("refx get m.refx x", in: scratch) == ["x:y=z"])
    #expect(try bash("refx get m.refx x:y", in: scratch) == ["y=z"])
    #expect(try bash("refx inspect m.refx --color=a", in: scratch) == ["auto", "always"])
    #expect(try bash("refx inspect ", in: scratch) == ["option default"])
    #expect(try bash("refx partition m.refx -o ", in: scratch) == ["option plusdirs"])
    #expect(try bash("A=1 refx ver", in: scratch) == ["verify"])
    #expect(try bash("refx lint m.refx --only dangling-l", in: scratch) == ["dangling-link"])
    #expect(try bash("refx lint --only=nan,in", in: scratch) == ["nan,infinite"])
  }

  /// A key is pressed in a real shell, and the line is looked at.
  @Test(arguments: ["bash", "zsh", "fish"])
  func theKeyIsPressed(shell: String) throws {
    let path = "/usr/bin/\(shell)"
    guard FileManager.default.isExecutableFile(atPath: path),
      FileManager.default.isExecutableFile(atPath: "/usr/bin/tmux")
    else { return Skipped.note("\(shell) or tmux is not installed") }
    let scratch = try Scratch()
    _ = try scratch.save(Self.model, as: "m.refx")
    let window = try TerminalWindow(shell, in: scratch)
    #expect(try window.line(after: "refx ins\t") == "refx inspect ")
    #expect(
      try window.line(after: "refx get m.re\tencoder/l\t1\tw\t").hasPrefix(
        "refx get m.refx encoder/layers/1/weight"))
    #expect(try window.line(after: "refx get m.refx encodi\t").hasPrefix("refx get m.refx encoding"))
    #expect(try window.line(after: "refx get m.refx a\tit\t").contains(#"a\ b/it\'s"#))
    #expect(
      try window.line(after: "refx inspect m.refx --color ne\t").hasPrefix(
        "refx inspect m.refx --color never"))
    #expect(try window.line(after: "refx inspect m.refx --sh\t").hasPrefix("refx inspect m.refx --shared"))
    #expect(try window.line(after: "refx get missing.refx enc\t") == "refx get missing.refx enc")
  }
}

/// A test that cannot be made here says so.
enum Skipped {
  static func note(_ reason: String) { print("skipped: \(reason)") }
}

/// A shell in a window of tmux, with the completions loaded.
private final class TerminalWindow {
  private let scratch: Scratch
  private let socket: String
  private let shell: String

  init(_ shell: String, in scratch: Scratch) throws {
    self.scratch = scratch
    self.shell = shell
    socket = scratch.path("tmux")
    let folder = try #require(Command.executable).deletingLastPathComponent().path
    let start =
      switch shell {
      case "bash": "bash --noprofile --norc -i"
      case "zsh": "zsh -f -i"
      default: "fish --no-config -i"
      }
    try tmux(
      "-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "30", "env", "PATH=\(folder):/usr/bin:/bin",
      "HOME=\(scratch.url.path)", "LANG=C.UTF-8", "sh", "-c", "cd \(scratch.url.path) && exec \(start)")
    switch shell {
    case "bash": try type("PS1='> '; eval \"$(refx completions bash)\"")
    case "zsh":
      try type(
        "PS1='> '; autoload -Uz compinit; compinit -u -d \(scratch.path("dump")); eval \"$(refx completions zsh)\""
      )
    default:
      try type(
        "function fish_prompt; printf '> '; end; function fish_right_prompt; end; refx completions fish | source"
      )
    }
    try tmux("send-keys", "Enter")
    usleep(2_500_000)
  }

  /// The server waits for its shell, and a shell at its prompt does not heed a signal that only asks.
  deinit {
    let processes = (try? tmux("display-message", "-p", "#{pane_pid} #{pid}")) ?? ""
    for process in processes.split(whereSeparator: \.isWhitespace).compactMap({ pid_t($0) }) where process > 1
    {
      kill(process, SIGKILL)
    }
  }

  private func type(_ text: String) throws { try tmux("send-keys", "-l", text) }

  /// The line that is being written after these keys; then it is taken away.
  func line(after keys: String) throws -> String {
    try tmux("send-keys", "C-u")
    try tmux("send-keys", "C-l")
    usleep(300_000)
    for (position, part) in keys.split(separator: "\t", omittingEmptySubsequences: false).enumerated() {
      if position > 0 {
        try tmux("send-keys", "Tab")
        usleep(1_500_000)
      }
      if !part.isEmpty { try type(String(part)) }
    }
    usleep(400_000)
    let screen = try tmux("capture-pane", "-p", "-J")
    try tmux("send-keys", "C-u")
    let line = screen.split(separator: "\n").first { $0.hasPrefix("> ") } ?? ""
    return String(line.dropFirst(2))
  }

  @discardableResult
  private func tmux(_ arguments: String...) throws -> String {
    // The server stays, and with it whatever descriptors it gets: a pipe, even of another test, would never end.
    let script = """
      for name in /proc/self/fd/*; do number=${name##*/}; [ "$number" -gt 2 ] && eval "exec $number>&-"; done
      out=$1; shift
      exec tmux "$@" >"$out" 2>/dev/null
      """
    let output = scratch.path("screen")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script, "bash", output, "-S", socket] + arguments
    process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
  }
}
