import Refx

/// Attributes as JSON, exactly: for formats that hold text alone.
///
/// A list of `[path, name, value]`, the path a list of keys; a value is `null` (no value), or an object with
/// `dtype`, `shape` and one of `value` (a text, an integer, true or false), `texts` (a list), `bytes` (numbers,
/// little-endian in C order, in hexadecimal).
extension NodeAttributes {
  package var json: JSON {
    var rows: [JSON] = []
    for path in paths {
      let keys = JSON.array(path.keys.map { .string($0.string) })
      for attribute in self[path] {
        rows.append([keys, .string(attribute.name.string), attribute.value.exactJSON])
      }
    }
    return .array(rows)
  }

  /// Adds what ``json`` made.
  ///
  /// - Returns: false where it is something else, or names an attribute twice.
  package mutating func add(json: JSON) -> Bool {
    guard case .array(let rows) = json else { return false }
    var names: [Path: Set<Key>] = [:]
    for row in rows {
      guard case .array(let parts) = row, parts.count == 3, case .array(let keys) = parts[0],
        case .string(let name) = parts[1], let value = AttributeValue(exactJSON: parts[2])
      else { return false }
      var path = Path()
      for key in keys {
        guard case .string(let text) = key else { return false }
        path.keys.append(Key(text))
      }
      let key = Key(name)
      guard names[path, default: Set(self[path].map(\.name))].insert(key).inserted else { return false }
      self[path].append(Attribute(key, value))
    }
    return true
  }
}

extension AttributeValue {
  fileprivate var exactJSON: JSON {
    switch self {
    case .empty: return .null
    case .one(.float(let number)):
      let bytes = withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init)
      return ["dtype": "float64", "shape": [], "bytes": .string(hexadecimal(bytes))]
    case .one(.string(let text)): return ["dtype": "string", "shape": [], "value": .string(text)]
    case .one(.int(let number)): return ["dtype": "int64", "shape": [], "value": .integer(number)]
    case .one(.bool(let flag)): return ["dtype": "bool", "shape": [], "value": .bool(flag)]
    case .texts(let texts, let shape):
      return [
        "dtype": "string", "shape": .array(shape.map { .integer(Int64($0)) }),
        "texts": .array(texts.map { .string($0.string) }),
      ]
    case .numbers(let dtype, let shape, let bytes):
      return [
        "dtype": .string(dtype.name), "shape": .array(shape.map { .integer(Int64($0)) }),
        "bytes": .string(hexadecimal(bytes)),
      ]
    }
  }

  fileprivate init?(exactJSON json: JSON) {
    if case .null = json {
      self = .empty
      return
    }
    guard case .object(let object) = json, case .string(let name)? = object["dtype"],
      let dtype = DType(name: name), case .array(let extents)? = object["shape"], extents.count <= 64
    else { return nil }
    var shape: [Int] = []
    for extent in extents {
      guard case .integer(let number) = extent, let extent = Int(exactly: number) else { return nil }
      shape.append(extent)
    }
    switch (dtype, object["value"], object["texts"], object["bytes"]) {
    case (.string, .string(let text)?, nil, nil) where shape.isEmpty: self = .one(.string(text))
    case (.int64, .integer(let number)?, nil, nil) where shape.isEmpty: self = .one(.int(number))
    case (.bool, .bool(let flag)?, nil, nil) where shape.isEmpty: self = .one(.bool(flag))
    case (.string, nil, .array(let listed)?, nil):
      var texts: [Key] = []
      for text in listed {
        guard case .string(let text) = text else { return nil }
        texts.append(Key(text))
      }
      guard !shape.isEmpty, DType.elementCount(of: shape) == texts.count else { return nil }
      self = .texts(texts, shape: shape)
    case (_, nil, nil, .string(let text)?):
      guard let bytes = AttributeValue.bytes(hexadecimal: text), bytes.count == dtype.byteCount(of: shape),
        bytes.withUnsafeBytes(dtype.firstOtherByte(in:)) == nil
      else { return nil }
      self.init(dtype: dtype, shape: shape, bytes: bytes)
    default: return nil
    }
  }

  private static func bytes(hexadecimal text: String) -> [UInt8]? {
    guard text.utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 2)
    var high: UInt8?
    for digit in text.utf8 {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}
