import CTOML
import Glibc
import Refx
import RefxStore

extension Rules {
  /// The largest file of rules that is read.
  public static let mostBytes = Int(REFX_TOML_MOST_BYTES)

  /// Reads rules out of a file: TOML with a table `[[rules]]` for each, or JSON, `{"rules": […]}`. What begins with a
  /// brace, or is called `.json`, is JSON.
  ///
  /// - Throws: ``RefxError`` that names the file, the rule's number, counted from 1, and the key that is not as it
  ///   must be.
  public init(contentsOf path: String) throws {
    let file = try InputFile(path: path)
    guard file.byteCount <= Rules.mostBytes else {
      throw RefxError.rulesFile(
        "a file of rules is too large", file: path, expected: "at most \(Rules.mostBytes) bytes",
        found: "\(file.byteCount)")
    }
    let bytes: [UInt8]
    do {
      bytes = try file.bytes(at: 0, count: file.byteCount)
    } catch let error as RefxError {
      throw error.inFile(path)
    }
    try self.init(bytes: bytes, named: path)
  }

  /// Reads rules as ``init(contentsOf:)`` does.
  ///
  /// - Parameter file: what the bytes are called in errors.
  public init(bytes: [UInt8], named file: String) throws {
    let isJSON = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
    let document: JSON
    if isJSON || file.utf8.suffix(5).elementsEqual(".json".utf8) {
      guard bytes.count <= Rules.mostBytes else {
        throw RefxError.rulesFile(
          "a file of rules is too large", file: file, expected: "at most \(Rules.mostBytes) bytes")
      }
      do {
        document = try JSON.parse(bytes, limits: .init(depth: 32))
      } catch let error as RefxError {
        throw error.inFile(file)
      }
    } else {
      document = try JSON(toml: bytes, named: file)
    }
    guard case .object(let object) = document else {
      throw RefxError.rulesFile(
        "this holds no rules", file: file, expected: "a table", found: document.inWords)
    }
    if let other = object.members.first(where: { $0.name != "rules" }) {
      throw RefxError.rulesFile(
        "'\(other.name)' is no key of a file of rules", file: file, expected: "rules alone, a list of tables")
    }
    guard let list = object["rules"] else {
      throw RefxError.rulesFile(
        "this holds no rules", file: file, expected: "[[rules]] before each, or {\"rules\": [...]}")
    }
    guard case .array(let tables) = list else {
      throw RefxError.rulesFile("'rules'", file: file, expected: "a list of tables", found: list.inWords)
    }
    rules = try tables.enumerated().map { position, table in
      guard case .object(let members) = table else {
        throw RefxError.inRule(
          position + 1, "this is no rule", expected: "a table", found: table.inWords, file: file)
      }
      return try RuleReader(number: position + 1, file: file, members).rule()
    }
  }
}

extension JSON {
  /// A document of TOML as JSON; what JSON has no word for, such as a date, is null.
  fileprivate init(toml bytes: [UInt8], named file: String) throws {
    var result = bytes.withUnsafeBytes { refx_toml_to_json($0.baseAddress, $0.count) }
    defer { free(result.json) }
    guard let json = result.json else {
      let message = withUnsafeBytes(of: &result.message) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw RefxError.badTOML(message, line: Int(result.line), column: Int(result.column), file: file)
    }
    do {
      self = try JSON.parse(UnsafeRawBufferPointer(start: json, count: result.count))
    } catch let error as RefxError {
      throw error.inFile(file)
    }
  }

  /// What kind of value this is.
  var inWords: String {
    switch self {
    case .null: "a value that is neither text nor an integer, a boolean, a list or a table"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "'\(value)'"
    case .array: "a list"
    case .object: "a table"
    }
  }
}

/// Reads one rule.
private struct RuleReader {
  let number: Int
  let file: String
  let members: JSONObject

  /// What a rule may begin with, and the keys that may go with each.
  private static let names: [(name: Key, others: [Key])] = [
    ("rename", ["to"]), ("drop", []), ("tag", ["collection"]), ("tie", ["take"]), ("untie", []),
    ("cast", ["from", "dtype"]), ("transpose", ["axes"]), ("nest", []), ("flatten", []),
  ]
  private static let comment: Key = "comment"

  init(number: Int, file: String, _ members: JSONObject) {
    self.number = number
    self.file = file
    self.members = members
  }

