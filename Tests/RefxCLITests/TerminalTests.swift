import Foundation
import Refx
import RefxIO
import Testing

@Suite struct TerminalTests {
  /// A name as long as those of real models, and one that tries to drive the terminal.
  private static let model: Tree<Leaf> = [
    "model.layers.0.self_attn.q_proj.with_a_very_long_name_that_no_terminal_has_room_for.weight":
      first(numbers(Array(repeating: 1, count: 5000) as [Float], shape: [50, 100]), 0, "params"),
    "short": again(0, "params"),
    "\u{1B}[31mred\u{1B}]0;title\u{7}": numbers([1, 2] as [Float]),
  ]

  @Test func tablesFitTheTerminal() throws {
    let scratch = try Scratch()
    _ = try scratch.save(TerminalTests.model, as: "m.refx")
    for width in [20, 40, 80, 200] {
      let screen = try Terminal(columns: width, in: scratch).run("\"$REFX\" inspect m.refx")
      for line in screen.lines { #expect(line.count <= width, "\(width): \(line)") }
      // Shortened in the middle: both ends can be seen; whole where there is room.
      let path = "model.layers.0.self_attn.q_proj.with_a_very_long_name_that_no_terminal_has_room_for.weight"
      #expect(screen.plain.contains(path) == (width == 200), "\(width)")
      #expect(screen.plain.contains("…") == (width != 200), "\(width)")
      #expect(screen.lines.contains { $0.hasPrefix("mod") }, "\(width)")
      #expect(screen.plain.contains("ght"), "\(width)")
      #expect(screen.plain.contains("float32") && screen.plain.contains("params"))
    }
    // A folded line keeps its own indentation; what follows is farther in.
    _ = try scratch.save(["short": numbers([1] as [Float])], as: "o.refx")
    let folded = try Terminal(columns: 40, in: scratch).run("\"$REFX\" diff m.refx o.refx")
    #expect(folded.lines.contains { $0.hasPrefix("  - \\u{1B}") }, "\(folded.plain)")
    #expect(folded.lines.contains { $0.hasPrefix("    ") })
    #expect(folded.lines.allSatisfy { $0.count <= 40 || $0.contains("with_a_very_long_name") })
    // What is not a terminal gets all of it.
    let piped = try Command.run("inspect", scratch.path("m.refx"))
    #expect(piped.text.contains("that_no_terminal_has_room_for.weight") && !piped.text.contains("…"))
    // A hash is only good as a whole.
    let hashes = try Terminal(columns: 60, in: scratch).run("\"$REFX\" inspect m.refx --hash short")
    #expect(hashes.plain.firstMatch(of: /[0-9a-f]{64}/) != nil)
  }

  @Test func shortenedNamesNeverLookTheSame() throws {
    let scratch = try Scratch()
    let names = (0..<12).map {
      "model.layers.\($0).self_attention.query_key_value.lora_adapter.default.weight"
    }
    let leaf = numbers([1] as [Float])
    _ = try scratch.save(.dictionary(names.map { (Key($0), leaf) }), as: "m.refx")
    for width in [20, 50, 80] {
      let screen = try Terminal(columns: width, in: scratch).run("\"$REFX\" inspect m.refx")
      if width == 20 {
        // No place to tell them apart: they are whole.
        for name in names { #expect(screen.plain.contains(name)) }
      } else {
        let shown = screen.lines.filter { $0.hasPrefix("model") }.map { $0.prefix { $0 != " " } }
        #expect(Set(shown).count == names.count, "\(width): \(shown)")
      }
    }
  }

  @Test func bytesAreForPeopleAndSharingIsAccountedFor() throws {
    let scratch = try Scratch()
    let file = try scratch.save(TerminalTests.model, as: "m.refx")
    let text = try Command.run("inspect", file).text
    #expect(text.contains("sharing saves 49 %: 40.0 kB logical, 20.0 kB unique, "), "\(text)")
    #expect(text.contains("20.0 kB") && !text.contains("20000"))
    let listing = try Command.run("inspect", file, "--json").json()
    #expect(
      listing["totals"]?["bytes"]?["logical"] == 40008 && listing["totals"]?["bytes"]?["unique"] == 20008)
    // Where nothing is shared nothing is said to be saved.
    let plain = try scratch.save(["a": numbers([1] as [Float])], as: "plain.refx")
    #expect(try !Command.run("inspect", plain).text.contains("saves"))
  }

  @Test func colourIsForTerminalsAndThoseWhoAsk() throws {
    let scratch = try Scratch()
    _ = try scratch.save(TerminalTests.model, as: "m.refx")
    func isColoured(_ script: String, _ environment: [String: String] = [:]) throws -> Bool {
      try Terminal(environment: environment, in: scratch).run(script).written.contains("\u{1B}[")
    }
    for command in ["inspect m.refx", "inspect m.refx --tree", "inspect --help", "help"] {
      #expect(try isColoured("\"$REFX\" \(command)"), "\(command)")
      #expect(try !isColoured("\"$REFX\" \(command) | cat"), "\(command)")
      #expect(try !isColoured("\"$REFX\" \(command)", ["NO_COLOR": "1"]), "\(command)")
      #expect(try isColoured("\"$REFX\" \(command)", ["NO_COLOR": ""]), "\(command)")
      #expect(try !isColoured("\"$REFX\" \(command)", ["TERM": "dumb"]), "\(command)")
    }
    for command in ["inspect m.refx", "inspect m.refx --tree", "inspect --help"] {
      #expect(try !isColoured("\"$REFX\" \(command) --color never"), "\(command)")
      #expect(try isColoured("\"$REFX\" \(command) --color=always | cat", ["NO_COLOR": "1"]), "\(command)")
    }
    #expect(try !isColoured("\"$REFX\" inspect m.refx --json"))
    #expect(try !isColoured("\"$REFX\" inspect m.refx --json --color always"))
    // Paths stay plain; names out of files cannot bring sequences of their own.
    let coloured = try Command.run("inspect", scratch.path("m.refx"), "--color", "always").text
    #expect(coloured.contains("\nshort "))
    #expect(coloured.contains("\\u{1B}[31mred\\u{1B}]0;title\\u{7}") && !coloured.contains("\u{7}"))
  }

  /// Every colour that is used can be read on black and on white: the contrast is that of WCAG 2.
  @Test func coloursCanBeReadOnLightAndDark() throws {
    let scratch = try Scratch()
    let file = try scratch.save(TerminalTests.model, as: "m.refx")
    let other = try scratch.save(
      ["short": again(0, "x"), "a": first(numbers([1] as [Float]), 0, "x"), "new": numbers([2] as [Int64])],
      as: "o.refx")
    var text = try Command.run("inspect", file, "--color", "always").text
    text += try Command.run("inspect", file, "--color", "always", "--tree").text
    text += try Command.run("diff", file, other, "--color", "always").text
    let codes = Set(text.matches(of: /\u{1B}\[([0-9;]*)m/).map { String($0.1) })
    #expect(codes.isSuperset(of: ["38;5;133", "38;5;30", "1", "0"]), "\(codes)")
    for code in codes where !["0", "1", "2"].contains(code) {
      let number = try #require(Int(code.split(separator: ";").last ?? ""))
      #expect(code == "38;5;\(number)" && (16...231).contains(number), "\(code) is not of the fixed palette")
      let luminance = Self.luminance(number)
      #expect(1.05 / (luminance + 0.05) > 3.8, "\(code) on white")
      #expect((luminance + 0.05) / 0.05 > 3.8, "\(code) on black")
    }
  }

  /// The relative luminance of a colour of the cube of 6 × 6 × 6.
  private static func luminance(_ number: Int) -> Double {
    func channel(_ level: Int) -> Double {
      let value = Double(level == 0 ? 0 : 55 + 40 * level) / 255
      return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
    let index = number - 16
    return 0.2126 * channel(index / 36) + 0.7152 * channel(index / 6 % 6) + 0.0722 * channel(index % 6)
  }

  @Test func progressIsForTerminalsAndThoseWhoAsk() throws {
    let scratch = try Scratch()
    let big = Tree<Leaf>.dictionary(
      (0..<40).map { (Key("l\($0)"), numbers(Array(repeating: Float($0), count: 100_000))) })
    _ = try scratch.save(big, as: "m.refx")
    // Work that is over at once shows none in auto, however it is run.
    let quick = try Terminal(in: scratch).run("\"$REFX\" digest m.refx")
    #expect(!quick.written.contains("hashing"))
    for width in [20, 40, 80, 200] {
      let screen = try Terminal(columns: width, in: scratch).run("\"$REFX\" digest m.refx --progress always")
      let bars = screen.written.split(separator: "\r").filter { $0.contains("%") }
      #expect(!bars.isEmpty)
      for bar in bars {
        let shown = bar.replacing(/\u{1B}\[[0-9;?]*[A-Za-z]/, with: "").prefix { $0 != "\n" }
        #expect(shown.count < width, "\(width): \(shown)")
      }
      // The first was drawn before anybody could know how fast the work goes.
      #expect(bars.first.map { $0.contains("/s") || $0.contains("left") } == false, "\(width)")
      // It is taken away when the work is done.
      #expect(screen.written.contains("\r\u{1B}[K"))
    }
    let file = scratch.path("m.refx")
    #expect(try Command.run("digest", file).errors.isEmpty)
    #expect(try Command.run("digest", file, "--json").errors.isEmpty)
    let asked = try Command.run("digest", file, "--json", "--progress", "always")
    #expect(asked.errors.contains("100%") && !asked.errors.contains("\u{1B}"), "\(asked.errors)")
    #expect(try asked.json()["values"] != nil)
    let never = try Terminal(in: scratch).run("\"$REFX\" digest m.refx --progress never")
    #expect(!never.written.contains("%"))
  }

  /// A pipe that is slow makes the work take over a second: then the bar comes by itself, on a terminal alone.
  @Test func workThatTakesLongShowsItsProgress() throws {
    let scratch = try Scratch()
    let noise = (0..<12_000_000).map {
      Float(bitPattern: UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) >> 9)
    }
    _ = try scratch.save(["a": numbers(noise)], as: "m.refx")
    let slow = "(sleep 1.4; cat >/dev/null)"
    let shown = try Terminal(in: scratch).run("\"$REFX\" convert m.refx - | \(slow)")
    #expect(
      shown.written.contains("converting") && shown.written.contains("B/s") && shown.written.contains("left"),
      "\(shown.written)")
    let json = try Terminal(in: scratch).run("\"$REFX\" convert m.refx - --json | \(slow)")
    #expect(!json.written.contains("converting"))
    let quiet = try Terminal(in: scratch).run("\"$REFX\" convert m.refx - --quiet | \(slow)")
    #expect(!quiet.written.contains("converting"))
  }
}
