import Foundation
import Refx
import RefxStore

/// What the original answered: `Fixtures/refx-oracle.json`, or the file that `REFX_ORACLE` names.
struct OracleFile: Sendable {
  var producedBy: String
  var cases: [OracleCase]
  var refusals: [OracleRefusal]

  static let path: String =
    ProcessInfo.processInfo.environment["REFX_ORACLE"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../Fixtures/refx-oracle.json").standardized.path

  /// Read once; a failure is one of the suite's tests.
  static let read: Result<OracleFile, any Error> = Result {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    return try OracleFile(JSON.parse(bytes))
  }

  static var cases: [OracleCase] { (try? read.get().cases) ?? [] }
  static var refusals: [OracleRefusal] { (try? read.get().refusals) ?? [] }

  init(_ json: JSON) throws {
    var fields = try Fields(json, of: "the file")
    producedBy = try fields.take("producedBy").string()
    cases = try fields.take("cases").array().map(OracleCase.init)
    refusals = try fields.take("refusals").array().map(OracleRefusal.init)
    try fields.finish()
  }
}

/// One random tree with the original's answers.
struct OracleCase: Sendable, CustomStringConvertible {
  struct LiveValue: Sendable {
    var collection: CollectionTag?
    var value: Node
  }

  /// A leaf in its place: a plain one, a Ref by its name, or Nothing.
  enum Standing: Equatable, Sendable {
    case leaf(Scalar)
    case ref(String)
    case nothing
  }

  var name: String
  var refs: [String: LiveValue]
  var tree: Node
  var leaves: [(path: Path, standing: Standing)]
  var deref: Node
  var rerefClasses: [Int64]
  var predicates: [CollectionTag?]
  var partitions: [[Standing]]
  var merged: Bool
  var updateSource: Node
  var updateAfter: [String: Scalar]

  var description: String { name }

  init(_ json: JSON) throws {
    var fields = try Fields(json, of: "a case")
    name = try fields.take("name").string()
    refs = [:]
    for member in try fields.take("refs").object().members {
      var ref = try Fields(member.value, of: "a ref")
      refs[member.name.string] = LiveValue(
        collection: try ref.take("collection").collection(), value: try Node(value: ref.take("value")))
      try ref.finish()
    }
    tree = try Node(fields.take("tree"))
    leaves = try fields.take("leaves").array().map { entry in
      let parts = try entry.array()
      guard parts.count == 3 else { throw OracleError("a leaf of \(parts.count) parts") }
      let path = Path(try parts[0].array().map { Key(try $0.string()) })
      return (path, try Standing(.array(Array(parts[1...]))))
    }
    deref = try Node(fields.take("deref"))
    rerefClasses = try fields.take("rerefClasses").array().map { try $0.integer() }
    predicates = try fields.take("predicates").array().map { try $0.collection() }
    partitions = try fields.take("partitions").array().map { try $0.array().map(Standing.init) }
    merged = try fields.take("merged").bool()
    var update = try Fields(fields.take("update"), of: "an update")
    updateSource = try Node(update.take("source"))
    updateAfter = [:]
    for member in try update.take("after").object().members {
      updateAfter[member.name.string] = try Scalar(member.value)
    }
    try update.finish()
    try fields.finish()
  }
}

extension OracleCase.Standing {
  init(_ json: JSON) throws {
    if json == .null {
      self = .nothing
      return
    }
    let parts = try json.array()
    switch (try parts.first?.string(), parts.count) {
    case ("leaf", 2): self = .leaf(try Scalar(parts[1]))
    case ("ref", 2): self = .ref(try parts[1].string())
    case ("nothing", _): self = .nothing
    default: throw OracleError("no leaf: \(json)")
    }
  }
}

/// A number or boolean of the file.
enum Scalar: Hashable, Sendable {
  case int(Int64), float(Double), bool(Bool)

  init(_ json: JSON) throws {
    switch json {
    case .integer(let value): self = .int(value)
    case .number(let value): self = .float(value)
    case .bool(let value): self = .bool(value)
    default: throw OracleError("no number: \(json)")
    }
  }

  init(_ leaf: Leaf) throws {
    switch leaf.dtype {
    case .bool: self = .bool(try Bool(leaf: leaf))
    case .float64: self = .float(try Double(leaf: leaf))
    default: self = .int(try Int64(leaf: leaf))
    }
  }

