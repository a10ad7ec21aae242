import Refx
import RefxStore

/// An attribute that is not the layout's, as it stands in the file.
struct StoredAttribute: Sendable {
  let name: String
  let element: ElementType
  /// The extents; nil where there is no dataspace.
  let shape: [Int]?
  let content: Content

  enum Content: Hashable, Sendable {
    /// The bytes of all elements, which for text in the heap say where it is.
    case raw([UInt8])
    /// What libhdf5 has looked up in the heap.
    case texts([[UInt8]])
  }
}

extension StoredAttribute {
  /// The attribute as a value.
  ///
  /// - Parameter object: what errors call the object that it belongs to.
  /// - Throws: ``RefxError`` where there is more text than the limits allow.
  func value(_ input: HDF5Input, _ budget: Budget, of object: String) throws -> Result<
    AttributeValue, Unreadable
  > {
    guard let shape else { return .success(.empty) }
    guard let count = DType.elementCount(of: shape), shape.count <= budget.limits.rank else {
      return .failure(Unreadable(reason: "it has too many elements"))
    }
    switch (element, content) {
    case (.unsupported(let reason), _): return .failure(Unreadable(reason: reason.reason))
    case (.number(let dtype, let isBigEndian), .raw(var bytes)):
      guard bytes.count == dtype.byteCount(of: shape) else {
        return .failure(Unreadable(reason: "its bytes are not those of its elements"))
      }
      try budget.charge(metadataBytes: bytes.count)
      if isBigEndian { bytes.withUnsafeMutableBytes { $0.swapWords(ofSize: dtype.wordSize) } }
      // One byte in the file may be any; a boolean is 0 or 1.
      if dtype == .bool { for place in bytes.indices { bytes[place] = bytes[place] == 0 ? 0 : 1 } }
      guard bytes.withUnsafeBytes(dtype.firstOtherByte(in:)) == nil else {
        return .failure(Unreadable(reason: "its bytes are not those of its elements"))
      }
      return .success(AttributeValue(dtype: dtype, shape: shape, bytes: bytes))
    case (.number, .texts): return .failure(Unreadable(reason: "its bytes are not those of its elements"))
    case (.fixedText, _), (.heapText, _):
      let texts: [[UInt8]]
      do { texts = try self.texts(count, input, budget, of: object) } catch let error as RefxError {
        if budget.isExceeded || error.code == .limit { throw error }
        return .failure(Unreadable(reason: "its text cannot be read"))
      }
      let keys = texts.compactMap { String(validating: $0, as: UTF8.self).map { Key($0) } }
      guard keys.count == count else { return .failure(Unreadable(reason: "its text is not UTF-8")) }
      return .success(shape.isEmpty ? .one(.string(keys[0].string)) : .texts(keys, shape: shape))
    }
  }

  /// Why an attribute cannot be represented, as a clause.
  struct Unreadable: Error { let reason: String }

  private func texts(_ count: Int, _ input: HDF5Input, _ budget: Budget, of object: String) throws
    -> [[UInt8]]
  {
    var found: [[UInt8]] = []
    func add(_ text: ArraySlice<UInt8>) throws {
      try budget.charge(metadataBytes: text.count + 16)
      found.append(Array(text))
    }
    switch (content, element) {
    case (.texts(let texts), _): for text in texts { try add(text[...]) }
    case (.raw(let bytes), .fixedText(let size, let padding)):
      guard size > 0, bytes.count / size == count, bytes.count % size == 0 else { return [] }
      for first in stride(from: 0, to: bytes.count, by: size) {
        try add(padding.unpadded(bytes[first..<(first + size)]))
      }
    case (.raw(let bytes), _):
      let size = 8 + input.addressSize
      guard bytes.count / size == count, bytes.count % size == 0 else { return [] }
      var heap = GlobalHeap(input, name: object)
      for first in stride(from: 0, to: bytes.count, by: size) {
        let text = try heap.text(
          bytes[first..<(first + size)], addressSize: input.addressSize, limit: budget.metadataBytesLeft)
        try add(text[...])
      }
    }
    return found
  }
}

/// The attributes of the nodes of a file, and which of them cannot be represented.
struct AttributeCollector {
  private let input: HDF5Input
  private let budget: Budget
  private(set) var found = NodeAttributes()
  private var changed: [String] = []
  private var leftOut: [String] = []
  private var leftOutCount = 0

  private static let mostNamed = 20

  init(_ input: HDF5Input, _ budget: Budget) {
    self.input = input
    self.budget = budget
  }

  /// Takes those of the object that stands at `path`.
  ///
  /// - Parameter textSum: what the file says of the texts among them; nil where it says nothing.
  mutating func take(
    _ attributes: [StoredAttribute], of object: String, at path: Path,
    textSum: LayoutAttributes.Content? = nil
  ) throws {
    var texts = AttributeTextSum()
    defer {
      if let textSum, textSum != .number(Int64(texts.crc32)) {
        changed.append(
          "the texts among the attributes of \(object) are not those that were written: another program changed "
            + "them, or they are damaged")
      }
    }
    var known: [Attribute] = []
    var names: Set<Key> = []
    for attribute in attributes {
      guard names.insert(Key(attribute.name)).inserted else {
        throw input.damaged("two attributes of one name, \"\(attribute.name)\"", at: object)
      }
      try budget.check(nameBytes: attribute.name.utf8.count)
      switch try attribute.value(input, budget, of: object) {
      case .success(let value):
        known.append(Attribute(Key(attribute.name), value))
        if attribute.element == .heapText { texts.add(known[known.count - 1]) }
      case .failure(let problem):
        leftOutCount += 1
        if leftOut.count < AttributeCollector.mostNamed {
          leftOut.append("the attribute \"\(attribute.name)\" of \(object) is left out: \(problem.reason)")
        }
      }
    }
    found[path] = known
  }

  /// What a user should know.
  var warnings: [String] {
    let rest = leftOutCount - leftOut.count
    return changed + (rest > 0 ? leftOut + ["\(rest) further attributes are left out"] : leftOut)
  }
}

/// Puts the texts of an object's attributes together in one checksum, whatever order they come in.
struct AttributeTextSum {
  private var parts: [Key: UInt32] = [:]

  mutating func add(_ attribute: Attribute) {
    var bytes: [UInt8] = []
    TextElements.append(attribute.name.string.utf8, to: &bytes)
    switch attribute.value {
    case .one(.string(let text)): TextElements.append(text.utf8, to: &bytes)
    case .texts(let texts, _): for text in texts { TextElements.append(text.string.utf8, to: &bytes) }
    default: return
    }
    parts[attribute.name] = bytes.withUnsafeBytes(CRC32.of)
  }

  var isEmpty: Bool { parts.isEmpty }

  /// Of the sums of all, in the order of the names.
  var crc32: UInt32 {
    let sums = parts.sorted { $0.key < $1.key }.flatMap {
      withUnsafeBytes(of: $0.value.littleEndian, Array.init)
    }
    return sums.withUnsafeBytes(CRC32.of)
  }
}
