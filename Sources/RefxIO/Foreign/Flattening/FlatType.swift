import Refx
import RefxStore

/// What a leaf is whose dtype the format cannot name, and that lies in the file as plain bytes: for one of
/// numbers a dtype; for one of text its shape, the bytes being those of a text leaf.
enum FlatType: Equatable {
  case numbers(DType)
  case texts(shape: [Int])

  init(_ json: JSON) throws {
    switch json {
    case .string(let name):
      guard let dtype = DType(name: name), dtype.itemSize != nil else {
        throw RefxError.descriptionDoesNotFit("\"\(name)\" is no dtype of numbers")
      }
      self = .numbers(dtype)
    case .object(let object):
      guard object.members.count == 1, case .array(let extents)? = object["string"] else {
        throw RefxError.descriptionDoesNotFit("a type is neither a dtype nor a string's shape")
      }
      self = .texts(
        shape: try extents.map {
          guard case .integer(let extent) = $0, let extent = Int(exactly: extent), extent >= 0 else {
            throw RefxError.descriptionDoesNotFit("a string's shape is malformed")
          }
          return extent
        })
    default: throw RefxError.descriptionDoesNotFit("a type is neither a dtype nor a string's shape")
    }
  }

  var json: JSON {
    switch self {
    case .numbers(let dtype): .string(dtype.name)
    case .texts(let shape): ["string": .array(shape.map { .integer(Int64($0)) })]
    }
  }
}
