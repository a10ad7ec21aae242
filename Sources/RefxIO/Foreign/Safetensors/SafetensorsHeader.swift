import Refx
import RefxStore

/// The header of a safetensors file: the length of a JSON text as eight little-endian bytes, then the text.
/// All of it is checked before a payload byte is touched.
struct SafetensorsHeader {
  struct Tensor {
    let name: Key
    let dtype: SafetensorsDType
    let shape: [Int]
    /// Where the bytes lie, counted from the beginning of the data.
    let range: Range<Int>
    /// Where the header speaks of it.
    let place: Int
  }

  /// The most bytes that readers of the format take for a header.
  static let byteLimit = 100_000_000
  static let metadataName: Key = "__metadata__"

  private(set) var tensors: [Tensor] = []
  private(set) var metadata: [(name: Key, text: String)] = []
  /// Where in the file the data begins.
  let dataStart: Int

  /// - Throws: ``RefxError`` where the header is malformed, or its tensors do not cover the rest of the file.
  init(of file: InputFile, _ budget: Budget) throws {
    let count = try SafetensorsHeader.textByteCount(of: file)
    dataStart = 8 + count
    let text = try file.bytes(at: 8, count: count)
    try text.withUnsafeBytes { bytes in
      guard bytes.first == UInt8(ascii: "{") else {
        throw RefxError.notSafetensors(
          found: bytes.isEmpty ? "no header" : "the byte 0x\(hexadecimal([bytes[0]]))")
      }
      var scanner = JSONScanner(bytes, firstByte: 8, limits: .init(depth: 4))
      try read(&scanner, budget)
      try scanner.finish()
    }
    try checkCover(dataByteCount: file.byteCount - dataStart)
  }

