import Foundation
import Testing

@Suite struct InstallTests {
  private static let tool = Repository.folder.appending(path: "Tools/install").path

  @Test func everythingIsPutInItsPlaceAndTakenAway() throws {
    let scratch = try Scratch()
    // The build itself takes minutes; what is done with its result is the same.
    let install = "REFX_BINARY=\"$REFX\" '\(Self.tool)'"
    let result = try Command.shell("\(install) 'my prefix'; find 'my prefix' -type f | sort", in: scratch)
    let folder = scratch.path("my prefix")
    for name in [
      "bin/refx", "share/bash-completion/completions/refx", "share/zsh/site-functions/_refx",
      "share/fish/vendor_completions.d/refx.fish", "share/man/man1/refx.1", "share/man/man1/refx-inspect.1",
    ] {
      #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"), "\(name)")
      // It says where.
      #expect(result.text.contains("\(folder)/\(name)\n"), "\(name)")
    }
    let run = try Command.shell(
      "'my prefix/bin/refx' --version; man -M 'my prefix/share/man' -w refx-get", in: scratch)
    #expect(run.text.hasPrefix("refx ") && run.text.contains("refx-get.1"))
    let sizes = try Command.shell(
      "stat -c %s 'my prefix/bin/refx' \"$(readlink -f \"$REFX\")\"", in: scratch
    ).text.split(separator: "\n").compactMap { Int($0) }
    #expect(sizes.count == 2 && sizes[0] < sizes[1])
    // A page of a command that there is no more goes; what is not ours stays.
    let others =
      "touch 'my prefix/share/man/man1/refx-old.1' 'my prefix/share/man/man1/refxyz.1' 'my prefix/bin/other'"
    let again = try Command.shell(
      "\(others); \(install) 'my prefix' >/dev/null; find 'my prefix' -type f", in: scratch)
    #expect(!again.text.contains("refx-old.1") && again.text.contains("refxyz.1"))
    let removed = try Command.shell(
      "'\(Self.tool)' --uninstall 'my prefix' >/dev/null; find 'my prefix' -type f | sort", in: scratch)
    #expect(removed.text == "my prefix/bin/other\nmy prefix/share/man/man1/refxyz.1\n")
    #expect(try Command.shell("'\(Self.tool)' --uninstall 'my prefix'", in: scratch).code == 1)
    for wrong in ["", "--frob x", "a b"] {
      #expect(try Command.shell("'\(Self.tool)' \(wrong)", in: scratch).code == 2)
    }
    #expect(try Command.shell("\(install) /dev/null/x", in: scratch).code == 1)
  }
}
