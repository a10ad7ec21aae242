/// The integers of an HDF5 file, at whatever place of its metadata they stand: those that a checksum covers get a
/// new one.
struct HDF5Fields {
  private(set) var variants: [(what: String, make: @Sendable () -> [UInt8])] = []

  init(_ file: [UInt8]) {
    let structures = HDF5Fields.structures(in: file)
    for structure in structures {
      for place in structure {
        for width in [1, 2, 4, 8] where place + width <= structure.upperBound {
          for value in Fields.extremes(width: width, now: file.number(at: place, width: width)) {
            variants.append(
              (
                "byte \(place) of width \(width) is \(value)",
                {
                  var copy = file.replacing(at: place, width: width, with: value)
                  let sum = lookup3(copy[structure])
                  copy = copy.replacing(at: structure.upperBound, width: 4, with: UInt64(sum))
                  return copy
                }
              ))
          }
        }
      }
    }
  }

  /// What lies before each checksum, found by looking for where one fits.
  private static func structures(in file: [UInt8]) -> [Range<Int>] {
    let signatures = ["\u{89}HDF", "OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTLF", "BTIN"]
    var found: [Range<Int>] = []
    for start in file.indices {
      let head = file[start...].prefix(4)
      guard
        signatures.contains(where: { name in
          head.elementsEqual(name.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        })
      else { continue }
      let most = min(file.count - 4, start + 4096)
      guard start + 8 < most else { continue }
      for end in (start + 8)..<most where file.number(at: end, width: 4) == UInt64(lookup3(file[start..<end]))
      {
        found.append(start..<end)
        break
      }
    }
    return found
  }
}

/// The checksum of HDF5's metadata: Jenkins' hash of little-endian words, from 0.
private func lookup3(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  var state = [UInt32](repeating: 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count), count: 3)
  func rotated(_ x: UInt32, _ by: UInt32) -> UInt32 { x << by | x >> (32 - by) }
  if bytes.isEmpty { return state[2] }
  var place = bytes.startIndex
  func word(_ at: Int) -> UInt32 {
    (0..<4).reduce(0 as UInt32) {
      $0 | (at + $1 < bytes.endIndex ? UInt32(bytes[at + $1]) << (8 * UInt32($1)) : 0)
    }
  }
  while true {
    for number in 0..<3 { state[number] &+= word(place + 4 * number) }
    if bytes.endIndex - place <= 12 { break }
    // a, b, c in turn: x -= z; x ^= z <<< n; z += y.
    for (step, shift) in [4, 6, 8, 16, 19, 4].enumerated() {
      let (x, y, z) = (step % 3, (step + 1) % 3, (step + 2) % 3)
      state[x] = (state[x] &- state[z]) ^ rotated(state[z], UInt32(shift))
      state[z] &+= state[y]
    }
    place += 12
  }
  for (step, shift) in [14, 11, 25, 16, 4, 14, 24].enumerated() {
    let (x, y) = ((step + 2) % 3, (step + 1) % 3)
    state[x] = (state[x] ^ state[y]) &- rotated(state[y], UInt32(shift))
  }
  return state[2]
}
