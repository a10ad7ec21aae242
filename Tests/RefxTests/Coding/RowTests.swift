import Foundation
import Refx
import Testing

/// What writes itself as a run of numbers is one leaf, not a leaf for each number.
@Suite struct RowTests {
  struct Blob: Codable, Equatable {
    var data: Data
    var numbers: ContiguousArray<Float>
    var vector: SIMD4<Double>
    var range: Range<Int>
  }

  /// Data, other collections and vectors are rows.
  @Test func rows() throws {
    let blob = Blob(
      data: Data([1, 2, 255]), numbers: [0.5, 1], vector: SIMD4(1, 2, 3, 4), range: 3..<7)
    let tree = try TreeEncoder().encode(blob)
    #expect(
      tree.text
        == "{data: uint8[3][1, 2, 255], numbers: f32[2][0.5, 1.0], range: i64[2][3, 7], "
        + "vector: f64[4][1.0, 2.0, 3.0, 4.0]}")
    #expect(try TreeDecoder().decode(Blob.self, from: tree) == blob)
  }

  /// Empty data is a row without elements.
  @Test func empty() throws {
    let tree = try TreeEncoder().encode(["data": Data()])
    #expect(tree["data"]?.text == "uint8[0][]")
    #expect(try TreeDecoder().decode([String: Data].self, from: tree) == ["data": Data()])
  }

  /// A megabyte of Data is one leaf and comes back.
  @Test func large() throws {
    let data = Data((0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    let tree = try TreeEncoder().encode(data)
    #expect(tree.leafCount == 1)
    #expect(try TreeDecoder().decode(Data.self, from: tree) == data)
  }

  /// Lists of single leaves, as they were written before, are still read.
  @Test func oldLists() throws {
    let list: Tree<Leaf> = [.leaf(1 as UInt8), .leaf(2 as UInt8)]
    #expect(try TreeDecoder().decode(Data.self, from: list) == Data([1, 2]))
  }

  /// Writes what it is told to: one number after the other, and now and then something else.
  struct Mixed: Codable, Equatable {
    var integers: [Int]
    var text: String?
    var real: Double?

    init(_ integers: [Int], _ text: String? = nil, _ real: Double? = nil) {
      (self.integers, self.text, self.real) = (integers, text, real)
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.unkeyedContainer()
      for number in integers { try container.encode(number) }
      if let text { try container.encode(text) }
      if let real { try container.encode(real) }
    }

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      integers = []
      while !container.isAtEnd {
        if let number = try? container.decode(Int.self) {
          integers.append(number)
        } else if let string = try? container.decode(String.self) {
          text = string
        } else {
          real = try container.decode(Double.self)
        }
      }
    }
  }

  /// A row becomes a list where another kind of member comes.
  @Test(arguments: [
    (Mixed([]), "[]"), (Mixed([1, 2]), "i64[2][1, 2]"), (Mixed([], nil, 0.5), "f64[1][0.5]"),
    (Mixed([1, 2], "x"), "[i64[][1], i64[][2], \"x\"]"),
    (Mixed([1], nil, 2.5), "[i64[][1], f64[][2.5]]"),
    (Mixed([], "x", 2.5), "[\"x\", f64[][2.5]]"),
  ])
  func mixed(_ value: Mixed, _ text: String) throws {
    let tree = try TreeEncoder().encode(value)
    #expect(tree.text == text)
    #expect(try TreeDecoder().decode(Mixed.self, from: tree) == value)
  }

  /// Optionals and Refs are lists, however plain their values.
  @Test func lists() throws {
    let ref = Ref(1 as Float)
    #expect(try TreeEncoder().encode([1, nil, 2] as [Int?]).text == "[i64[][1], none, i64[][2]]")
    #expect(try TreeEncoder().encode([1, 2] as [Int?]).text == "[i64[][1], i64[][2]]")
    #expect(try TreeEncoder().encode([ref, ref]).text == "[#0=f32[][1.0], #0]")
  }

  /// A row of another type is one difference, whatever its length.
  @Test func otherType() throws {
    let tree: Tree<Leaf> = ["data": .leaf([Float](repeating: 1, count: 1000)), "size": .leaf(1 as Float)]
    struct Model: Codable {
      var data: Data
      var size: Int
    }
    let error = refusal { try TreeDecoder().decode(Model.self, from: tree) }
    #expect(
      error?.details == [
        "data: dtype: expected uint8, found float32", "size: dtype: expected int64, found float32",
      ])
  }

  /// Numbers of a row that nobody asks for are a difference.
  @Test func longerRow() throws {
    struct Pair: Codable {
      var a: Float
      var b: Float
      init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        a = try container.decode(Float.self)
        b = try container.decode(Float.self)
      }
    }
    let tree: Tree<Leaf> = .leaf([1, 2, 3] as [Float])
    let error = refusal { try TreeDecoder().decode(Pair.self, from: tree) }
    #expect(error?.details == ["the root: shape: expected float32 [2], found float32 [3]"])
    let shorter = refusal { try TreeDecoder().decode(Pair.self, from: .leaf([1] as [Float])) }
    #expect(shorter?.details.count == 1)
  }

  /// An array of Refs does not take a row.
  @Test func refsFromRow() throws {
    let tree: Tree<Leaf> = .leaf([1, 2, 3] as [Float])
    let error = refusal { try TreeDecoder().decode([Ref<Float>].self, from: tree) }
    #expect(error?.details == ["the root: structure: expected a list, found float32 [3]"])
  }

  /// Restore takes the bytes of Data.
  @Test func restore() throws {
    struct Model: Codable {
      var data: Data
      var ref: Ref<Data>
    }
    var model = Model(data: Data([1, 2]), ref: Ref(Data([3])))
    let kept = model.ref
    let tree = try TreeEncoder().encode(Model(data: Data([7, 8]), ref: Ref(Data([9]))))
    try TreeDecoder().restore(&model, from: tree)
    #expect(model.data == Data([7, 8]))
    #expect(kept.value == Data([9]))
    #expect(model.ref === kept)
  }
}