  func rule() throws -> Rule {
    let known = RuleReader.names.flatMap { [$0.name] + $0.others } + [RuleReader.comment]
    for member in members.members where !known.contains(member.name) {
      let nearest = known.min {
        Nearest.distance(member.name.string, $0.string) < Nearest.distance(member.name.string, $1.string)
      }
      throw RefxError.inRule(
        number, "'\(member.name)' is no key of a rule",
        advice: nearest.map {
          "did you mean \($0)?" + " Known are \(known.map(\.string).joined(separator: ", "))"
        },
        file: file)
    }
    let found = RuleReader.names.filter { members[$0.name] != nil }
    guard let (name, others) = found.first else {
      throw RefxError.inRule(
        number, "it does nothing",
        expected: "one of \(RuleReader.names.map(\.name.string).joined(separator: ", "))",
        file: file)
    }
    guard found.count == 1 else {
      throw RefxError.inRule(
        number, "it has both \(name) and \(found[1].name)",
        advice: "write two rules, in the order that is meant",
        file: file)
    }
    for member in members.members where ![name, RuleReader.comment].contains(member.name) {
      guard others.contains(member.name) else {
        throw RefxError.inRule(
          number, "'\(member.name)' has no meaning beside \(name)",
          expected: others.isEmpty ? "\(name) alone" : others.map(\.string).joined(separator: " or "),
          file: file)
      }
    }
    if members[RuleReader.comment] != nil { _ = try text(RuleReader.comment) }
    return try read(name)
  }

  private func read(_ name: Key) throws -> Rule {
    switch name.string {
    case "rename":
      let pattern = try pattern(name)
      let to = try text("to")
      return try Rule(.rename(pattern, to: at("to") { try RuleReplacement(to, for: pattern) }))
    case "drop": return try Rule(.drop(pattern(name)))
    case "untie": return try Rule(.untie(pattern(name)))
    case "tag": return try Rule(.tag(pattern(name), collection()))
    case "cast":
      guard members["dtype"] != nil else { throw missing("dtype", "the name of a dtype") }
      return try Rule(.cast(pattern(name), from: dtype("from"), to: dtype("dtype") ?? .float32))
    case "transpose":
      let pattern = try pattern(name)
      let axes = try axes()
      return try at("axes") { try Rule(.transpose(pattern, axes: axes)) }
    case "tie":
      let take = members["take"] == nil ? nil : try pattern("take")
      return try at(name) { try Rule(.tie(patterns(name), take: take)) }
    case "nest":
      let separator = try text(name)
      return try at(name) { try Rule(.nest(separator: separator)) }
    default:
      let separator = try text(name)
      return try at(name) { try Rule(.flatten(separator: separator)) }
    }
  }

  private func text(_ key: Key) throws -> String {
    switch members[key] {
    case .string(let text): return text
    case nil: throw missing(key, "text")
    case let other?: throw wrong(key, "text", other)
    }
  }

  private func pattern(_ key: Key) throws -> RulePattern {
    let text = try text(key)
    return try at(key) { try RulePattern(text) }
  }

  private func patterns(_ key: Key) throws -> [RulePattern] {
    guard case .array(let list) = members[key] else { return [try pattern(key)] }
    return try list.map {
      guard case .string(let text) = $0 else { throw wrong(key, "patterns", $0) }
      return try at(key) { try RulePattern(text) }
    }
  }

  private func dtype(_ key: Key) throws -> DType? {
    if members[key] == nil { return nil }
    let name = try text(key)
    guard let dtype = DType(name: name) else {
      throw RefxError.inRule(
        number, "'\(key)'",
        expected: DType.allCases.filter { $0 != .unsupported }.map(\.name).joined(separator: ", "),
        found: "'\(name)'",
        file: file)
    }
    return dtype
  }

  private func collection() throws -> CollectionTag? {
    let expected = "a name, an integer, or false for none"
    switch members["collection"] {
    case .string(let name): return .name(Key(name))
    case .integer(let number): return .number(number)
    case .bool(false): return nil
    case nil: throw missing("collection", expected)
    case let other?: throw wrong("collection", expected, other)
    }
  }

  private func axes() throws -> [Int]? {
    guard let value = members["axes"] else { return nil }
    guard case .array(let list) = value else {
      throw wrong("axes", "a list of integers, such as [1, 0]", value)
    }
    return try list.map {
      guard case .integer(let axis) = $0, let axis = Int(exactly: axis) else {
        throw wrong("axes", "integers", $0)
      }
      return axis
    }
  }

  private func missing(_ key: Key, _ expected: String) -> RefxError {
    .inRule(number, "'\(key)' is missing", expected: expected, file: file)
  }

  private func wrong(_ key: Key, _ expected: String, _ found: JSON) -> RefxError {
    .inRule(number, "'\(key)'", expected: expected, found: found.inWords, file: file)
  }

  private func at<R>(_ key: Key, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as RefxError {
      if error.file != nil { throw error }
      throw RefxError.inRule(
        number, "'\(key)': \(error.message)", expected: error.expected, found: error.found,
        advice: error.advice,
        file: file)
    }
  }
}
