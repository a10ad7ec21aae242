import Testing

@testable import Refx

/// Models with every pattern of sharing: small ones exhaustively, large ones at random.
@Suite struct RandomGraphTests {
  /// A model of any shape. Decoding cannot guess, so the case is written beside the value.
  indirect enum Shape: Codable {
    case number(Int)
    case list([Shape])
    case named([String: Shape])
    case ref(Ref<Shape>)
    case object(Box)
    case maybe(Ref<Shape>?)
  }

  final class Box: Codable {
    var content: Shape
    init(_ content: Shape) { self.content = content }
  }

  /// Which objects a model holds, site by site: each by the number of its first sight.
  private func pattern(_ model: Shape) -> [String] {
    var seen: [ObjectIdentifier: Int] = [:]
    var text: [String] = []
    func visit(_ model: Shape) {
      switch model {
      case .number(let n): text.append("\(n)")
      case .list(let members):
        text.append("[")
        for member in members { visit(member) }
        text.append("]")
      case .named(let members):
        for key in members.keys.sorted() {
          text.append(key)
          if let member = members[key] { visit(member) }
        }
      case .ref(let ref), .maybe(let ref?):
        let known = seen[ObjectIdentifier(ref)]
        text.append("r\(known ?? seen.count)")
        if known == nil {
          seen[ObjectIdentifier(ref)] = seen.count
          visit(ref.value)
        }
      case .maybe(nil): text.append("nil")
      case .object(let box):
        let known = seen[ObjectIdentifier(box)]
        text.append("o\(known ?? seen.count)")
        if known == nil {
          seen[ObjectIdentifier(box)] = seen.count
          visit(box.content)
        }
      }
    }
    visit(model)
    return text
  }

  private func check(_ model: Shape, _ comment: Comment, _ place: SourceLocation = #_sourceLocation) throws {
    let tree = try TreeEncoder().encode(model)
    let back = try TreeDecoder().decode(Shape.self, from: tree)
    #expect(pattern(back) == pattern(model), comment, sourceLocation: place)
    #expect(try TreeEncoder().encode(back).text == tree.text, comment, sourceLocation: place)
    // The numbers are those of deref on the tree itself.
    #expect(try tree.rereffed().dereffed().text == tree.text, comment, sourceLocation: place)
    try release(back)
  }

  /// Cuts the cycles, so that nothing leaks.
  private func release(_ model: Shape) throws {
    try TreeEncoder().refTree(of: model).forEachLeaf {
      if case .ref(let live) = $0, let ref = live.ref as? Ref<Shape> { ref.value = .number(0) }
    }
  }

  /// Every way in which up to five sites can share: all partitions of the sites.
  @Test func everyPatternOfFiveSites() throws {
    func partitions(_ count: Int) -> [[Int]] {
      var all: [[Int]] = [[]]
      for _ in 0..<count {
        all = all.flatMap { prefix in (0...((prefix.max() ?? -1) + 1)).map { prefix + [$0] } }
      }
      return all
    }
    for sites in 0...5 {
      for groups in partitions(sites) {
        let refs = (0..<sites).map { Ref(Shape.number($0)) }
        let boxes = (0..<sites).map { Box(.number($0)) }
        try check(.list(groups.map { .ref(refs[$0]) }), "refs \(groups)")
        try check(.list(groups.map { .object(boxes[$0]) }), "objects \(groups)")
        try check(
          .named(
            Dictionary(uniqueKeysWithValues: groups.enumerated().map { ("k\(9 - $0)", .ref(refs[$1])) })),
          "named \(groups)")
      }
    }
  }

  /// Every graph of three Refs, each of which holds any two of them or nothing: cycles and all.
  @Test func everyGraphOfThreeRefs() throws {
    for code in 0..<(16 * 16 * 16) {
      let refs = (0..<3).map { _ in Ref(Shape.number(0)) }
      for position in 0..<3 {
        let choice = (code >> (4 * position)) & 15
        refs[position].value = .list([choice & 3, choice >> 2].map { $0 == 3 ? .number(3) : .ref(refs[$0]) })
      }
      try check(.list([.ref(refs[2]), .ref(refs[0])]), "graph \(code)")
      for ref in refs { ref.value = .number(0) }
    }
  }

  @Test func graphsAtRandom() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    for round in 0..<200 {
      var generator = Mixer(state: seed &+ UInt64(round))
      var refs: [Ref<Shape>] = []
      var boxes: [Box] = []
      func make(_ depth: Int) -> Shape {
        switch generator.next() % (depth == 0 ? 5 : 8) {
        case 0: return .number(Int(generator.next() % 100))
        case 1 where !refs.isEmpty: return .ref(refs[Int(generator.next() % UInt64(refs.count))])
        case 2 where !boxes.isEmpty: return .object(boxes[Int(generator.next() % UInt64(boxes.count))])
        case 3: return .maybe(refs.randomElement(using: &generator))
        case 5: return .list((0..<(generator.next() % 4)).map { _ in make(depth - 1) })
        case 6:
          return .named(
            Dictionary(
              (0..<(generator.next() % 4)).map { _ in ("k\(generator.next() % 20)", make(depth - 1)) }
            ) { $1 })
        case 7 where generator.next() % 2 == 0:
          let box = Box(make(depth - 1))
          boxes.append(box)
          return .object(box)
        default:
          let ref = Ref(Shape.number(1), collection: CollectionTag.number(Int64(generator.next() % 3)))
          refs.append(ref)
          if depth > 0 { ref.value = make(depth - 1) }
          return .ref(ref)
        }
      }
      let model = make(6)
      try check(model, "seed \(seed), round \(round)")
      for ref in refs { ref.value = .number(0) }
    }
  }

  private struct Mixer: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}
