/// Where the bridge stands inside a model: a chain of keys, made into a ``Path`` only where someone asks.
final class Place {
  private let parent: Place?
  private let key: Key?

  static func root() -> Place { Place(parent: nil, key: nil) }

  static func at(_ path: Path) -> Place { path.keys.reduce(root()) { $0.appending($1) } }

  private init(parent: Place?, key: Key?) {
    self.parent = parent
    self.key = key
  }

  func appending(_ key: Key) -> Place { Place(parent: self, key: key) }

  var path: Path {
    var keys: [Key] = []
    var place: Place? = self
    while let here = place {
      if let key = here.key { keys.append(key) }
      place = here.parent
    }
    return Path(keys.reversed())
  }

  var codingPath: [any CodingKey] { path.keys.map { TreeCodingKey($0) } }
}

/// A key of a tree as Codable wants it.
struct TreeCodingKey: CodingKey {
  let stringValue: String
  var intValue: Int? { Int(stringValue) }

  init(_ key: Key) { stringValue = key.string }
  init(stringValue: String) { self.stringValue = stringValue }
  init(intValue: Int) { stringValue = String(intValue) }
}

extension Path {
  /// The first keys of a path that is too long to print.
  var shortened: Path { keys.count > 8 ? Path(Array(keys.prefix(8)) + ["…"]) : self }
}

/// ``Key``, where a generic parameter or an associated type has that name.
typealias TreeKey = Key
