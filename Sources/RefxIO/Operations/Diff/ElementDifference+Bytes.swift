import Refx

extension ElementDifference {
  /// As one process tells another, bit by bit; nothing for no difference.
  static func bytes(of difference: ElementDifference?) -> [UInt8] {
    guard let difference else { return [] }
    var words = [UInt64(bitPattern: Int64(difference.changed)), UInt64(bitPattern: Int64(difference.nan))]
    for number in [difference.maxAbs, difference.maxRel, difference.rms] {
      words += [number == nil ? 0 : 1, number?.bitPattern ?? 0]
    }
    return words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
  }

  /// nil where nothing differs.
  static func difference(in bytes: [UInt8]) -> ElementDifference? {
    guard bytes.count == 64 else { return nil }
    let words = (0..<8).map { word in
      bytes[(8 * word)..<(8 * word + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    func number(_ place: Int) -> Double? { words[place] == 0 ? nil : Double(bitPattern: words[place + 1]) }
    var difference = ElementDifference()
    difference.changed = Int(Int64(bitPattern: words[0]))
    difference.nan = Int(Int64(bitPattern: words[1]))
    (difference.maxAbs, difference.maxRel, difference.rms) = (number(2), number(4), number(6))
    return difference
  }
}
