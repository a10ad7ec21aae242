/// A tree with live Refs at its leaves: what partition, update and refx's refusals are about. Not Sendable.
///
/// ```swift
/// let tree: RefTree = ["a": [.ref(r1), .ref(r1), .ref(r2)], "b": .ref(r2), "scale": .leaf(0.5)]
/// tree["a", 0]?.ref(as: Int.self) === r1
/// ```
public typealias RefTree = Tree<RefLeaf>

/// What stands at a leaf of a ``RefTree``: a live Ref, or a plain value.
public enum RefLeaf {
  /// A Ref, and how to read and write its value. `RefTree.ref` chooses the access.
  ///
  /// - Precondition: the Ref is a `Ref` of the access's `Value`.
  case ref(AnyRef, any RefAccess.Type)
  case leaf(Leaf)

  /// The Ref, where one stands here.
  public var ref: AnyRef? {
    if case .ref(let ref, _) = self { ref } else { nil }
  }
}

extension RefLeaf {
  public static func ref<V: TensorRepresentable>(_ ref: Ref<V>) -> RefLeaf { .ref(ref, TensorAccess<V>.self) }
  public static func ref(_ ref: Ref<Leaf>) -> RefLeaf { .ref(ref, LeafAccess.self) }
  public static func ref(_ ref: Ref<RefTree>) -> RefLeaf { .ref(ref, TreeAccess.self) }
  public static func ref(_ ref: Ref<StaticValue>) -> RefLeaf { .ref(ref, StaticAccess.self) }
  public static func ref(_ ref: Ref<String>) -> RefLeaf { .ref(ref, StringAccess.self) }
}

extension Tree where Element == RefLeaf {
  /// A Ref to a number, an array of numbers, a tensor, or a tensor type of your own.
  public static func ref<V: TensorRepresentable>(_ ref: Ref<V>) -> RefTree { .leaf(.ref(ref)) }
  /// A Ref to a leaf.
  public static func ref(_ ref: Ref<Leaf>) -> RefTree { .leaf(.ref(ref)) }
  /// A Ref to a subtree, which may hold Refs, this one among them.
  public static func ref(_ ref: Ref<RefTree>) -> RefTree { .leaf(.ref(ref)) }
  /// A Ref to a static value.
  public static func ref(_ ref: Ref<StaticValue>) -> RefTree { .leaf(.ref(ref)) }
  /// A Ref to text.
  public static func ref(_ ref: Ref<String>) -> RefTree { .leaf(.ref(ref)) }

  /// A plain leaf.
  public static func leaf(_ leaf: Leaf) -> RefTree { .leaf(.leaf(leaf)) }
  /// A plain tensor. Shares the bytes.
  public static func leaf(_ tensor: Tensor) -> RefTree { .leaf(.leaf(Leaf(tensor))) }
  /// A plain number, with the empty shape.
  public static func leaf<E: TensorElement>(_ element: E) -> RefTree { .leaf(.leaf(Leaf(element))) }
  /// A plain row of numbers. Shares the array's storage.
  public static func leaf<E: TensorElement>(_ elements: [E]) -> RefTree { .leaf(.leaf(Leaf(elements))) }

  /// The Ref that stands here, of whatever type.
  public var ref: AnyRef? {
    if case .leaf(.ref(let ref, _)) = self { ref } else { nil }
  }

  /// The Ref that stands here, where its values are of type `V`.
  public func ref<V>(as type: V.Type) -> Ref<V>? {
    ref as? Ref<V>
  }
}

extension Tree where Element == Leaf {
  /// A tensor. Shares the bytes.
  public static func leaf(_ tensor: Tensor) -> Tree { .leaf(Leaf(tensor)) }
  /// A number, with the empty shape.
  public static func leaf<E: TensorElement>(_ element: E) -> Tree { .leaf(Leaf(element)) }
  /// A row of numbers. Shares the array's storage.
  public static func leaf<E: TensorElement>(_ elements: [E]) -> Tree { .leaf(Leaf(elements)) }
}

extension Tree where Element == RefLeaf {
  /// What stands here as a value of type `V`: of a Ref, whatever type it holds, or of a plain leaf.
  ///
  /// - Throws: ``RefxError`` where no leaf stands here, the dtype or shape differs, or the Ref belongs to
  ///   another trace level.
  public func value<V: TensorRepresentable>(as type: V.Type = V.self) throws -> V {
    switch self {
    case .leaf(.ref(let ref, let access)):
      if let same = ref as? Ref<V> { return try same.get() }
      return try TensorAccess<V>.value(of: access.read(ref))
    default: return try TensorAccess<V>.value(of: self)
    }
  }
}
