import FuzzTargets
import Glibc

/// One reader under libFuzzer. `Tools/fuzz` runs it; see there.
///
///     refx-fuzz --list                  the readers, one a line, with the most bytes of an input
///     refx-fuzz TARGET --seeds FOLDER   writes inputs to begin with, and a dictionary to FOLDER.words
///     refx-fuzz TARGET LIBFUZZER…       fuzzes
enum Fuzz {
  // Set once, before libFuzzer calls.
  nonisolated(unsafe) static var chosen: FuzzTarget?

  static func start(_ arguments: [String]) {
    if arguments == ["--list"] {
      for target in FuzzTarget.all { print(target.name, target.mostBytes) }
      exit(0)
    }
    guard let name = arguments.first, let target = FuzzTarget.named(name) else { fail("no such target") }
    if arguments.count == 3, arguments[1] == "--seeds" {
      writeSeeds(of: target, to: arguments[2])
      exit(0)
    }
    chosen = target
  }

  private static func writeSeeds(of target: FuzzTarget, to folder: String) {
    do {
      for (number, seed) in try target.seeds().enumerated() { write(seed, to: "\(folder)/seed-\(number)") }
    } catch {
      fail("\(target.name): \(error)")
    }
    // What is not text is made of numbers, of which those at the ends are worth most.
    let ends: [[UInt8]] = [4, 8].flatMap { size in
      let rest = [UInt8](repeating: 0xFF, count: size - 1)
      let zeros = [UInt8](repeating: 0, count: size - 1)
      return [rest + [0xFF], rest + [0x7F], zeros + [0x80], [0xFE] + rest, [0xF0] + rest.dropLast() + [0x7F]]
    }
    let words = (target.words.isEmpty ? ends : target.words.map { Array($0.utf8) }).map { word in
      "\"" + word.map { "\\x" + String(256 + Int($0), radix: 16).dropFirst() }.joined() + "\"\n"
    }
    write(Array(words.joined().utf8), to: "\(folder).words")
  }

  private static func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { fail("cannot write \(path)") }
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else { fail("cannot write \(path)") }
  }

  static func fail(_ message: String) -> Never {
    let line = Array("refx-fuzz: \(message)\n".utf8)
    _ = Glibc.write(2, line, line.count)
    abort()
  }
}

/// Takes the target's name out of the arguments.
@_cdecl("refx_fuzz_start")
public func start(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> Int32 {
  let all = (1..<max(1, Int(count.pointee))).compactMap { arguments.pointee[$0].map { String(cString: $0) } }
  Fuzz.start(all)
  arguments.pointee[1] = arguments.pointee[0]
  arguments.pointee += 1
  count.pointee -= 1
  return 0
}

@_cdecl("refx_fuzz_one")
public func one(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  do {
    try Fuzz.chosen?.run(UnsafeRawBufferPointer(start: bytes, count: count))
  } catch {
    Fuzz.fail("\(Fuzz.chosen?.name ?? ""): \(error)")
  }
  return 0
}
