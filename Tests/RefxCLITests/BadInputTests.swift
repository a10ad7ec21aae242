import Foundation
import Refx
import RefxIO
import Testing

/// What CLI.md promises where something goes wrong outside: limits, full disks, files that change.
@Suite struct BadInputTests {
  /// Numbers that no compression makes smaller.
  private static func noise(_ count: Int) -> Tree<Leaf> {
    var state: UInt64 = 1
    return [
      "a": numbers(
        (0..<count).map { _ -> UInt32 in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return UInt32(truncatingIfNeeded: state >> 32)
        })
    ]
  }

  @Test func aFullQuotaIsAnOrdinaryError() throws {
    let scratch = try Scratch()
    _ = try scratch.save(Self.noise(200_000), as: "m.refx")
    // The shell's own SIGXFSZ is left as it is: refx ignores it by itself.
    for out in ["out.refx", "out.h5", "out.safetensors", "out.npz"] {
      let result = try Command.shell(
        "ulimit -f 100; $REFX convert m.refx \(out) 2>err; echo $?; cat err; ls", in: scratch)
      #expect(result.text.hasPrefix("2\nrefx: "), "\(result.text)")
      #expect(!result.text.contains("\n\(out)\n") && !result.text.contains(".tmp"), "\(result.text)")
    }
    let piped = try Command.shell(
      "ulimit -f 100; $REFX convert m.refx - >big 2>err; echo $?; cat err", in: scratch)
    #expect(piped.text.hasPrefix("2\nrefx: standard output: "), "\(piped.text)")
  }

  @Test func aFullDiskIsAnErrorForEveryCommand() throws {
    let scratch = try Scratch()
    _ = try scratch.save(smallModel(), as: "m.refx")
    for command in [
      "inspect m.refx", "inspect m.refx --json", "inspect m.refx --tree", "get m.refx embedding",
      "diff m.refx m.refx", "digest m.refx", "verify m.refx", "convert m.refx -",
      "convert m.refx x.refx --dry-run",
      "partition m.refx --select path:head=- --rest r.refx --force", "demo", "completions bash", "help",
      "inspect --help", "--version", "--help",
    ] {
      let result = try Command.shell("$REFX \(command) >/dev/full 2>err; echo $?; wc -l <err", in: scratch)
      #expect(result.text == "2\n1\n", "\(command): \(result.text)")
    }
  }

  @Test func aClosedPipeEndsEveryCommandQuietly() throws {
    let scratch = try Scratch()
    let many = Tree<Leaf>.dictionary((0..<4000).map { (Key("leaf \($0)"), numbers([Float($0)])) })
    _ = try scratch.save(many, as: "many.refx")
    _ = try scratch.save(["other": numbers([1] as [Float])], as: "other.refx")
    for command in [
      "inspect many.refx", "inspect many.refx --json", "inspect many.refx --tree --stats",
      "inspect many.refx --hash --json", "diff many.refx other.refx --all", "convert many.refx -",
      "convert many.refx x.refx --dry-run", "get many.refx 'leaf 1'", "completions zsh", "convert --help",
      "demo",
    ] {
      let result = try Command.shell(
        "$REFX \(command) 2>err | true; echo ${PIPESTATUS[0]}; cat err", in: scratch)
      #expect(["0\n", "1\n"].contains(result.text), "\(command): \(result.text)")
      #expect(result.text == "0\n" || command.hasPrefix("diff"), "\(command)")
    }
  }

  @Test func aFileThatIsReplacedIsReadAsItWas() throws {
    let scratch = try Scratch()
    let old = try scratch.save(Self.noise(3_000_000), as: "m.refx")
    let before = try Command.run("digest", old).text
    _ = try scratch.save(["other": numbers([1] as [Float])], as: "new.refx")
    // Another file takes its name in the middle of the reading: the open one is still there.
    let result = try Command.shell(
      """
      cp m.refx moving.refx
      ($REFX digest moving.refx >digest; echo $? >code) &
      while [ ! -s code ]; do cp new.refx next.refx; mv -f next.refx moving.refx; sleep 0.01; done
      wait; cat code digest
      """, in: scratch)
    let other = try Command.run("digest", scratch.path("new.refx")).text
    #expect(["0\n" + before, "0\n" + other].contains(result.text), "\(result.text)")
  }

