import Refx

extension ElementType {
  /// What a message says that describes elements, and how many bytes of the file each takes.
  ///
  /// It is what libhdf5 says of the same message. Text in the heap takes its length and its place there,
  /// whatever it takes in memory.
  ///
  /// - Returns: nil where libhdf5 has to be asked.
  static func described(by message: [UInt8]) -> (element: ElementType, itemSize: Int)? {
    message.withUnsafeBytes { bytes in
      var fields = Fields(bytes)
      return TypeDescription(&fields, depth: 0).map { ($0.element, $0.size) }
    }
  }
}

/// A type as a message describes it, of versions 1 to 3, and what is the same in later ones.
private struct TypeDescription {
  let version: Int
  let size: Int
  /// The bits whose meaning depends on the class.
  let bits: Int
  private(set) var element: ElementType = .opaque

  /// More types within types than this are no ordinary file's.
  private static let mostDepth = 16

  init?(_ fields: inout Fields, depth: Int) {
    guard depth < TypeDescription.mostDepth, let head = fields.int(1), let bits = fields.int(3),
      let size = fields.int(4), (1...3).contains(head >> 4) || TypeDescription.isPlain(head), size > 0
    else { return nil }
    version = head >> 4
    self.size = size
    self.bits = bits
    let element: ElementType? =
      switch head & 15 {
      case 0: integer(&fields)
      case 1: float(&fields)
      case 2: fields.skip(2) ? .times : nil
      case 3: text
      case 4: extent(&fields) == nil ? nil : .bitfields
      case 5: fields.skip(bits & 0xFF) ? .opaque : nil
      case 6: compound(&fields, depth)
      // To objects, and to regions of datasets.
      case 7: bits <= 1 ? .references : nil
      case 8: enumeration(&fields, depth)
      case 9: sequence(&fields, depth)
      case 10: array(&fields, depth)
      default: nil
      }
    guard let element else { return nil }
    self.element = element
  }

  /// Whether a type of version 4 or 5 is one that was left as it was in version 3: a number or a text.
  private static func isPlain(_ head: Int) -> Bool {
    (4...5).contains(head >> 4) && [0, 1, 3].contains(head & 15)
  }

  // MARK: Numbers

  /// Which of the bits are used.
  private func extent(_ fields: inout Fields) -> (offset: Int, count: Int)? {
    guard let offset = fields.int(2), let count = fields.int(2), count > 0, (offset + count - 1) / 8 < size
    else { return nil }
    return (offset, count)
  }

  private func integer(_ fields: inout Fields) -> ElementType? {
    // The order, what unused bits are, the sign.
    guard bits < 16, let (offset, count) = extent(&fields) else { return nil }
    return .integer(
      isSigned: bits & 8 != 0, bits: count, offset: offset, size: size, isBigEndian: bits & 1 != 0)
  }

  private func float(_ fields: inout Fields) -> ElementType? {
    guard bits < 1 << 16, bits & 0x80 == 0, let (offset, count) = extent(&fields),
      let exponent = fields.int(1), let exponentBits = fields.int(1), let mantissa = fields.int(1),
      let mantissaBits = fields.int(1), let bias = fields.int(4),
      exponentBits > 0, mantissaBits > 0, exponent + exponentBits <= count,
      mantissa + mantissaBits <= count, bits >> 8 < count
    else { return nil }
    let isBigEndian: Bool?
    switch (bits & 1, bits & 0x40) {
    case (let order, 0): isBigEndian = order != 0
    // The order of a VAX, which came with version 3. Some write it in version 1, where libhdf5 takes it for
    // the big end first.
    case (1, _): isBigEndian = nil
    default: return nil
    }
    var parts = FloatFields()
    parts.sign = bits >> 8
    parts.exponent = exponent
    parts.exponentBits = exponentBits
    parts.mantissa = mantissa
    parts.mantissaBits = mantissaBits
    parts.bias = bias
    switch bits >> 4 & 3 {
    case 0, 1: parts.impliesLeadingBit = false
    case 2: parts.impliesLeadingBit = true
    default: return nil
    }
    return .float(parts, bits: count, offset: offset, size: size, isBigEndian: isBigEndian)
  }

  // MARK: Text and sequences

  private var text: ElementType? {
    // ASCII or UTF-8.
    guard bits >> 4 <= 1 else { return nil }
    switch bits & 15 {
    case 0: return .fixedText(size: size, padding: .nullTerminated)
    case 1: return .fixedText(size: size, padding: .nullPadded)
    case 2: return .fixedText(size: size, padding: .spacePadded)
    default: return nil
    }
  }