  var leaf: Leaf {
    switch self {
    case .int(let value): Leaf(value)
    case .float(let value): Leaf(value)
    case .bool(let value): Leaf(value)
    }
  }
}

/// A tree of the file.
indirect enum Node: Sendable {
  case leaf(Scalar)
  case ref(String)
  case dict([(Key, Node)])
  case list([Node])
  case tuple([Node])
  case none, nothing
  case fixed(StaticValue)
  case value(index: Int64, collection: CollectionTag?, Node)
  case index(Int64, collection: CollectionTag?)

  init(_ json: JSON) throws {
    let members = try json.object().members
    guard let member = members.first, members.count == 1 else { throw OracleError("no node: \(json)") }
    switch member.name.string {
    case "leaf": self = .leaf(try Scalar(member.value))
    case "ref": self = .ref(try member.value.string())
    case "dict": self = .dict(try member.value.object().members.map { ($0.name, try Node($0.value)) })
    case "list": self = .list(try member.value.array().map { try Node($0) })
    case "tuple": self = .tuple(try member.value.array().map { try Node($0) })
    case "none": self = .none
    case "nothing": self = .nothing
    case "static": self = .fixed(try member.value.staticValue())
    case "value":
      let parts = try member.value.array()
      guard parts.count == 3 else { throw OracleError("a value of \(parts.count) parts") }
      self = .value(
        index: try parts[0].integer(), collection: try parts[1].collection(), try Node(value: parts[2]))
    case "index":
      let parts = try member.value.array()
      guard parts.count == 2 else { throw OracleError("an index of \(parts.count) parts") }
      self = .index(try parts[0].integer(), collection: try parts[1].collection())
    default: throw OracleError("a node of the kind \(member.name)")
    }
  }

  /// What a Ref holds: a number, or a tree.
  init(value json: JSON) throws {
    if case .object = json { try self.init(json) } else { self = .leaf(try Scalar(json)) }
  }
}

struct OracleRefusal: Sendable, CustomStringConvertible {
  var name: String
  /// The kind of Python's exception; nil where nothing is refused.
  var raises: String?
  var message: String?

  var description: String { name }

  init(_ json: JSON) throws {
    var fields = try Fields(json, of: "a refusal")
    name = try fields.take("name").string()
    let kind = try fields.take("raises")
    raises = kind == .null ? nil : try kind.string()
    message = try fields.takeIfPresent("message")?.string()
    try fields.finish()
  }
}

struct OracleError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// The fields of an object, each of which must be taken: what the file says must be looked at.
struct Fields {
  private var rest: JSONObject
  private let owner: String

  init(_ json: JSON, of owner: String) throws {
    rest = try json.object()
    self.owner = owner
  }

  mutating func take(_ name: String) throws -> JSON {
    guard let value = takeIfPresent(name) else { throw OracleError("\(owner) has no field \(name)") }
    return value
  }

  mutating func takeIfPresent(_ name: String) -> JSON? {
    defer { rest[Key(name)] = nil }
    return rest[Key(name)]
  }

  func finish() throws {
    if !rest.isEmpty {
      throw OracleError("\(owner) has fields that nobody reads: \(rest.members.map(\.name))")
    }
  }
}

extension JSON {
  func object() throws -> JSONObject {
    guard case .object(let value) = self else { throw OracleError("no object: \(self)") }
    return value
  }

  func array() throws -> [JSON] {
    guard case .array(let value) = self else { throw OracleError("no array: \(self)") }
    return value
  }

  func string() throws -> String {
    guard case .string(let value) = self else { throw OracleError("no string: \(self)") }
    return value
  }

  func integer() throws -> Int64 {
    guard case .integer(let value) = self else { throw OracleError("no integer: \(self)") }
    return value
  }

  func bool() throws -> Bool {
    guard case .bool(let value) = self else { throw OracleError("no boolean: \(self)") }
    return value
  }

  func collection() throws -> CollectionTag? {
    switch self {
    case .null: nil
    case .string(let name): .name(name)
    case .integer(let number): .number(number)
    default: throw OracleError("no collection: \(self)")
    }
  }

  func staticValue() throws -> StaticValue {
    if case .string(let text) = self { return .string(text) }
    return switch try Scalar(self) {
    case .int(let value): .int(value)
    case .float(let value): .float(value)
    case .bool(let value): .bool(value)
    }
  }
}
