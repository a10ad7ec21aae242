import Refx
import RefxIO
import RefxStore

/// Bytes for people: three digits and a decimal unit.
func humanBytes(_ count: Int) -> String {
  if count < 1000 { return "\(count) B" }
  var value = Double(count)
  var unit = "B"
  for next in ["kB", "MB", "GB", "TB", "PB"] where value >= 999.5 {
    value /= 1000
    unit = next
  }
  let text = value < 9.995 ? fixed(value, 2) : value < 99.95 ? fixed(value, 1) : fixed(value, 0)
  return "\(text) \(unit)"
}

/// `value` with so many digits after the point.
func fixed(_ value: Double, _ digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let whole = Int((value * Double(scale)).rounded())
  if digits == 0 { return "\(whole)" }
  let rest = String(whole % scale)
  return "\(whole / scale)." + String(repeating: "0", count: digits - rest.utf8.count) + rest
}

/// A number with about four digits.
func short(_ value: Double?) -> String {
  guard let value else { return "-" }
  if value.isNaN { return "nan" }
  if value == 0 || !value.isFinite { return value == 0 ? "0" : "\(value)" }
  if value == value.rounded(), value.magnitude < 1e6 { return "\(Int(value))" }
  var exponent = 0
  var digits = value.magnitude
  while digits >= 9.9995 {
    digits /= 10
    exponent += 1
  }
  while digits < 0.99995 {
    digits *= 10
    exponent -= 1
  }
  let sign = value < 0 ? "-" : ""
  if exponent >= -3 && exponent < 6 {
    return sign + fixed(value.magnitude, max(0, 3 - exponent))
  }
  return sign + fixed(digits, 3) + "e\(exponent)"
}

/// `1 leaf`, `2 leaves`.
func counted(_ count: Int, _ one: String, _ many: String) -> String {
  "\(count) \(count == 1 ? one : many)"
}

extension Path {
  /// The text form with control characters made visible; the root has a name.
  var shown: String { isRoot ? "(root)" : visible(text) }

  var json: JSON { .array(keys.map { .string($0.string) }) }
}

extension CollectionTag {
  static func json(_ tag: CollectionTag?) -> JSON {
    switch tag {
    case nil: .null
    case .name(let name): .string(name.string)
    case .number(let number): .integer(number)
    }
  }

  /// As a listing shows it; `-` is none.
  static func shown(_ tag: CollectionTag?) -> String { visible(text(of: tag)) }
}

/// How many columns of a terminal `text` takes: East Asian wide characters take two, marks none.
func columns(_ text: String) -> Int {
  if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
  return text.unicodeScalars.reduce(0) { sum, scalar in
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return sum
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE4F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
      return sum + 2
    default: return sum + 1
    }
  }
}
