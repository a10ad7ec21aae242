import Refx

extension JSON {
  /// The document as compact UTF-8: members in order, the shortest digits that read back exactly, control
  /// characters and quotes escaped. The same value gives the same bytes.
  public func bytes() -> [UInt8] {
    var output: [UInt8] = []
    write(to: &output, indentation: nil)
    return output
  }

  /// The document over several lines, for people.
  public func prettyBytes() -> [UInt8] {
    var output: [UInt8] = []
    write(to: &output, indentation: 0)
    return output
  }

  /// Appends the document; `indentation` is the depth where it is laid out over lines, nil where it is not.
  public func write(to output: inout [UInt8], indentation: Int?) {
    switch self {
    case .null: output += "null".utf8
    case .bool(let value): output += (value ? "true" : "false").utf8
    case .integer(let value): output += String(value).utf8
    case .unsigned(let value): output += String(value).utf8
    case .number(let value): JSON.writeNumber(value, to: &output)
    case .string(let value): JSON.writeString(value, to: &output)
    case .array(let members):
      JSON.writeMembers(members, between: "[", "]", to: &output, indentation: indentation) {
        $0.write(to: &$1, indentation: $2)
      }
    case .object(let object):
      JSON.writeMembers(object.members, between: "{", "}", to: &output, indentation: indentation) {
        JSON.writeString($0.name.string, to: &$1)
        $1 += (indentation == nil ? ":" : ": ").utf8
        $0.value.write(to: &$1, indentation: $2)
      }
    }
  }

  private static func writeMembers<T>(
    _ members: [T], between open: String, _ close: String, to output: inout [UInt8], indentation: Int?,
    _ writeOne: (T, inout [UInt8], Int?) -> Void
  ) {
    output += open.utf8
    let inner = indentation.map { $0 + 1 }
    for (position, member) in members.enumerated() {
      if position > 0 { output.append(UInt8(ascii: ",")) }
      if let inner { output += "\n".utf8 + [UInt8](repeating: 0x20, count: 2 * inner) }
      writeOne(member, &output, inner)
    }
    if let indentation, !members.isEmpty {
      output += "\n".utf8 + [UInt8](repeating: 0x20, count: 2 * indentation)
    }
    output += close.utf8
  }

  /// JSON has no word for what is not finite; it is written as a string.
  private static func writeNumber(_ value: Double, to output: inout [UInt8]) {
    if value.isNaN {
      output += "\"nan\"".utf8
    } else if value.isInfinite {
      output += (value > 0 ? "\"inf\"" : "\"-inf\"").utf8
    } else {
      output += value.description.utf8
    }
  }

  private static func writeString(_ string: String, to output: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    output.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case 0x0A: output += "\\n".utf8
      case 0x0D: output += "\\r".utf8
      case 0x09: output += "\\t".utf8
      case 0..<0x20, 0x7F: output += "\\u00".utf8 + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
