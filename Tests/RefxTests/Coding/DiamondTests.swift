import Refx
import Testing

/// Instances that hold each other twice over: n of them have 2 to the n ways through.
@Suite struct DiamondTests {
  final class Node: Codable {
    var left: Node?
    var right: Node?
    var weight: Ref<Float>?
    init(_ below: Node?, _ weight: Ref<Float>? = nil) {
      (left, right) = (below, below)
      self.weight = weight
    }
  }

  static func diamond(_ levels: Int) -> Node {
    var node = Node(nil, Ref(1, collection: "params"))
    for _ in 0..<levels { node = Node(node) }
    return node
  }

  /// As a dereffed tree each instance stands once, and they come back as they were.
  @Test func encoded() throws {
    let tree = try TreeEncoder().encode(Self.diamond(200))
    #expect(try tree.sites().count < 1000)
    let back = try TreeDecoder().decode(Node.self, from: tree)
    var node = back
    var levels = 0
    while let below = node.left {
      #expect(below === node.right)
      node = below
      levels += 1
    }
    #expect(levels == 200)
  }

  /// Where plain values take copies of shared ones, a deep one is refused at once, and a shared leaf at many
  /// sites is not.
  @Test func copied() throws {
    struct Level: Codable { var members: [Level] }
    var tree = Tree<Leaf>.value(Value(["members": .list([])], index: 60))
    for index in (0..<60).reversed() {
      tree = .value(Value(["members": .list([tree, .index(Index(index + 1))])], index: index))
    }
    let lenient = TreeDecoder(allowing: .refForPlain)
    let error = refusal { try lenient.decode(Level.self, from: tree) }
    #expect(error?.code == .limit)
    #expect(error?.message.contains("a copy for each site") == true)

    let sites = Tree<Leaf>.list(
      [.value(Value(.leaf(Tensor([1] as [Float])), index: 0))]
        + Array(repeating: .index(Index(0)), count: 200_000))
    #expect(try lenient.decode([Tensor].self, from: sites).count == 200_001)
  }

  /// As a live tree a shallow one stands at each site.
  @Test func shallow() throws {
    let tree = try TreeEncoder().refTree(of: Self.diamond(3))
    var refs: [AnyRef] = []
    tree.forEachLeaf { if let ref = $0.ref { refs.append(ref) } }
    #expect(refs.count == 8)
    #expect(refs.allSatisfy { $0 === refs[0] })
  }

  /// As a live tree a deep one is refused at once.
  @Test func deep() throws {
    let error = refusal { try TreeEncoder().refTree(of: Self.diamond(200)) }
    #expect(error?.code == .limit)
    #expect(error?.message.contains("at each of its sites") == true)
  }

  /// Two chains of which one ends in the other, deeper than a tree may be.
  /// An instance that is met again further down counts with its depth.
  @Test func deepAgain() throws {
    final class Chain: Codable {
      var first: Chain?
      var next: Chain?
      init(first: Chain? = nil, next: Chain? = nil) { (self.first, self.next) = (first, next) }
    }
    func chain(_ length: Int, endingIn end: Chain?) -> Chain {
      var chain = end ?? Chain()
      for _ in 0..<length { chain = Chain(next: chain) }
      return chain
    }
    let known = chain(700, endingIn: nil)
    let model = Chain(first: known, next: chain(600, endingIn: known))
    #expect(refusal { try TreeEncoder().refTree(of: model) }?.code == .limit)
  }

  /// A tree of values, which has no place for sharing.
  struct Plain: Codable {
    var children: [Plain]
  }

  static func sharedTree(_ levels: Int) -> Tree<Leaf> {
    var tree: Tree<Leaf> = ["children": []]
    for level in 0..<levels {
      let index = levels - 1 - level
      tree = ["children": [.value(Value(tree, index: index)), .index(Index(index))]]
    }
    return tree
  }

  /// A file's diamonds do not multiply the differences.
  @Test(.timeLimit(.minutes(1)))
  func differences() throws {
    let error = refusal { try TreeDecoder().decode(Plain.self, from: Self.sharedTree(64)) }
    #expect(error?.code == .mismatch)
    #expect(error?.details.count == 128)
  }
}
