import Refx
import Testing

/// What refx 0.0.2 refuses, and what it does not. Cases named `deref:` and `reref:` with a list are read as
/// they are; the others are known by name.
@Suite struct OracleRefusals {
  @Test(arguments: OracleFile.refusals) func refusal(_ one: OracleRefusal) throws {
    guard let act = try Refusals.named(one.name) else {
      Issue.record("no refusal is known under the name '\(one.name)'")
      return
    }
    do {
      try act()
      #expect(one.raises == nil, "nothing was refused; refx says \(one.raises ?? "")(\(one.message ?? ""))")
    } catch let error as RefxError {
      #expect(one.raises != nil, "refx refuses nothing here; refused with: \(error)")
      #expect(!error.summary.isEmpty)
      // A person must learn more than refx's words, which may be none.
      #expect(error.summary != one.message)
    }
  }
}

enum Refusals {
  /// What to do for a case of this name; nil where it is not known.
  static func named(_ name: String) throws -> (() throws -> Void)? {
    if let list = bracketed(name, after: "deref: ") {
      let tree = try live(list)
      return { _ = try deref(tree) }
    }
    if let list = bracketed(name, after: "reref: ") {
      let tree = try live(list)
      return { _ = try reref(tree) }
    }
    return byName[name]
  }

  private static func bracketed(_ name: String, after prefix: String) -> [String]? {
    guard name.hasPrefix(prefix), let open = name.firstIndex(of: "["), let close = name.firstIndex(of: "]"),
      open < close
    else { return nil }
    return name[name.index(after: open)..<close].split(separator: ",").map {
      String($0.drop { $0 == " " })
    }
  }

  /// `Ref`, `Value`, `Value 0`, `Index 0`, `leaf`, `Nothing`: each `Ref` is another one, `Ref a` the same
  /// wherever it comes; without a number it is 0.
  private static func live(_ list: [String]) throws -> RefTree {
    var named: [String: Ref<Int>] = [:]
    var members: [RefTree] = []
    for word in list {
      let parts = word.split(separator: " ").map(String.init)
      let number = parts.count > 1 ? Int(parts[1]) : 0
      switch (parts.first, number) {
      case ("Ref", _) where parts.count == 1: members.append(.ref(Ref(members.count)))
      case ("Ref", _):
        let ref = named[parts[1]] ?? Ref(members.count)
        named[parts[1]] = ref
        members.append(.ref(ref))
      case ("Value", let number?): members.append(.value(Value(.leaf(1), index: number)))
      case ("Index", let number?): members.append(.index(Index(number)))
      case ("leaf", _), ("int", _), ("plain", _): members.append(.leaf(1))
      case ("Nothing", _), ("NOTHING", _): members.append(.nothing)
      case ("None", _): members.append(.none)
      default: throw OracleError("nothing is known as '\(word)'")
      }
    }
    return .list(members)
  }

  private static let byName: [String: @Sendable () throws -> Void] = [
    "update_refs: lengths differ": {
      let source: Tree<Leaf> = [.value(Value(.leaf(1), index: 0)), .value(Value(.leaf(2), index: 1))]
      try updateRefs([.ref(Ref(1))] as RefTree, source)
    },
    "update_refs: mixed Ref and Deref source": {
      let source: RefTree = [.ref(Ref(1)), .value(Value(.leaf(2), index: 0))]
      try updateRefs([.ref(Ref(1)), .ref(Ref(2))] as RefTree, source)
    },
    "update_refs: shared target, source Value twice": {
      let shared = Ref(1)
      let source: Tree<Leaf> = [.value(Value(.leaf(1), index: 0)), .value(Value(.leaf(2), index: 1))]
      try updateRefs([.ref(shared), .ref(shared)] as RefTree, source)
    },
    "update_refs: shared target, source Index of another": {
      let shared = Ref(1)
      let target: RefTree = [.ref(Ref(0)), .ref(shared), .ref(shared)]
      let source: Tree<Leaf> = [
        .value(Value(.leaf(1), index: 0)), .value(Value(.leaf(2), index: 1)), .index(Index(0)),
      ]
      try updateRefs(target, source)
    },
    "update_refs: unseen target aligned with Index": {
      let source: Tree<Leaf> = [.value(Value(.leaf(1), index: 0)), .index(Index(0))]
      try updateRefs([.ref(Ref(1)), .ref(Ref(2))] as RefTree, source)
    },
    "update_refs: source leaf is a plain value": {
      try updateRefs([.ref(Ref(1))] as RefTree, [.leaf(2)] as Tree<Leaf>)
    },
    "update_refs: target holds a Deref": {
      let target: RefTree = [.value(Value(.leaf(1), index: 0))]
      try updateRefs(target, [.value(Value(.leaf(2), index: 0))] as Tree<Leaf>)
    },
    "update_refs: target plain leaf, source anything (ignored)": {
      try updateRefs(
        [.leaf(1), .leaf(2)] as RefTree, [.leaf(3), .value(Value(.leaf(4), index: 0))] as Tree<Leaf>)
    },
    "merge_partitions: both Nothing": {
      let (parts, structure) = treePartition([.leaf(1), .leaf(2)] as Tree<Leaf>)
      let less = getPartition(parts[0]) { Scalar.of($0) == .int(1) }
      _ = try mergePartitions([less, getPartition(less) { _ in false }], structure)
    },
    "merge_partitions: two non-Nothing": {
      let (parts, structure) = treePartition([.leaf(1), .leaf(2)] as Tree<Leaf>)
      _ = try mergePartitions([parts[0], parts[0]], structure)
    },
    "merge_partitions: lengths differ": {
      let (parts, structure) = treePartition([.leaf(1), .leaf(2)] as Tree<Leaf>)
      let shorter = treePartition([.leaf(1)] as Tree<Leaf>).partitions[0]
      _ = try mergePartitions([parts[0], shorter], structure)
    },
    "merge_partitions: paths differ": {
      let (parts, structure) = treePartition([.leaf(1)] as Tree<Leaf>)
      let other = try Partition<Leaf>([(path: ["x"], leaf: .nothing)])
      _ = try mergePartitions([parts[0], other], structure)
    },
    "mutable(params): writing batch_stats": {
      let ref = Ref(1, collection: "batch_stats")
      try mutable({ $0 == "params" }) { try ref.set(2) }
    },
    // The compiler refuses the assignment; what is left to see is that there is no way to write.
    "Partition item assignment": {
      let reading: PartialKeyPath<Partition<Leaf>> = \Partition<Leaf>.[Path(["a"])]
      if reading is WritableKeyPath<Partition<Leaf>, Tree<Leaf>?> { return }
      throw RefxError(.refusal, "a partition is immutable")
    },
    "mutate from an inner trace level": {
      let ref = Ref(1)
      try withTraceLevel { try ref.set(2) }
    },
    "read from an inner trace level": {
      let ref = Ref(1)
      try withTraceLevel { _ = try ref.get() }
    },
  ]
}

extension Scalar {
  static func of(_ node: Tree<Leaf>) -> Scalar? {
    if case .leaf(let leaf) = node { try? Scalar(leaf) } else { nil }
  }
}
