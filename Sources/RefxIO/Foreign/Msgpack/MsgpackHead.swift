import Refx
import RefxStore

/// What stands before, or is, a value of MessagePack: its kind, and its number or its length. Every length is
/// compared with what is left of the file.
enum MsgpackHead {
  case none
  case bool(Bool)
  case integer(Int64)
  /// One beyond an Int64.
  case unsigned(UInt64)
  case single(Float)
  case double(Double)
  /// The number of bytes.
  case text(Int)
  case bytes(Int)
  case `extension`(type: Int8, Int)
  /// The number of members.
  case array(Int)
  case map(Int)

  init(_ reader: inout ForwardReader) throws {
    let place = reader.place
    let first = try reader.byte()
    switch first {
    case 0x00...0x7F: self = .integer(Int64(first))
    case 0x80...0x8F: self = .map(Int(first & 0x0F))
    case 0x90...0x9F: self = .array(Int(first & 0x0F))
    case 0xA0...0xBF: self = .text(try Self.checked(Int(first & 0x1F), reader, at: place))
    case 0xC0: self = .none
    case 0xC2: self = .bool(false)
    case 0xC3: self = .bool(true)
    case 0xC4...0xC6: self = .bytes(try Self.length(&reader, width: first - 0xC4, at: place))
    case 0xC7...0xC9:
      let count = try Self.size(&reader, width: first - 0xC7)
      self = .extension(type: try reader.number(), try Self.checked(count, reader, at: place))
    case 0xCA: self = .single(Float(bitPattern: try reader.number()))
    case 0xCB: self = .double(Double(bitPattern: try reader.number()))
    case 0xCC: self = .integer(Int64(try reader.number(as: UInt8.self)))
    case 0xCD: self = .integer(Int64(try reader.number(as: UInt16.self)))
    case 0xCE: self = .integer(Int64(try reader.number(as: UInt32.self)))
    case 0xCF:
      let number: UInt64 = try reader.number()
      self = Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
    case 0xD0: self = .integer(Int64(try reader.number(as: Int8.self)))
    case 0xD1: self = .integer(Int64(try reader.number(as: Int16.self)))
    case 0xD2: self = .integer(Int64(try reader.number(as: Int32.self)))
    case 0xD3: self = .integer(try reader.number())
    case 0xD4...0xD8:
      self = .extension(
        type: try reader.number(), try Self.checked(1 << Int(first - 0xD4), reader, at: place))
    case 0xD9...0xDB: self = .text(try Self.length(&reader, width: first - 0xD9, at: place))
    case 0xDC, 0xDD: self = .array(try Self.size(&reader, width: first - 0xDB))
    case 0xDE, 0xDF: self = .map(try Self.size(&reader, width: first - 0xDD))
    case 0xE0...0xFF: self = .integer(Int64(Int8(bitPattern: first)))
    default:
      throw RefxError.msgpackDamaged("a value of MessagePack", found: "the byte 0xc1", at: place)
    }
  }

  /// A number of one, two or four bytes.
  private static func size(_ reader: inout ForwardReader, width: UInt8) throws -> Int {
    switch width {
    case 0: Int(try reader.number(as: UInt8.self))
    case 1: Int(try reader.number(as: UInt16.self))
    default: Int(try reader.number(as: UInt32.self))
    }
  }

  private static func length(_ reader: inout ForwardReader, width: UInt8, at place: Int) throws -> Int {
    try checked(try size(&reader, width: width), reader, at: place)
  }

  private static func checked(_ count: Int, _ reader: ForwardReader, at place: Int) throws -> Int {
    guard count <= reader.left else { throw RefxError.msgpackCut(count, left: reader.left, at: place) }
    return count
  }

  /// What it is called in a sentence.
  var name: String {
    switch self {
    case .none: "nil"
    case .bool: "a truth value"
    case .integer, .unsigned: "an integer"
    case .single, .double: "a float"
    case .text: "a text"
    case .bytes: "bytes"
    case .extension(let type, _): "an extension of type \(type)"
    case .array: "an array"
    case .map: "a map"
    }
  }
}
