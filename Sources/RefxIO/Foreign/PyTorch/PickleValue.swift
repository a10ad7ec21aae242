import Refx
import RefxStore

/// What stands on the stack of a pickle. A plain number or the place of something in a ``PickleHeap``, so that
/// no nesting of containers becomes a nesting of objects here, and to copy one costs nothing.
enum PickleValue: Hashable {
  case none
  case boolean(Bool)
  case integer(Int64)
  /// An integer of more than 64 bits: a row of bytes, little-endian, in two's complement.
  case large(Int)
  case float(Double)
  case text(Int)
  case bytes(Int)
  case list(Int)
  case tuple(Int)
  /// Keys and values in turn.
  case dictionary(Int)
  case set(Int)
  /// The name of a class or function that is known.
  case name(Int)
  /// What a known name was called with.
  case made(Int)
  /// What a class gave that is not known, or the class itself.
  case foreign
}

/// What the values of a pickle refer to: texts, rows of bytes, and rows of values.
///
/// All of it is charged as metadata, by what it takes in memory, before it is made.
struct PickleHeap {
  let budget: Budget
  private(set) var texts: [String] = []
  private(set) var blobs: [[UInt8]] = []
  private(set) var rows: [[PickleValue]] = []

  init(_ budget: Budget) {
    self.budget = budget
  }

  private static let rowBytes = 48
  private static let textBytes = 32
  static let valueBytes = MemoryLayout<PickleValue>.stride

  /// - Throws: ``RefxError`` where that is beyond the limit of metadata, as all of these do.
  mutating func add(_ text: String) throws -> Int {
    try budget.charge(metadataBytes: PickleHeap.textBytes)
    texts.append(text)
    return texts.count - 1
  }

  mutating func add(_ bytes: [UInt8]) throws -> Int {
    try budget.charge(metadataBytes: PickleHeap.textBytes)
    blobs.append(bytes)
    return blobs.count - 1
  }

  mutating func addRow(_ values: some Collection<PickleValue> = []) throws -> Int {
    try budget.charge(metadataBytes: PickleHeap.rowBytes + PickleHeap.valueBytes * values.count)
    rows.append(Array(values))
    return rows.count - 1
  }

  mutating func append(_ values: some Collection<PickleValue>, toRow row: Int) throws {
    try budget.charge(metadataBytes: PickleHeap.valueBytes * values.count)
    rows[row].append(contentsOf: values)
  }

  // MARK: Looking at values

  func text(_ value: PickleValue) -> String? {
    if case .text(let text) = value { texts[text] } else { nil }
  }

  /// The members of a tuple or a list.
  func members(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let row), .list(let row): rows[row]
    default: nil
    }
  }

  /// A tuple or list of integers.
  func integers(_ value: PickleValue) -> [Int]? {
    guard let members = members(value) else { return nil }
    var integers: [Int] = []
    integers.reserveCapacity(members.count)
    for member in members {
      guard case .integer(let integer) = member else { return nil }
      integers.append(Int(integer))
    }
    return integers
  }

  /// The value of a dictionary under a key that is a text.
  func member(_ key: String, of dictionary: PickleValue) -> PickleValue? {
    guard case .dictionary(let row) = dictionary else { return nil }
    let pairs = rows[row]
    for place in stride(from: 0, to: pairs.count - 1, by: 2) {
      if let text = text(pairs[place]), text.utf8.elementsEqual(key.utf8) { return pairs[place + 1] }
    }
    return nil
  }
}
