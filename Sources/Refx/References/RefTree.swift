/// A tree with live Refs at its leaves: what partition, update and refx's refusals are about. Not Sendable.
///
/// ```swift
/// let (one, two) = (Ref(1), Ref(2))
/// let tree: RefTree = ["a": [.ref(one), .ref(one), .ref(two)], "b": .ref(two), "scale": .leaf(0.5)]
/// assert(tree["a", 1]?.ref(as: Int.self) === one)
/// ```
public typealias RefTree = Tree<RefLeaf>

/// What stands at a leaf of a ``RefTree``: a live Ref, or a plain value.
public enum RefLeaf {
  /// A live Ref.
  case ref(LiveRef)
  /// A plain value.
  case leaf(Leaf)

  /// The Ref, where one stands here.
  public var ref: AnyRef? {
    if case .ref(let live) = self { live.ref } else { nil }
  }
}

/// A Ref at a leaf, together with how its value is read and written.
public struct LiveRef {
  /// The Ref.
  public let ref: AnyRef
  /// The access whose `Value` is the Ref's; the initializer sees to that.
  public let access: any RefAccess.Type

  /// Puts a Ref at a leaf, with an access for its type.
  public init<Access: RefAccess>(_ ref: Ref<Access.Value>, access: Access.Type) {
    self.ref = ref
    self.access = access
  }

  fileprivate init(ref: AnyRef, access: any RefAccess.Type) {
    self.ref = ref
    self.access = access
  }

  /// The Ref's value as a tree, whose Refs are live.
  ///
  /// - Throws: ``RefxError`` at another trace level than the Ref's, or where the value has no tree.
  public func read() throws -> RefTree { try access.read(ref) }
}

/// A ``LiveRef`` that counts no reference: for a walk that holds the tree it came from. To count one up and
/// down again for each leaf takes longer than all else that a walk does with it.
struct BorrowedRef {
  private let unmanaged: Unmanaged<AnyRef>
  let access: any RefAccess.Type

  init(_ live: LiveRef) {
    unmanaged = .passUnretained(live.ref)
    access = live.access
  }

  /// The same, counting a reference again.
  var live: LiveRef { LiveRef(ref: unmanaged.takeUnretainedValue(), access: access) }

  func withRef<R>(_ body: (AnyRef) throws -> R) rethrows -> R {
    try unmanaged._withUnsafeGuaranteedRef(body)
  }
}

extension Tree where Element == RefLeaf {
  /// The Ref that stands here; good while the tree is held.
  var borrowedRef: BorrowedRef? {
    @inline(__always) get {
      // Not `if case`: see BorrowedSight.
      switch self {
      case .leaf(.ref(let live)): BorrowedRef(live)
      default: nil
      }
    }
  }
}

extension RefLeaf {
  /// A Ref to a number, an array of numbers, or a tensor type of your own.
  public static func ref<V: TensorRepresentable>(_ ref: Ref<V>) -> RefLeaf {
    .ref(LiveRef(ref, access: TensorAccess<V>.self))
  }
  /// A Ref to a tensor.
  public static func ref(_ ref: Ref<Tensor>) -> RefLeaf { .ref(LiveRef(ref, access: WholeTensorAccess.self)) }
  /// A Ref to a leaf.
  public static func ref(_ ref: Ref<Leaf>) -> RefLeaf { .ref(LiveRef(ref, access: LeafAccess.self)) }
  /// A Ref to a subtree.
  public static func ref(_ ref: Ref<RefTree>) -> RefLeaf { .ref(LiveRef(ref, access: TreeAccess.self)) }
  /// A Ref to a static value.
  public static func ref(_ ref: Ref<StaticValue>) -> RefLeaf { .ref(LiveRef(ref, access: StaticAccess.self)) }
  /// A Ref to text.
  public static func ref(_ ref: Ref<String>) -> RefLeaf { .ref(LiveRef(ref, access: StringAccess.self)) }
}

extension Tree where Element == RefLeaf {
  /// A Ref to a number, an array of numbers, a tensor, or a tensor type of your own.
  public static func ref<V: TensorRepresentable>(_ ref: Ref<V>) -> RefTree { .leaf(.ref(ref)) }
  /// A Ref to a tensor.
  public static func ref(_ ref: Ref<Tensor>) -> RefTree { .leaf(.ref(ref)) }
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
    if case .leaf(.ref(let live)) = self { live.ref } else { nil }
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
    case .leaf(.ref(let live)):
      if let same = live.ref as? Ref<V> { return try same.get() }
      return try TensorAccess<V>.value(of: live.read())
    default: return try TensorAccess<V>.value(of: self)
    }
  }
}
