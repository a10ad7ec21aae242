/// A value that belongs to the structure of a tree, not to its data: a name, a number of heads. It is
/// compared with the structure, never updated or differentiated. From refx: `Static`.
public struct Static<Value> {
  /// The value, which is compared and never trained.
  public let value: Value

  /// Makes a value part of the structure.
  public init(_ value: Value) {
    self.value = value
  }
}

extension Static: Sendable where Value: Sendable {}
extension Static: Equatable where Value: Equatable {}
extension Static: Hashable where Value: Hashable {}

/// A type that can stand in a tree as a static value.
public protocol StaticRepresentable {
  /// The value in the form that files hold.
  var staticValue: StaticValue { get }

  /// The value that `staticValue` stands for; nil where it is of another kind or out of range.
  init?(staticValue: StaticValue)
}

extension Static where Value: StaticRepresentable {
  /// The value as a node of a tree: `.static(Static("relu").staticValue)`.
  public var staticValue: StaticValue { value.staticValue }
}

extension Tree {
  /// A node without leaves.
  public static func `static`<Value: StaticRepresentable>(_ value: Static<Value>) -> Tree {
    .static(value.staticValue)
  }
}

extension StaticValue: StaticRepresentable {
  public var staticValue: StaticValue { self }
  public init?(staticValue: StaticValue) { self = staticValue }
}

extension String: StaticRepresentable {
  public var staticValue: StaticValue { .string(self) }
  public init?(staticValue: StaticValue) {
    guard case .string(let value) = staticValue else { return nil }
    self = value
  }
}

extension Int: StaticRepresentable {
  public var staticValue: StaticValue { .int(Int64(self)) }
  public init?(staticValue: StaticValue) {
    guard case .int(let value) = staticValue, let value = Int(exactly: value) else { return nil }
    self = value
  }
}

extension Int64: StaticRepresentable {
  public var staticValue: StaticValue { .int(self) }
  public init?(staticValue: StaticValue) {
    guard case .int(let value) = staticValue else { return nil }
    self = value
  }
}

extension Double: StaticRepresentable {
  public var staticValue: StaticValue { .float(self) }
  public init?(staticValue: StaticValue) {
    guard case .float(let value) = staticValue else { return nil }
    self = value
  }
}

extension Bool: StaticRepresentable {
  public var staticValue: StaticValue { .bool(self) }
  public init?(staticValue: StaticValue) {
    guard case .bool(let value) = staticValue else { return nil }
    self = value
  }
}
