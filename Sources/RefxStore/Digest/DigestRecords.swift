import Refx

/// The records a digest is made of, hashed as they come.
struct DigestRecords {
  private let hash = SHA256()

  init(_ domain: String) {
    hash.update(Array(domain.utf8) + [0x0A])
  }

  func finish() -> [UInt8] { hash.finish() }

  mutating func add(count: Int) { add(UInt64(count)) }

  mutating func add(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { hash.update($0) }
  }

  mutating func add(bytes: [UInt8]) { hash.update(bytes) }

  mutating func add(text: String) {
    add(count: text.utf8.count)
    hash.update(Array(text.utf8))
  }

  mutating func add(_ path: Path) {
    add(count: path.keys.count)
    for key in path.keys { add(text: key.string) }
  }

  mutating func add(_ collection: CollectionTag?) {
    switch collection {
    case nil: add(bytes: [0])
    case .name(let name):
      add(bytes: [1])
      add(text: name.string)
    case .number(let number):
      add(bytes: [2])
      add(UInt64(bitPattern: number))
    }
  }

  mutating func addStructure(of site: Site<Leaf>) {
    add(site.path)
    if let reference = site.reference, !reference.isFirst, site.content.isInterior {
      add(bytes: [UInt8(ascii: "X")])
      return
    }
    switch site.content {
    case .leaf(let leaf):
      add(bytes: [UInt8(ascii: "A")])
      add(text: leaf.dtype.name)
      add(count: leaf.shape.count)
      for extent in leaf.shape { add(count: extent) }
    case .dictionary(let count): add(kind: "D", count: count)
    case .list(let count): add(kind: "L", count: count)
    case .tuple(let count): add(kind: "T", count: count)
    case .none: add(bytes: [UInt8(ascii: "0")])
    case .nothing: add(bytes: [UInt8(ascii: "N")])
    case .hole: add(bytes: [UInt8(ascii: "H")])
    case .reference: add(bytes: [UInt8(ascii: "R")])
    case .static(let value): addStatic(value)
    }
  }

  private mutating func add(kind: Unicode.Scalar, count: Int) {
    add(bytes: [UInt8(ascii: kind)])
    add(count: count)
  }

  private mutating func addStatic(_ value: StaticValue) {
    add(bytes: [UInt8(ascii: "S")])
    switch value {
    case .string(let string):
      add(bytes: [UInt8(ascii: "s")])
      add(text: string)
    case .int(let number):
      add(bytes: [UInt8(ascii: "i")])
      add(UInt64(bitPattern: number))
    case .float(let number):
      add(bytes: [UInt8(ascii: "f")])
      add(number.bitPattern)
    case .bool(let flag): add(bytes: [UInt8(ascii: "b"), flag ? 1 : 0])
    }
  }
}
