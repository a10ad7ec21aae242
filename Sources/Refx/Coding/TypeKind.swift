/// How the bridge treats the values of a Swift type, found out once for each type.
enum TypeKind {
  /// Asked through its own `encode(to:)` and `init(from:)`.
  case plain
  /// A string: a static value.
  case text
  /// Taken whole: a tensor, an array of native elements, a number.
  case whole(isNumber: Bool)
  /// A class instance, whose identity counts. `isWhole` where it is taken whole besides.
  case object(isWhole: Bool)
  /// A ``Ref``.
  case reference
  /// An Optional, dictionary or set, which the bridge writes and reads itself.
  case container

  static func of(_ type: Any.Type) -> TypeKind {
    if type == String.self { return .text }
    if type is AnyRef.Type { return .reference }
    if type is AnyClass { return .object(isWhole: type is any TensorRepresentable.Type) }
    if type is any TensorRepresentable.Type { return .whole(isNumber: type is any TensorElement.Type) }
    if type is any BridgedContainer.Type { return .container }
    return .plain
  }
}

/// ``TypeKind/of(_:)`` with a memory.
struct TypeKinds {
  private var known: [ObjectIdentifier: TypeKind] = [:]

  mutating func kind(of type: Any.Type) -> TypeKind {
    let identity = ObjectIdentifier(type)
    if let kind = known[identity] { return kind }
    let kind = TypeKind.of(type)
    known[identity] = kind
    return kind
  }
}

/// What the bridge writes and reads itself, because the standard library's own way loses something: nil
/// inside nil, the order of members.
protocol BridgedContainer {}
