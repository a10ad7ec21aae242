import Testing

@testable import Refx

/// What each shape of Codable becomes, and that it comes back.
@Suite struct ShapeTests {
  /// `model` becomes `text`, and comes back as what becomes `text` again.
  private func check<Model: Codable>(
    _ model: Model, _ text: String, _ place: SourceLocation = #_sourceLocation
  ) throws {
    let (first, second, _) = try roundTrip(model)
    #expect(first == text, sourceLocation: place)
    #expect(second == text, sourceLocation: place)
  }

  @Test func numbersAreLeavesOfTheirOwnDType() throws {
    struct Numbers: Codable {
      var a: Bool = true
      var b: Int8 = -1
      var c: Int16 = -2
      var d: Int32 = -3
      var e: Int64 = -4
      var f: Int = -5
      var g: UInt8 = 1
      var h: UInt16 = 2
      var i: UInt32 = 3
      var j: UInt64 = 4
      var k: UInt = 5
      var l: Float = 0.5
      var m: Double = 0.25
      var n: Float16 = 1
      var o = BFloat16(2)
      var p = Float8E4M3FN(1)
      var q = Float8E5M2(1)
      var r = Complex<Float>(1, 2)
      var s: Int4 = -8
      var t: UInt4 = 15
    }
    let tree = try TreeEncoder().encode(Numbers())
    var dtypes: [String] = []
    tree.forEachLeaf {
      #expect($0.shape == [])
      dtypes.append($0.dtype.name)
    }
    #expect(
      dtypes == [
        "bool", "int8", "int16", "int32", "int64", "int64", "uint8", "uint16", "uint32", "uint64", "uint64",
        "float32",
        "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64",
        "int4", "uint4",
      ])
    let back = try roundTrip(Numbers())
    #expect(back.first == back.second)
    #expect(back.model.f == -5 && back.model.a && back.model.n == 1 && back.model.r == Complex(1, 2))
    #expect(back.model.s == -8 && back.model.t == 15)
  }

  @Test func rowsAreTakenWhole() throws {
    struct Rows: Codable {
      var a: [Float] = [1, 2]
      var b: [Int32] = []
      var c: [Bool] = [true, false]
      var d: [[Double]] = [[1], []]
      var e: [String] = ["x"]
      var f: [Float?] = [1, nil]
      var g: ContiguousArray<Float> = [1]
    }
    try check(
      Rows(),
      """
      {a: f32[2][1.0, 2.0], b: int32[0][], c: bool[2][1, 0], d: [f64[1][1.0], f64[0][]], e: ["x"], \
      f: [f32[][1.0], none], g: f32[1][1.0]}
      """)
  }

  @Test func nilIsWrittenInEveryOverload() throws {
    struct Nils: Codable {
      var a: Bool?, b: String?, c: Double?, d: Float?, e: Int?, f: Int8?, g: Int16?, h: Int32?, i: Int64?
      var j: UInt?, k: UInt8?, l: UInt16?, m: UInt32?, n: UInt64?, o: Tensor?, p: Ref<Float>?, q: [Float]?
      var r: Activation?, s: Static<Int>?
    }
    let names = "abcdefghijklmnopqrs"
    try check(Nils(), "{" + names.map { "\($0): none" }.joined(separator: ", ") + "}")
    let full = Nils(
      a: true, b: "b", c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1, l: 1, m: 1, n: 1,
      o: Tensor([1] as [Float]),
      p: Ref(1), q: [1], r: .gelu, s: Static(3))
    let back = try roundTrip(full)
    #expect(back.first == back.second)
    #expect(!back.first.contains("none"))
    #expect(back.model.b == "b" && back.model.n == 1 && back.model.r == .gelu && back.model.s?.value == 3)
  }

  @Test func nilInsideNilIsKept() throws {
    struct Deep: Codable {
      var a: Int??
      var b: [Int??]
      var c: Int???
    }
    let deep = Deep(a: .some(nil), b: [nil, .some(nil), 3], c: .some(.some(nil)))
    try check(deep, "{a: (none), b: [none, (none), i64[][3]], c: ((none))}")
    let back = try roundTrip(deep).model
    #expect(back.a == .some(nil))
    #expect(back.b == deep.b)
    #expect(back.c == .some(.some(nil)))
  }

  @Test func dictionariesAreSorted() throws {
    struct Dictionaries: Codable {
      var a = ["b": 1, "a": 2, "é": 3]
      var b = [10: Ref<Float>(1), 9: Ref<Float>(2), -1: Ref<Float>(3)]
      var c = [Axis.y: 1, .x: 2]
      var d = [Rank.high: "h", .low: "l"]
      var e = [UInt8(7): true]
      var f: [String: Int] = [:]
    }
    try check(
      Dictionaries(),
      """
      {a: {a: i64[][2], b: i64[][1], é: i64[][3]}, b: {-1: #0=f32[][3.0], 10: #1=f32[][1.0], 9: #2=f32[][2.0]}, \
      c: {x: i64[][2], y: i64[][1]}, d: {1: "l", 10: "h"}, e: {7: bool[][1]}, f: {}}
      """)
  }

  @Test func setsAreSorted() throws {
    struct Sets: Codable {
      var a: Set<String> = ["b", "a", "c"]
      var b: Set<Int> = [10, -9, 3]
      var c: Set<Double> = [0.5, -1]
    }
    try check(
      Sets(), #"{a: ["a", "b", "c"], b: [i64[][-9], i64[][3], i64[][10]], c: [f64[][-1.0], f64[][0.5]]}"#)
  }

  @Test func whatHasNoOrderIsRefused() {
    struct Point: Codable, Hashable { var x = 1, y = 2 }
    let dictionary = refusal { try TreeEncoder().encode(["m": [Point(): 1]]) }
    #expect(dictionary?.code == .model)
    #expect(
      dictionary?.description.contains("m: a dictionary with keys of type Point has no stable order") == true)
    let set = refusal { try TreeEncoder().encode([Set([Point()])]) }
    #expect(set?.description.contains("0: a set of Point has no stable order") == true)
  }

  @Test func enumsAndStatics() throws {
    struct Enums: Codable {
      var a = Activation.gelu
      var b = Rank.high
      var c = [Schedule.constant, .linear(from: 1, to: 0), .step(3)]
      var d = Static("name")
      var e = Static(4)
      var f = Static(0.5)
      var g = Static(true)
      var h = StaticValue.int(3)
    }
    try check(
      Enums(),
      """
      {a: "gelu", b: i64[][10], c: [{constant: {}}, {linear: {from: f32[][1.0], to: f32[][0.0]}}, \
      {step: {_0: i64[][3]}}], d: "name", e: 4, f: 0.5, g: true, h: 3}
      """)
  }

  @Test func classHierarchies() throws {
    try check(Dog(), "{super: {legs: i64[][4]}, weight: #0@params=f32[][0.0]}")
    try check(Cat(), "{legs: i64[][4], purr: f32[][1.0]}")
  }

  @Test func emptyAndSingle() throws {
    struct Empty: Codable {}
    try check(Empty(), "{}")
    try check([Empty(), Empty()], "[{}, {}]")
    try check(3, "i64[][3]")
    try check("text", "\"text\"")
    try check(Ref<Float>(1), "#0=f32[][1.0]")
    try check(Float?.none, "none")
  }

  @Test func keysOfTwoFormsAreTwo() throws {
    // As text they read the same; as bytes, and in a file, they are two.
    struct Names: Codable {
      var composed = 1
      var decomposed = 2
      enum CodingKeys: String, CodingKey {
        case composed = "\u{e9}"
        case decomposed = "e\u{301}"
      }
      init() {}
    }
    // Swift's synthesis compares raw values as text, so keys are made by hand.
    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
    struct Both: Codable {
      var composed = 1
      var decomposed = 2
      init() {}
      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        composed = try container.decode(Int.self, forKey: Key(stringValue: "\u{e9}"))
        decomposed = try container.decode(Int.self, forKey: Key(stringValue: "e\u{301}"))
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(composed, forKey: Key(stringValue: "\u{e9}"))
        try container.encode(decomposed, forKey: Key(stringValue: "e\u{301}"))
      }
    }
    let back = try roundTrip(Both()).model
    #expect(back.composed == 1 && back.decomposed == 2)
    let tree = try TreeEncoder().encode(Both())
    let error = refusal { try TreeDecoder().decode([String: Int].self, from: tree) }
    #expect(
      error?.details == [
        "\u{e9}: type: expected keys that String tells apart, found two that it takes for one: \"\u{e9}\""
      ])
  }

  @Test func aKeyWrittenTwiceIsRefused() {
    struct Twice: Encodable {
      enum CodingKeys: CodingKey { case a }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(1, forKey: .a)
        try container.encode(2, forKey: .a)
      }
    }
    #expect(
      refusal { try TreeEncoder().encode([Twice()]) }?.description.hasPrefix("0/a: the key is written twice")
        == true)
    struct Forms: Encodable {
      func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        try list.encode(1)
        var single = encoder.singleValueContainer()
        try single.encode(1)
      }
    }
    #expect(refusal { try TreeEncoder().encode(Forms()) }?.code == .model)
  }
}