  @Test func aFileThatIsCutWhileItIsReadIsAnErrorAndNoCrash() throws {
    let scratch = try Scratch()
    _ = try scratch.save(Self.noise(3_000_000), as: "m.refx")
    for command in ["digest", "inspect --stats", "inspect --json --hash", "verify"] {
      // Standard output is a pipe that is not read until the file is cut; a cut before the opening is an error too.
      let result = try Command.shell(
        """
        cp m.refx cut.refx
        ($REFX \(command) cut.refx >out 2>err; echo $? >code) & sleep 0.05; truncate -s 5000000 cut.refx
        wait; cat code
        """, in: scratch)
      #expect(["0\n", "1\n", "2\n"].contains(result.text), "\(command): \(result.text)")
      // What was cut before it came to an end is found.
      let after = try Command.shell("$REFX \(command) cut.refx >/dev/null 2>&1; echo $?", in: scratch)
      #expect(after.text == (command == "verify" ? "1\n" : "2\n"), "\(command)")
    }
  }

  @Test func pipesAndDevicesAreRefusedAsOut() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    #expect(mkfifo(scratch.path("fifo.refx"), 0o600) == 0)
    for out in [scratch.path("fifo.refx"), "/dev/null", scratch.url.path, "/dev/stdout"] {
      for arguments in [
        ["convert", file, out, "--to", "refx", "--force"], ["get", file, "head", "-o", out, "--force"],
        ["merge", file, "-o", out, "--to", "refx", "--force"],
        ["partition", file, "--select", "path:head=\(out)", "--to", "refx", "--force"],
      ] {
        let result = try Command.run(arguments)
        // Standard output of the test is a file: writing over it by that name is as good as by another.
        if out == "/dev/stdout" { continue }
        #expect(
          result.code == 2 && result.errors.hasPrefix("refx: \(out): "), "\(arguments): \(result.errors)")
      }
    }
  }

  @Test func namesCannotDriveATerminal() throws {
    let scratch = try Scratch()
    let evil = "a\u{1B}[2J\u{9B}31m\u{202E}\r\nb\u{7F}"
    let tree: Tree<Leaf> = [
      Key(evil): first(numbers([1] as [Float]), 0, .name(Key(evil))), "t": .static(.string(evil)),
    ]
    let file = try scratch.save(tree, as: "m.refx", metadata: [Key(evil): .string(evil)])
    let other = try scratch.save(["x": numbers([1] as [Float])], as: "o.refx")
    let named = try scratch.save(tree, as: "n\u{1B}[2J.refx")
    for arguments in [
      ["inspect", file], ["inspect", file, "--tree"], ["inspect", file, "--stats", "--hash"],
      ["diff", file, other],
      ["diff", other, file, "--all"], ["digest", file, "--by-collection"], ["get", file, "t"],
      ["get", file, "x"],
      ["verify", named], ["inspect", named], ["inspect", named + "x"], ["convert", file, "-", "--dry-run"],
      ["partition", file, "--by-collection", "-o", scratch.path("p")], ["inspect", file, "--shra\u{1B}[2J"],
      ["frob\u{1B}[2J"], ["inspect", file, "--json"], ["get", named, "x", "--json"],
    ] {
      let result = try Command.run(arguments)
      for scalar in (result.text + result.errors).unicodeScalars {
        let isHarmful =
          scalar.value < 32 && scalar != "\n" || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{202E}"
        #expect(!isHarmful, "\(arguments): U+\(String(scalar.value, radix: 16))")
      }
    }
  }
  /// Escaped, and the same to whoever parses it.
  @Test func jsonGivesNamesAsTheyAre() throws {
    let scratch = try Scratch()
    let names = [
      "\u{9B}31m", "\u{202E}abc", "\u{7F}", "\u{2028}", "\u{FEFF}x", "é漢\u{1F600}", "\u{A0}", "\u{61C}",
    ]
    let file = try scratch.save(
      .dictionary(names.map { (Key($0), numbers([1] as [Float])) }), as: "m.refx")
    let document = try Command.run("inspect", file, "--json").json()
    guard case .array(let leaves) = document["leaves"] else { throw Answerless() }
    #expect(Set(leaves.map { $0["path"]?[0] }) == Set(names.map { .string($0) }))
  }
}

private struct Answerless: Error {}