  private func sequence(_ fields: inout Fields, _ depth: Int) -> ElementType? {
    guard TypeDescription(&fields, depth: depth + 1) != nil else { return nil }
    switch bits & 15 {
    case 0: return bits == 0 ? .sequences : nil
    case 1: return bits >> 4 & 15 <= 2 && bits >> 8 <= 1 ? .heapText : nil
    default: return nil
    }
  }

  // MARK: Types made of others

  /// A name ends in NUL; before version 3 it is filled up to a multiple of eight.
  private func name(_ fields: inout Fields) -> [UInt8]? {
    guard let name = fields.text() else { return nil }
    guard version == 3 || fields.skip(7 - name.count % 8) else { return nil }
    return name
  }

  /// A boolean is an enumeration of one byte with FALSE = 0 and TRUE = 1.
  private func enumeration(_ fields: inout Fields, _ depth: Int) -> ElementType? {
    let count = bits
    guard count > 0, count < 1 << 16, let base = TypeDescription(&fields, depth: depth + 1),
      base.size == size
    else { return nil }
    var names: [[UInt8]] = []
    for _ in 0..<count {
      guard let name = name(&fields) else { return nil }
      names.append(name)
    }
    guard size <= fields.remaining / count, let values = fields.take(count * size) else { return nil }
    guard size == 1, count == 2, let no = names.firstIndex(of: Array("FALSE".utf8)),
      let yes = names.firstIndex(of: Array("TRUE".utf8)), values[no] == 0, values[yes] == 1
    else { return .otherEnumeration }
    switch base.element {
    case .number(.int8, _), .number(.uint8, _): return .number(.bool, isBigEndian: false)
    default: return nil
    }
  }

  private struct Member {
    let name: [UInt8]
    let offset: Int
    let size: Int
    let element: ElementType
  }

  /// A complex number is a compound of two equal floats, r and then i.
  private func compound(_ fields: inout Fields, _ depth: Int) -> ElementType? {
    guard bits > 0, bits < 1 << 16 else { return nil }
    var members: [Member] = []
    for _ in 0..<bits {
      guard let member = member(&fields, depth) else { return nil }
      members.append(member)
    }
    // None beyond the end, and none in another.
    var end = 0
    for member in members.sorted(by: { $0.offset < $1.offset }) {
      guard member.offset >= end, member.offset <= size, member.size <= size - member.offset else {
        return nil
      }
      end = member.offset + member.size
    }
    guard members.count == 2, members[0].name == [UInt8(ascii: "r")], members[1].name == [UInt8(ascii: "i")],
      members[0].offset == 0, members[1].offset == size / 2, members[0].element == members[1].element
    else { return .otherCompound }
    return .complex(of: members[0].element, size: size)
  }

  private func member(_ fields: inout Fields, _ depth: Int) -> Member? {
    // From version 3 on the offset takes as many bytes as the size needs.
    let offsetBytes = version == 3 ? Fields.bytes(for: size) : 4
    guard let name = name(&fields), let offset = fields.int(offsetBytes) else { return nil }
    var count = 1
    var isArray = false
    if version == 1 {
      // Extents stand in the member itself; a word for their order, which nobody used, and one for nothing.
      guard let rank = fields.int(1), rank <= 4, fields.skip(11) else { return nil }
      isArray = rank > 0
      for axis in 0..<4 {
        guard let extent = fields.int(4) else { return nil }
        if axis < rank {
          let (product, overflow) = count.multipliedReportingOverflow(by: extent)
          guard extent > 0, !overflow else { return nil }
          count = product
        }
      }
    }
    guard let type = TypeDescription(&fields, depth: depth + 1) else { return nil }
    let (size, overflow) = type.size.multipliedReportingOverflow(by: count)
    guard !overflow else { return nil }
    return Member(name: name, offset: offset, size: size, element: isArray ? .arrays : type.element)
  }

  private func array(_ fields: inout Fields, _ depth: Int) -> ElementType? {
    guard version > 1, let rank = fields.int(1), (1...32).contains(rank), version == 3 || fields.skip(3)
    else { return nil }
    var count = 1
    for _ in 0..<rank {
      guard let extent = fields.int(4), extent > 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      count = product
    }
    // An order of the axes, which nobody used.
    guard version == 3 || fields.skip(4 * rank), let base = TypeDescription(&fields, depth: depth + 1),
      base.size.multipliedReportingOverflow(by: count) == (size, false)
    else { return nil }
    return .arrays
  }
}
