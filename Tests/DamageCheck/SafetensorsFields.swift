/// The integers of a safetensors file: the length before the header, and every number in it, those of the tree's
/// description too.
enum SafetensorsFields {
  static func variants(of file: [UInt8]) -> [(what: String, make: @Sendable () -> [UInt8])] {
    var variants: [(what: String, make: @Sendable () -> [UInt8])] = []
    let length = file.number(at: 0, width: 8)
    for value in Fields.extremes(width: 8, now: length) {
      variants.append(("the length is \(value)", { file.replacing(at: 0, width: 8, with: value) }))
    }
    let header = Array(file[8..<(8 + Int(length))])
    let data = Array(file[(8 + Int(length))...])
    func isDigit(_ place: Int) -> Bool { (0x30...0x39).contains(header[place]) }
    var place = 0
    while place < header.count {
      guard isDigit(place) else {
        place += 1
        continue
      }
      var end = place
      while end < header.count, isDigit(end) { end += 1 }
      let range = place..<end
      let now = UInt64(String(decoding: header[range], as: UTF8.self)) ?? 0
      let numbers =
        Fields.extremes(width: 8, now: now).map { "\($0)" }
        + ["-1", "-9223372036854775808", "18446744073709551616", "1e3", "1.0", "00"]
      for number in numbers {
        variants.append(
          (
            "header byte \(place) is \(number)",
            {
              var changed = header
              changed.replaceSubrange(range, with: number.utf8)
              return withUnsafeBytes(of: UInt64(changed.count).littleEndian, Array.init) + changed + data
            }
          ))
      }
      place = end
    }
    return variants
  }
}
