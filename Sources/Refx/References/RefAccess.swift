/// How a tree reads and writes the value of a Ref of one type: the value as a tree, and back.
///
/// A leaf of a ``RefTree`` keeps the access beside its Ref, chosen by the compiler where the leaf is made, so
/// that no value is ever cast. Types that conform to ``TensorRepresentable``, ``Leaf``, ``StaticValue``,
/// strings, and trees have theirs.
public protocol RefAccess {
  /// What the Ref holds.
  associatedtype Value

  /// The value as a tree, whose Refs are live: the very Refs that the value holds.
  static func tree(of value: Value) throws -> RefTree

  /// The value that `tree` stands for; takes the Refs of `tree` as they are.
  ///
  /// - Throws: ``RefxError`` where the tree is of another kind, dtype or shape.
  static func value(of tree: RefTree) throws -> Value

  /// The value of `ref` as a single leaf; nil where it is none.
  ///
  /// - Precondition: `ref` is a `Ref<Value>`.
  static func leaf(in ref: AnyRef) throws -> Leaf?

  /// Makes the value that `leaf` stands for, and keeps it in `writes` to be written to `ref`.
  ///
  /// - Precondition: `ref` is a `Ref<Value>`.
  static func stage(_ leaf: Leaf, to ref: AnyRef, in writes: inout StagedWrites) throws
}

// What follows takes Refs out of a ``LiveRef``, whose initializer made sure of their type.
extension RefAccess {
  public static func leaf(in ref: AnyRef) throws -> Leaf? {
    if case .leaf(.leaf(let leaf)) = try read(ref) { leaf } else { nil }
  }

  public static func stage(_ leaf: Leaf, to ref: AnyRef, in writes: inout StagedWrites) throws {
    writes.others.append(try stage(.leaf(.leaf(leaf)), to: ref))
  }

  /// The value of `ref`, which is a `Ref<Value>`, as a tree.
  static func read(_ ref: AnyRef) throws -> RefTree {
    try tree(of: unsafeDowncast(ref, to: Ref<Value>.self).get())
  }

  /// Makes the value that `tree` stands for; what is returned writes it to `ref`, a `Ref<Value>`.
  static func stage(_ tree: RefTree, to ref: AnyRef) throws -> () -> Void {
    try stage(value(of: tree), to: unsafeDowncast(ref, to: Ref<Value>.self))
  }

  /// Reads `source`; what is returned writes its value to `ref`. Both are a `Ref<Value>`.
  static func stage(copyOf source: AnyRef, to ref: AnyRef) throws -> () -> Void {
    try stage(unsafeDowncast(source, to: Ref<Value>.self).get(), to: unsafeDowncast(ref, to: Ref<Value>.self))
  }

  private static func stage(_ value: Value, to ref: Ref<Value>) throws -> () -> Void {
    if let refusal = ref.refusalToTake(value) { throw refusal }
    return { ref.stored = value }
  }
}

/// What an update is about to write, when everything is checked. Leaves and tensors, which are many, are
/// kept as they are; anything else as a closure.
public struct StagedWrites {
  // Unmanaged: whoever stages writes holds the Refs until they are written.
  fileprivate var leaves: [(ref: Unmanaged<Ref<Leaf>>, value: Leaf)] = []
  fileprivate var tensors: [(ref: Unmanaged<Ref<Tensor>>, value: Tensor)] = []
  var others: [() -> Void] = []

  init() {}

  /// Writes everything. Nothing can be refused any more.
  consuming func write() {
    for (ref, value) in leaves { ref._withUnsafeGuaranteedRef { $0.stored = value } }
    for (ref, value) in tensors { ref._withUnsafeGuaranteedRef { $0.stored = value } }
    for write in others { write() }
  }
}

/// Refs to leaves.
public enum LeafAccess: RefAccess {
  public static func tree(of value: Leaf) -> RefTree { .leaf(.leaf(value)) }
  public static func value(of tree: RefTree) throws -> Leaf { try tree.plainLeaf() }

  public static func leaf(in ref: AnyRef) throws -> Leaf? {
    try unsafeDowncast(ref, to: Ref<Leaf>.self).get()
  }

  public static func stage(_ leaf: Leaf, to ref: AnyRef, in writes: inout StagedWrites) {
    writes.leaves.append((.passUnretained(unsafeDowncast(ref, to: Ref<Leaf>.self)), leaf))
  }
}

/// Refs to tensors.
public enum WholeTensorAccess: RefAccess {
  public static func tree(of value: Tensor) -> RefTree { .leaf(.leaf(Leaf(value))) }
  public static func value(of tree: RefTree) throws -> Tensor { try tree.plainLeaf().tensor() }

  public static func leaf(in ref: AnyRef) throws -> Leaf? {
    Leaf(try unsafeDowncast(ref, to: Ref<Tensor>.self).get())
  }

  public static func stage(_ leaf: Leaf, to ref: AnyRef, in writes: inout StagedWrites) throws {
    writes.tensors.append((.passUnretained(unsafeDowncast(ref, to: Ref<Tensor>.self)), try leaf.tensor()))
  }
}

/// Refs to numbers, arrays of numbers, tensor types of your own.
public enum TensorAccess<Value: TensorRepresentable>: RefAccess {
  public static func tree(of value: Value) throws -> RefTree { .leaf(.leaf(try value.snapshot())) }
  public static func value(of tree: RefTree) throws -> Value { try Value(leaf: tree.plainLeaf()) }

  public static func leaf(in ref: AnyRef) throws -> Leaf? {
    try unsafeDowncast(ref, to: Ref<Value>.self).get().snapshot()
  }
}

/// Refs to a subtree, which may hold Refs in turn.
public enum TreeAccess: RefAccess {
  public static func tree(of value: RefTree) -> RefTree { value }
  public static func value(of tree: RefTree) -> RefTree { tree }
}

/// Refs to what is part of the structure.
public enum StaticAccess: RefAccess {
  public static func tree(of value: StaticValue) -> RefTree { .static(value) }
  public static func value(of tree: RefTree) throws -> StaticValue {
    guard case .static(let value) = tree else {
      throw RefxError.unfit(expected: "a static value", found: tree.kindName)
    }
    return value
  }
}

/// Refs to text, which is part of the structure.
public enum StringAccess: RefAccess {
  public static func tree(of value: String) -> RefTree { .static(.string(value)) }
  public static func value(of tree: RefTree) throws -> String {
    guard case .static(.string(let value)) = tree else {
      throw RefxError.unfit(expected: "a string", found: tree.kindName)
    }
    return value
  }
}

extension Tree where Element == RefLeaf {
  fileprivate func plainLeaf() throws -> Leaf {
    guard case .leaf(.leaf(let leaf)) = self else {
      throw RefxError.unfit(expected: "a leaf", found: kindName)
    }
    return leaf
  }
}
