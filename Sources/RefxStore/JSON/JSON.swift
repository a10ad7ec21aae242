import Refx

/// A JSON document as a value. Objects keep the order of their members; names are compared by bytes.
public enum JSON: Hashable, Sendable {
  /// null.
  case null
  /// true or false.
  case bool(Bool)
  /// A number without point and exponent that fits.
  case integer(Int64)
  /// An integer that no Int64 is: for writing it exactly. What is read is never one.
  case unsigned(UInt64)
  /// Any other number.
  case number(Double)
  /// Text.
  case string(String)
  /// Values in order.
  case array([JSON])
  /// Members in order.
  case object(JSONObject)
}

/// The members of a JSON object, in order.
public struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// The members, in the order in which they were given.
  public private(set) var members: [Member] = []

  /// A name with its value.
  public struct Member: Hashable, Sendable {
    /// The name, compared by bytes.
    public let name: Key
    /// The value.
    public var value: JSON

    /// A member with that name and value.
    public init(_ name: Key, _ value: JSON) {
      self.name = name
      self.value = value
    }
  }

  /// An object without members.
  public init() {}

  /// - Precondition: no name comes twice.
  public init(_ members: [Member]) {
    self.members = members
  }

  public init(dictionaryLiteral elements: (Key, JSON)...) {
    members = elements.map { Member($0, $1) }
  }

  /// Whether there are no members.
  public var isEmpty: Bool { members.isEmpty }

  /// The value named so; setting nil removes it. A linear search: for objects with few members.
  public subscript(name: Key) -> JSON? {
    get { members.first { $0.name == name }?.value }
    set {
      if let place = members.firstIndex(where: { $0.name == name }) {
        if let newValue { members[place].value = newValue } else { members.remove(at: place) }
      } else if let newValue {
        members.append(Member(name, newValue))
      }
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (Key, JSON)...) {
    self = .object(JSONObject(elements.map { .init($0, $1) }))
  }
}