  /// The number that the file begins with, checked against the file's size.
  static func textByteCount(of file: InputFile) throws -> Int {
    guard file.byteCount >= 8 else {
      throw RefxError.cut(file: file.name, offset: 0, wanted: 8, size: file.byteCount)
    }
    let length = try file.bytes(at: 0, count: 8).withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
    }
    let available = file.byteCount - 8
    if length > UInt64(byteLimit) || length > UInt64(available) {
      if let kind = try otherKind(of: file) { throw RefxError.safetensorsIsAnother(kind) }
      throw length > UInt64(byteLimit)
        ? RefxError.safetensorsHeaderOverLimit(length, limit: byteLimit)
        : RefxError.safetensorsHeaderCut(length, available: available)
    }
    return Int(length)
  }

  /// What a file is whose first eight bytes, taken for a length, are not one.
  private static func otherKind(of file: InputFile) throws -> String? {
    let start = try file.bytes(at: 0, count: min(file.byteCount, 512))
    let text = String(decoding: start, as: UTF8.self).lowercased()
    if text.hasPrefix("version https://git-lfs") {
      return "a git-lfs pointer: the data was not downloaded; run `git lfs pull`"
    }
    let first = text.drop { $0.isWhitespace }
    if first.hasPrefix("<!doctype") || first.hasPrefix("<html") || first.hasPrefix("<?xml") {
      return "a web page: the download failed; download it again"
    }
    if first.hasPrefix("{") { return "JSON text without a length before it" }
    return nil
  }

  // MARK: The text

  private mutating func read(_ scanner: inout JSONScanner, _ budget: Budget) throws {
    var tensors: [Tensor] = []
    var metadata: [(name: Key, text: String)] = []
    try scanner.readObject { scanner, name in
      if name == SafetensorsHeader.metadataName {
        try scanner.readObject { scanner, name in
          let text = try scanner.readString()
          try budget.charge(metadataBytes: name.string.utf8.count.addingSaturated(text.utf8.count))
          metadata.append((name, text))
        }
        return
      }
      try budget.check(nameBytes: name.string.utf8.count)
      // At which level it stands is known when the tree is made.
      try budget.charge(nodes: 1)
      do {
        tensors.append(try SafetensorsHeader.readTensor(named: name, &scanner, budget))
      } catch let error as RefxError {
        throw error.atPath([name])
      }
    }
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func readTensor(named name: Key, _ scanner: inout JSONScanner, _ budget: Budget) throws
    -> Tensor
  {
    var dtype: SafetensorsDType?
    var shape: [Int]?
    var offsets: [Int]?
    let place = scanner.offset
    try scanner.readObject { scanner, field in
      let fieldPlace = scanner.offset
      switch field.string {
      case "dtype":
        let text = try scanner.readString()
        guard let known = SafetensorsDType(text) else {
          throw RefxError.safetensorsTensor(
            name, "a dtype of the format", found: "\"\(text)\"", at: fieldPlace)
        }
        dtype = known
      case "shape":
        shape = try readSizes(&scanner) { try budget.check(rank: $0 + 1, at: fieldPlace) }
      case "data_offsets":
        offsets = try readSizes(&scanner) {
          if $0 >= 2 {
            throw RefxError.overLimit("data_offsets has too many numbers", limit: 2, at: fieldPlace)
          }
        }
      default:
        throw RefxError.safetensorsTensor(
          name, "dtype, shape and data_offsets alone", found: "the field \"\(field)\"", at: fieldPlace)
      }
    }
    guard let dtype else { throw RefxError.safetensorsTensor(name, "a dtype", found: "none", at: place) }
    guard let shape else { throw RefxError.safetensorsTensor(name, "a shape", found: "none", at: place) }
    guard let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw RefxError.safetensorsTensor(
        name, "data_offsets of a beginning and an end", found: offsets.map { "\($0)" } ?? "none", at: place)
    }
    let range = offsets[0]..<offsets[1]
    guard let byteCount = dtype.byteCount(of: shape) else {
      throw RefxError.safetensorsTensor(
        name, "a shape whose bytes can be counted", found: "\(shape)", at: place)
    }
    guard byteCount == range.count else {
      throw RefxError.safetensorsTensor(
        name, "\(byteCount) bytes for the shape \(shape)", found: "data_offsets over \(range.count)",
        at: place)
    }
    try budget.charge(bytes: byteCount)
    return Tensor(name: name, dtype: dtype, shape: shape, range: range, place: place)
  }

  /// Reads an array of integers of at least 0; `check` is called with the position of each before it is read.
  private static func readSizes(
    _ scanner: inout JSONScanner, _ check: (Int) throws -> Void
  ) throws -> [Int] {
    var sizes: [Int] = []
    try scanner.readArray { scanner, position in
      let place = scanner.offset
      try check(position)
      guard let size = Int(exactly: try scanner.readInteger()), size >= 0 else {
        throw RefxError.negativeSize(at: place)
      }
      sizes.append(size)
    }
    return sizes
  }

  // MARK: The cover

  /// Checks that the tensors follow one another without holes and overlaps, from the first byte of the data to
  /// the last.
  private func checkCover(dataByteCount: Int) throws {
    let ordered = tensors.indices.sorted {
      (tensors[$0].range.lowerBound, tensors[$0].range.upperBound)
        < (tensors[$1].range.lowerBound, tensors[$1].range.upperBound)
    }
    var end = 0
    for position in ordered {
      let tensor = tensors[position]
      guard tensor.range.lowerBound == end else {
        let start = tensor.range.lowerBound
        let what = start > end ? "a hole of \(start - end) bytes" : "an overlap of \(end - start) bytes"
        throw RefxError.safetensorsUncovered(
          "\(what) before \"\(tensor.name)\"", at: tensor.place
        ).atPath([tensor.name])
      }
      end = tensor.range.upperBound
      guard end <= dataByteCount else {
        throw RefxError.safetensorsUncovered(
          "the end of the file \(end - dataByteCount) bytes before the end of \"\(tensor.name)\"",
          at: tensor.place
        ).atPath([tensor.name])
      }
    }
    guard end == dataByteCount else {
      throw RefxError.safetensorsUncovered(
        "\(dataByteCount - end) bytes behind the last tensor", at: dataStart + end)
    }
  }
}
