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
  /// How many levels of rows each row has at least, itself among them: what is put into a row later does not change
  /// those that have the row already.
  private var levels: [UInt16] = []

  init(_ budget: Budget) {
    self.budget = budget
  }

  // Arrays that grow are there twice while they are moved; what lies by itself has a header, and is rounded up.
  private static let entryBytes = 32
  private static let blockBytes = 56
  /// As many bytes of a text need no memory of their own.
  private static let mostOfAShortText = 15
  static let valueBytes = MemoryLayout<PickleValue>.stride
  /// The arguments of a call are rows, and none of the tree.
  private static let levelsOfCalls = 16

  /// - Throws: ``RefxError`` where that is beyond the limit of metadata, as all of these do.
  mutating func add(_ text: String) throws -> Int {
    let count = text.utf8.count
    try budget.charge(
      metadataBytes: PickleHeap.entryBytes
        + (count > PickleHeap.mostOfAShortText ? PickleHeap.blockBytes + count : 0))
    texts.append(text)
    return texts.count - 1
  }

  mutating func add(_ bytes: [UInt8]) throws -> Int {
    try budget.charge(metadataBytes: PickleHeap.entryBytes + PickleHeap.blockBytes)
    blobs.append(bytes)
    return blobs.count - 1
  }

  mutating func addRow(_ values: some Collection<PickleValue> = []) throws -> Int {
    try budget.charge(
      metadataBytes: PickleHeap.entryBytes
        + (values.isEmpty ? 0 : PickleHeap.blockBytes + PickleHeap.valueBytes * values.count))
    levels.append(try levels(over: values))
    rows.append(Array(values))
    return rows.count - 1
  }

  mutating func append(_ values: some Collection<PickleValue>, toRow row: Int) throws {
    try budget.charge(
      metadataBytes: (rows[row].isEmpty && !values.isEmpty ? PickleHeap.blockBytes : 0)
        + 2 * PickleHeap.valueBytes * values.count)
    levels[row] = max(levels[row], try levels(over: values))
    rows[row].append(contentsOf: values)
  }

  /// The levels of a row of these values; more than any tree may have are refused before they are built.
  private func levels(over values: some Collection<PickleValue>) throws -> UInt16 {
    var most: UInt16 = 0
    for value in values {
      switch value {
      case .list(let row), .tuple(let row), .dictionary(let row), .set(let row): most = max(most, levels[row])
      default: break
      }
    }
    try budget.check(depth: Int(most) + 1 - PickleHeap.levelsOfCalls)
    return most + 1
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
