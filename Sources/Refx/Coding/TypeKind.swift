/// How the bridge treats the values of a Swift type, found out once for each type, with the conformances that it
/// then uses: to look one up at each value takes longer than to encode it.
enum TypeKind {
  /// Asked through its own `encode(to:)` and `init(from:)`.
  case plain
  /// A string: a static value.
  case text
  /// Taken whole: a tensor, an array of native elements, a number.
  case whole(any TensorRepresentable.Type, isNumber: Bool)
  /// A class instance, whose identity counts. `isWhole` where it is taken whole besides.
  case object(whole: (any TensorRepresentable.Type)?)
  /// A ``Ref``.
  case reference(encodable: (any RefEncodable.Type)?, decodable: (any SessionDecodable.Type)?)
  /// An Optional, dictionary or set, which the bridge writes and reads itself.
  case container(encodable: (any EncodableContainer.Type)?, decodable: (any DecodableContainer.Type)?)

  static func of(_ type: Any.Type) -> TypeKind {
    if type == String.self { return .text }
    if type is AnyRef.Type {
      return .reference(
        encodable: type as? any RefEncodable.Type, decodable: type as? any SessionDecodable.Type)
    }
    let whole = type as? any TensorRepresentable.Type
    if type is AnyClass { return .object(whole: whole) }
    if let whole { return .whole(whole, isNumber: type is any TensorElement.Type) }
    if type is any BridgedContainer.Type {
      return .container(
        encodable: type as? any EncodableContainer.Type, decodable: type as? any DecodableContainer.Type)
    }
    return .plain
  }
}

/// `value` as what it is: a value of `Same`, which is its own type under another name.
func same<T, Same>(_ value: T, as type: Same.Type) -> Same {
  precondition(T.self == Same.self)
  return unsafeBitCast(value, to: Same.self)
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
