import Refx
import RefxStore

extension Communicator {
  /// Runs `body` on every rank, and waits for all: either it went well everywhere, or every rank throws the error of
  /// the first rank where it did not.
  ///
  /// So nobody goes on alone, and nobody waits for one that has given up.
  ///
  /// - Throws: ``RefxError``; it names the rank.
  public func agree<Result>(_ body: () throws -> Result) throws -> Result {
    var result: Result?
    var failure: RefxError?
    do { result = try body() } catch { failure = RefxError.from(error) }
    let words = try gatherToAll(RankReport.bytes(of: failure))
    try RankReport.throwFirst(of: words, size: size)
    guard let result else { throw RefxError.ranksOutOfStep() }
    return result
  }

  /// Gives what `body` makes on rank `root` to all.
  ///
  /// - Throws: what `body` throws, on every rank.
  func share(from root: Int = 0, _ body: () throws -> [UInt8]) throws -> [UInt8] {
    var words: [UInt8] = []
    if rank == root {
      do { words = RankReport.bytes(of: nil) + (try body()) } catch {
        words = RankReport.bytes(of: RefxError.from(error))
      }
    }
    let given = try broadcast(words, from: root)
    if let failure = try RankReport.failure(in: given) { throw failure.onRank(root, of: size) }
    return Array(given.dropFirst())
  }
}

/// What a rank tells the others about how it went: a byte, and the error where there is one.
enum RankReport {
  private static let well: UInt8 = 0x57
  private static let failed: UInt8 = 0x46

  static func bytes(of failure: RefxError?) -> [UInt8] {
    guard let failure else { return [well] }
    return [failed] + failure.json.bytes()
  }

  /// - Throws: where the words are none of these: the ranks are not at the same place.
  static func failure(in words: [UInt8]) throws -> RefxError? {
    switch words.first {
    case well: return nil
    case failed: return RefxError(json: try JSON.parse(Array(words.dropFirst())))
    default: throw RefxError.ranksOutOfStep()
    }
  }

  /// Throws the error of the first rank that has one.
  static func throwFirst(of words: [[UInt8]], size: Int) throws {
    for (rank, word) in words.enumerated() {
      if let failure = try failure(in: word) { throw failure.onRank(rank, of: size) }
    }
  }
}

extension RefxError {
  static func from(_ error: any Error) -> RefxError {
    error as? RefxError ?? RefxError(.system, String(describing: error))
  }

  /// What another rank needs to say the same. The cause stays where it is.
  fileprivate var json: JSON {
    var members: [JSONObject.Member] = [
      .init("code", .string(code.rawValue)), .init("message", .string(message)),
    ]
    func add(_ name: Key, _ text: String?) {
      if let text { members.append(.init(name, .string(text))) }
    }
    add("file", file)
    add("expected", expected)
    add("found", found)
    add("advice", advice)
    if let path { members.append(.init("path", .array(path.keys.map { .string($0.string) }))) }
    switch place {
    case .byte(let offset): members.append(.init("byte", .integer(Int64(offset))))
    case .object(let name): add("object", name)
    case nil: break
    }
    members.append(.init("details", .array(details.map { .string($0) })))
    return .object(JSONObject(members))
  }

  fileprivate init(json: JSON) {
    func text(_ name: Key) -> String? {
      guard case .object(let object) = json, case .string(let text)? = object[name] else { return nil }
      return text
    }
    func texts(_ name: Key) -> [String]? {
      guard case .object(let object) = json, case .array(let items)? = object[name] else { return nil }
      return items.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }
    self.init(
      Code(rawValue: text("code") ?? Code.system.rawValue), text("message") ?? "", file: text("file"),
      path: texts("path").map { Path($0.map { Key($0) }) }, place: text("object").map { .object($0) },
      expected: text("expected"), found: text("found"), advice: text("advice"),
      details: texts("details") ?? [])
    if case .object(let object) = json, case .integer(let offset)? = object["byte"] {
      place = .byte(Int(offset))
    }
  }
}
