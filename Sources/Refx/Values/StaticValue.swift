/// A value that is part of a tree's structure, not of its data: the name of an activation function, a
/// number of heads. Static values are compared with the structure, never updated or differentiated.
public enum StaticValue: Sendable {
  /// A text.
  case string(String)
  /// An integer.
  case int(Int64)
  /// A float; every bit of a NaN counts.
  case float(Double)
  /// A truth value.
  case bool(Bool)

  /// The dtype's name in listings.
  public var typeName: String {
    switch self {
    case .string: "string"
    case .int: "int64"
    case .float: "float64"
    case .bool: "bool"
    }
  }
}

/// Strings are equal when their bytes are, floats when their bits are.
extension StaticValue: Hashable {
  public static func == (a: StaticValue, b: StaticValue) -> Bool {
    switch (a, b) {
    case (.string(let x), .string(let y)): Key(x) == Key(y)
    case (.int(let x), .int(let y)): x == y
    case (.float(let x), .float(let y)): x.bitPattern == y.bitPattern
    case (.bool(let x), .bool(let y)): x == y
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .string(let x): hasher.combine(Key(x))
    case .int(let x): hasher.combine(x)
    case .float(let x): hasher.combine(x.bitPattern)
    case .bool(let x): hasher.combine(x)
    }
  }
}

extension StaticValue: CustomStringConvertible {
  public var description: String {
    switch self {
    case .string(let x): "\"\(x)\""
    case .int(let x): "\(x)"
    case .float(let x): "\(x)"
    case .bool(let x): "\(x)"
    }
  }
}

extension StaticValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .float(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}
