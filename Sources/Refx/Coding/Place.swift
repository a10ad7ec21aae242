/// Where the bridge stands inside a model: a chain of keys, made into a ``Path`` only where someone asks.
final class Place {
  private enum Step {
    case key(Key)
    case position(Int)
  }

  private let parent: Place?
  private let step: Step?

  static func root() -> Place { Place(parent: nil, step: nil) }

  static func at(_ path: Path) -> Place { path.keys.reduce(root()) { $0.appending($1) } }

  private init(parent: Place?, step: Step?) {
    self.parent = parent
    self.step = step
  }

  func appending(_ key: Key) -> Place { Place(parent: self, step: .key(key)) }

  /// The place of a list's member. Its number becomes text where someone asks.
  func appending(position: Int) -> Place { Place(parent: self, step: .position(position)) }

  var path: Path {
    var keys: [Key] = []
    var place: Place? = self
    while let here = place {
      switch here.step {
      case .key(let key): keys.append(key)
      case .position(let position): keys.append(Key(position))
      case nil: break
      }
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
