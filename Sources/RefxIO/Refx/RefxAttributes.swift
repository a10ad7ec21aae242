import Refx
import RefxStore

/// The section of a `.refx` file that holds the attributes of nodes.
enum RefxAttributes {
  private enum Kind: UInt8 {
    case empty = 0, texts = 1, numbers = 2
    // As nodes of the tree have them.
    case string = 7, int = 8, float = 9, `false` = 10, `true` = 11
  }

  // MARK: Writing

  static func section(_ attributes: NodeAttributes) -> [UInt8] {
    var section = SectionWriter()
    let paths = attributes.paths
    section.add(varint: paths.count)
    for path in paths {
      section.add(varint: path.keys.count)
      for key in path.keys { section.add(text: key.string) }
      section.add(varint: attributes[path].count)
      for attribute in attributes[path] {
        section.add(text: attribute.name.string)
        add(attribute.value, to: &section)
      }
    }
    return section.bytes
  }

  private static func add(_ value: AttributeValue, to section: inout SectionWriter) {
    func add(_ kind: Kind) { section.add(kind.rawValue) }
    func add(shape: [Int]) {
      section.add(varint: shape.count)
      for extent in shape { section.add(varint: extent) }
    }
    switch value {
    case .empty: add(.empty)
    case .one(.string(let text)):
      add(.string)
      section.add(text: text)
    case .one(.int(let number)):
      add(.int)
      section.add(integer: number)
    case .one(.float(let number)):
      add(.float)
      section.add(integer: number.bitPattern)
    case .one(.bool(let flag)): add(flag ? .true : .false)
    case .texts(let texts, let shape):
      add(.texts)
      add(shape: shape)
      for text in texts { section.add(text: text.string) }
    case .numbers(let dtype, let shape, let bytes):
      guard let code = RefxLayout.code(of: dtype) else { return add(.empty) }
      add(.numbers)
      section.add(code)
      add(shape: shape)
      section.add(bytes)
    }
  }

  // MARK: Reading

  /// - Throws: ``RefxError`` where the section is not as the specification says.
  static func read(_ bytes: UnsafeRawBufferPointer, at start: Int, _ budget: Budget) throws -> NodeAttributes
  {
    var reader = SectionReader(bytes, section: RefxLayout.Section.attributes, at: start)
    var found = NodeAttributes()
    var last: Path?
    for _ in 0..<(try count(&reader)) {
      var path = Path()
      let depth = try count(&reader)
      try budget.charge(nodes: 0, depth: depth)
      for _ in 0..<depth { path.keys.append(Key(try text(&reader))) }
      if let last, !(last < path) {
        throw reader.damaged("the nodes with attributes do not ascend by their paths")
      }
      last = path
      var attributes: [Attribute] = []
      var names: Set<Key> = []
      let all = try count(&reader)
      guard all > 0 else { throw reader.damaged("a node is listed that has no attributes") }
      for _ in 0..<all {
        let name = Key(try text(&reader))
        guard names.insert(name).inserted else { throw reader.damaged("an attribute comes twice") }
        try budget.check(nameBytes: name.string.utf8.count)
        attributes.append(Attribute(name, try value(&reader, budget)))
      }
      found[path] = attributes
    }
    try reader.checkEnd()
    return found
  }

  /// A count of things that each take a byte at least.
  private static func count(_ reader: inout SectionReader) throws -> Int {
    let count = try reader.varint()
    guard count <= reader.remaining else {
      throw reader.damaged(
        "the section ends too early", expected: "\(count) entries", found: "\(reader.remaining) bytes")
    }
    return count
  }

  private static func text(_ reader: inout SectionReader) throws -> String {
    try reader.text(count: try reader.varint())
  }

  private static func value(_ reader: inout SectionReader, _ budget: Budget) throws -> AttributeValue {
    let byte = try reader.byte()
    guard let kind = Kind(rawValue: byte) else {
      throw reader.damaged("an attribute is of an unknown kind", found: "\(byte)")
    }
    func shape() throws -> [Int] {
      let rank = try count(&reader)
      try budget.check(rank: rank, at: reader.place)
      var shape: [Int] = []
      for _ in 0..<rank { shape.append(try reader.varint()) }
      return shape
    }
    switch kind {
    case .empty: return .empty
    case .string: return .one(.string(try text(&reader)))
    case .int: return .one(.int(try reader.integer()))
    case .float: return .one(.float(Double(bitPattern: try reader.integer())))
    case .false: return .one(.bool(false))
    case .true: return .one(.bool(true))
    case .texts:
      let shape = try shape()
      guard !shape.isEmpty, let count = DType.elementCount(of: shape), count <= reader.remaining else {
        throw reader.damaged("the texts of an attribute are not as many as its shape says")
      }
      var texts: [Key] = []
      for _ in 0..<count { texts.append(Key(try text(&reader))) }
      return .texts(texts, shape: shape)
    case .numbers:
      let place = reader.place
      let code = try reader.byte()
      guard let dtype = RefxLayout.dtypes[Int(code)] else {
        throw RefxError.refxUnknown("dtype", number: Int(code), at: place)
      }
      guard dtype != .string else { throw reader.damaged("numbers of an attribute are said to be text") }
      let shape = try shape()
      guard let count = dtype.byteCount(of: shape) else {
        throw reader.damaged("an attribute has more elements than can be counted")
      }
      let bytes = try reader.raw(count: count)
      if dtype.firstOtherByte(in: bytes) != nil {
        throw reader.damaged(
          "a number of an attribute is none", expected: dtype.elementInWords, found: "another byte")
      }
      let value = AttributeValue(dtype: dtype, shape: shape, bytes: Array(bytes))
      guard case .numbers = value else {
        throw reader.damaged("a single number of an attribute is not in its simplest form")
      }
      return value
    }
  }
}
