import Refx
import RefxIO
import RefxStore

/// `get --json`: one leaf as a document, its elements in C order in one list, written while they are read.
struct LeafDocument {
  let file: String
  let path: Path

  /// A static value, as an array of one element.
  func write(_ value: StaticValue) throws {
    let values: JSON = [value.json]
    try StandardOutput.write(document(value.typeName, [], [.init("values", values)]))
  }

  /// What was written to a file.
  func write(_ leaf: Leaf, output: String) throws {
    try StandardOutput.write(
      document(
        leaf.dtype.name, leaf.shape,
        [.init("bytes", .integer(Int64(leaf.byteCount))), .init("output", .string(output))]))
  }

  /// Arrays up to so many bytes are kept back until all is read.
  private static let heldBytes = 1 << 20

  /// - Parameter progress: called with the bytes of each piece that was written.
  func write(_ leaf: Leaf, progress: (Int) -> Void) throws {
    // What is read may turn out to be damaged, and an error takes the place of the document: what is too large to be
    // kept back is read once before.
    if leaf.byteCount <= LeafDocument.heldBytes {
      StandardOutput.hold()
    } else if leaf.dtype == .string {
      var reader = TextReader(leaf, at: path)
      for _ in 0..<leaf.count { reader.skip(try reader.length()) }
    } else {
      try leaf.forEachPiece { _ in }
    }
    var head = document(leaf.dtype.name, leaf.shape, []).bytes()
    // The values follow within the same object.
    head.removeLast()
    try StandardOutput.write(JSON.terminalSafe(head) + Array(",\"values\":[".utf8))
    if leaf.dtype == .string { try writeStrings(of: leaf) } else { try writeNumbers(of: leaf, progress) }
    try StandardOutput.write("]}\n")
  }

  private func document(_ dtype: String, _ shape: [Int], _ members: [JSONObject.Member]) -> JSON {
    let head: [JSONObject.Member] = [
      .init("file", .string(file)), .init("path", path.json), .init("dtype", .string(dtype)),
      .init("shape", .array(shape.map { .integer(Int64($0)) })),
    ]
    return .object(JSONObject(head + members))
  }

  private func writeStrings(of leaf: Leaf) throws {
    var reader = TextReader(leaf, at: path)
    for position in 0..<leaf.count {
      let string = JSON.string(try reader.string()).bytes()
      try StandardOutput.write((position == 0 ? [] : [UInt8(ascii: ",")]) + JSON.terminalSafe(string))
    }
  }

  private func writeNumbers(of leaf: Leaf, _ progress: (Int) -> Void) throws {
    guard let size = leaf.dtype.itemSize, let token = LeafDocument.token(leaf.dtype), leaf.count > 0 else {
      return
    }
    var isFirst = true
    try leaf.forEachPiece { piece in
      var text: [UInt8] = []
      for offset in stride(from: 0, to: piece.count, by: size) {
        if !isFirst { text.append(UInt8(ascii: ",")) }
        isFirst = false
        text += token(piece, offset).utf8
      }
      try StandardOutput.write(text)
      progress(piece.count)
    }
  }

  /// How an element of that dtype at an offset stands in JSON: a number, what is not finite as a string, a complex
  /// number as a list of its two parts.
  private static func token(_ dtype: DType) -> LeafText.Element? {
    switch dtype {
    case .complex64, .complex128:
      let part: DType = dtype == .complex64 ? .float32 : .float64
      guard let size = part.itemSize, let one = token(part) else { return nil }
      return { "[\(one($0, $1)),\(one($0, $1 + size))]" }
    default:
      guard let text = LeafText.element(dtype) else { return nil }
      if !dtype.isRealFloat { return text }
      return { bytes, offset in
        let number = text(bytes, offset)
        if number.utf8.contains(UInt8(ascii: "n")) {
          return number.hasPrefix("-inf") ? "\"-inf\"" : spelled(number)
        }
        return number
      }
    }
  }

  private static func spelled(_ number: String) -> String { number.hasPrefix("inf") ? "\"inf\"" : "\"nan\"" }
}
