import Glibc
import Synchronization

/// How the temporary of a file is called: `.NAME.refx-tmp-DOMAIN-PID-START-N`, beside the file.
///
/// DOMAIN tells apart the machines, their restarts and their containers that share a folder, so that a process
/// is only ever called dead by one that sees the same processes; START tells it apart from a later one of the
/// same number. A long NAME is cut and given a hash, so that the whole fits in 255 bytes.
struct TemporaryName {
  let folder: String
  /// All of the name that is the same for every temporary of this file.
  let prefix: String

  private static let longestName = 180
  private static let counter = Atomic<Int>(0)

  init(of file: String) {
    let split = FileName(file)
    folder = split.folder
    var name = split.name
    if name.utf8.count > TemporaryName.longestName {
      var kept = name.unicodeScalars
      while kept.count > 0, String(kept).utf8.count > 150 {
        kept.removeLast(max(1, (String(kept).utf8.count - 150) / 4))
      }
      name = String(kept) + "~" + hexadecimalHash(Array(split.name.utf8))
    }
    prefix = ".\(name).refx-tmp-"
  }

  /// The file of which `name` may be a temporary; nil where it is no such name, or a shortened one.
  static func target(of name: String) -> String? {
    guard name.utf8.first == UInt8(ascii: "."), let mark = name.range(ofAscii: ".refx-tmp-") else {
      return nil
    }
    let target = String(name[name.index(after: name.startIndex)..<mark])
    return target.isEmpty || target.utf8.contains(UInt8(ascii: "~")) ? nil : target
  }

  func next() -> String {
    let number = TemporaryName.counter.add(1, ordering: .relaxed).newValue
    let process = ProcessIdentity.own
    return "\(folder)/\(prefix)\(ProcessDomain.own)-\(process.number)-\(process.start ?? 0)-\(number)"
  }

  /// Who makes, or made, a temporary of this file.
  enum Writer: Equatable {
    /// A process that this one can ask about.
    case near(ProcessIdentity)
    /// One of another machine or container, or of before the machine's last start.
    case far
  }

  /// The writer of the temporary called `name`; nil where that is no temporary of this file.
  func writer(of name: String) -> Writer? {
    guard name.utf8.starts(with: prefix.utf8) else { return nil }
    let parts = name.utf8.dropFirst(prefix.utf8.count)
      .split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map { String($0) ?? "" }
    guard parts.count == 4, parts[0].utf8.count == 8, parts[0].utf8.allSatisfy(isHexadecimalDigit),
      let number = pid_t(parts[1]), number > 0, let start = UInt64(parts[2]), Int(parts[3]) != nil
    else { return nil }
    guard parts[0] == ProcessDomain.own else { return .far }
    return .near(ProcessIdentity(number: number, start: start == 0 ? nil : start))
  }

  private func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}

extension String {
  /// Where `text`, which is ASCII, begins for the first time.
  fileprivate func range(ofAscii text: String) -> String.Index? {
    let wanted = Array(text.utf8)
    let bytes = Array(utf8)
    guard bytes.count >= wanted.count else { return nil }
    for start in 0...(bytes.count - wanted.count)
    where bytes[start..<(start + wanted.count)].elementsEqual(wanted) {
      return utf8.index(utf8.startIndex, offsetBy: start)
    }
    return nil
  }
}
