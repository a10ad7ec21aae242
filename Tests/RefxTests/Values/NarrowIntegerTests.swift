import Foundation
import Refx
import Testing

/// Whole numbers of four bits.
@Suite struct NarrowIntegerTests {
  @Test func onlyWhatFitsIsOne() {
    for number in -300...300 {
      #expect(Int4(exactly: number)?.value == ((-8...7).contains(number) ? Int8(number) : nil))
      #expect(UInt4(exactly: number)?.value == ((0...15).contains(number) ? UInt8(number) : nil))
    }
    #expect(Int4.min == -8 && Int4.max == 7 && UInt4.min == 0 && UInt4.max == 15)
    #expect(Int4(-8) < Int4(7) && UInt4(3) < UInt4(4) && "\(Int4(-8)) \(UInt4(15))" == "-8 15")
  }

  @Test func theBytesOfEachDTypeAreItsElements() {
    let all = [UInt8](0...255)
    for dtype in DType.allCases where dtype.itemSize == 1 {
      let elements = all.filter { byte in [byte].withUnsafeBytes(dtype.firstOtherByte(in:)) == nil }
      let expected: [UInt8] =
        switch dtype {
        case .bool: [0, 1]
        case .int4: [UInt8](0...7) + [UInt8](248...255)
        case .uint4: [UInt8](0...15)
        default: all
        }
      #expect(elements == expected)
      #expect(dtype.takesAnyBytes == (expected == all))
    }
    var many = [UInt8](repeating: 1, count: 1000)
    #expect(many.withUnsafeBytes(DType.int4.firstOtherByte(in:)) == nil)
    (many[700], many[701]) = (8, 0xF7)
    #expect(many.withUnsafeBytes(DType.int4.firstOtherByte(in:)) == 700)
    #expect(many.withUnsafeBytes(DType.int8.firstOtherByte(in:)) == nil)
    #expect([UInt8]().withUnsafeBytes(DType.uint4.firstOtherByte(in:)) == nil)
  }

  private func leaf(_ dtype: DType, _ bytes: [UInt8], shape: [Int]) -> Leaf {
    Leaf(dtype: dtype, shape: shape, source: MemoryBytes(sharing: bytes))
  }

  @Test func noOtherByteBecomesANumber() throws {
    #expect(try [Int4](leaf: leaf(.int4, [0xF8, 7], shape: [2])) == [-8, 7])
    #expect(try UInt4(leaf: leaf(.uint4, [15], shape: [])) == 15)
    let wrong = [leaf(.int4, [0, 8], shape: [2]), leaf(.int4, [0, 0xF7], shape: [2])]
    for leaf in wrong {
      let error = #expect(throws: RefxError.self) { _ = try [Int4](leaf: leaf) }
      #expect(error?.code == .damaged && error?.summary.contains("an int4 of -8 to 7") == true)
    }
    #expect(throws: RefxError.self) { _ = try UInt4(leaf: leaf(.uint4, [16], shape: [])) }
    // Where a model asks for one number, and where it asks for a row one by one.
    struct One: Decodable { let n: UInt4 }
    #expect(throws: RefxError.self) {
      _ = try TreeDecoder().decode(One.self, from: ["n": .leaf(leaf(.uint4, [16], shape: []))])
    }
    struct Row: Codable, Equatable {
      var numbers: [Int4]
      func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for number in numbers { try container.encode(number) }
      }
      init(_ numbers: [Int4]) { self.numbers = numbers }
      init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        numbers = []
        while !container.isAtEnd { numbers.append(try container.decode(Int4.self)) }
      }
    }
    #expect(throws: RefxError.self) {
      _ = try TreeDecoder().decode(Row.self, from: .leaf(leaf(.int4, [1, 8], shape: [2])))
    }
    let row = Row([-8, 0, 7])
    #expect(try TreeDecoder().decode(Row.self, from: TreeEncoder().encode(row)) == row)
  }

  @Test func otherEncodersWriteNumbers() throws {
    struct Both: Codable, Equatable {
      var a: Int4 = -8
      var b: UInt4 = 15
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = try encoder.encode(Both())
    #expect(String(decoding: text, as: UTF8.self) == #"{"a":-8,"b":15}"#)
    #expect(try JSONDecoder().decode(Both.self, from: text) == Both())
    for wrong in [#"{"a":8,"b":0}"#, #"{"a":0,"b":16}"#, #"{"a":-9,"b":0}"#] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(Both.self, from: Data(wrong.utf8)) }
    }
    let tensor = Tensor([-1, 7] as [Int4])
    let written = try encoder.encode(tensor)
    #expect(try JSONDecoder().decode(Tensor.self, from: written) == tensor)
    let changed = String(decoding: written, as: UTF8.self).replacing("ff07", with: "ff08")
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Tensor.self, from: Data(changed.utf8)) }
  }
}
