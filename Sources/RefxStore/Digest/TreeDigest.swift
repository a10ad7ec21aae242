import Refx
import Synchronization

/// The three SHA-256 digests of a tree, the same for the same tree in every format and compression.
///
/// - Structure: paths, node kinds, static values, dtypes, shapes.
/// - Topology: the sets of paths that share a value, and the collections.
/// - Values: the bytes at every path; what lies inside a shared subtree once, under its first site.
///
/// So tying two equal arrays changes the topology alone; tying subtrees changes all three. The bytes that are hashed are specified in
/// `Documentation/digests.md`.
public struct TreeDigest: Hashable, Sendable {
  /// 32 bytes: paths, node kinds, static values, dtypes, shapes.
  public let structure: [UInt8]
  /// 32 bytes: what shares a value, and the collections.
  public let topology: [UInt8]
  /// 32 bytes: the payload at every path.
  public let values: [UInt8]

  package init(structure: [UInt8], topology: [UInt8], values: [UInt8]) {
    self.structure = structure
    self.topology = topology
    self.values = values
  }
}

/// The digests that need no payload.
public struct StructureDigest: Hashable, Sendable {
  /// SHA-256 of paths, node kinds, static values, dtypes and shapes.
  public let structure: [UInt8]
  /// SHA-256 of the sets of paths that share, and of the collections.
  public let topology: [UInt8]

  package init(structure: [UInt8], topology: [UInt8]) {
    self.structure = structure
    self.topology = topology
  }

  /// SHA-256 over the 32 bytes of the structure digest followed by the 32 of the topology digest: what the
  /// HDF5 layout keeps in `refx_structure`, in hexadecimal.
  public var combined: [UInt8] { SHA256.of(structure + topology) }
}

extension Tree where Element == Leaf {
  /// Structure and topology. Reads no payload.
  ///
  /// - Parameter selection: which sites count; all where it is nil.
  public func structureDigest(of selection: ((Site<Leaf>) -> Bool)? = nil) throws -> StructureDigest {
    var structure = DigestRecords("refx structure 1")
    var refs: [Int: (collection: CollectionTag?, sites: [Path])] = [:]
    var order: [Int] = []
    try forEachSite { site in
      guard selection?(site) ?? true else { return }
      structure.addStructure(of: site)
      guard let reference = site.reference else { return }
      if refs[reference.index] == nil {
        order.append(reference.index)
        refs[reference.index] = (reference.collection, [])
      }
      refs[reference.index]!.sites.append(site.path)
    }
    var topology = DigestRecords("refx topology 1")
    for index in order {
      let ref = refs[index]!
      // A lone site without a collection shares nothing and belongs nowhere: it is as a plain value is.
      guard ref.sites.count > 1 || ref.collection != nil else { continue }
      topology.add(ref.collection)
      topology.add(count: ref.sites.count)
      for path in ref.sites { topology.add(path) }
    }
    return StructureDigest(structure: structure.finish(), topology: topology.finish())
  }

  /// All three digests. Reads every payload byte once, chunk by chunk.
  ///
  /// - Throws: ``RefxError`` where a payload cannot be read or represented.
  public func digest(
    of selection: ((Site<Leaf>) -> Bool)? = nil, hashes: LeafHashes = LeafHashes()
  ) throws -> TreeDigest {
    let catalogue = try structureDigest(of: selection)
    try hashes.prepare(leaves(of: selection))
    var values = DigestRecords("refx values 1")
    try forEachSite { site in
      guard selection?(site) ?? true, case .leaf(let leaf) = site.content else { return }
      values.add(site.path)
      values.add(bytes: try hashes.sha256(of: leaf, at: site.path))
    }
    return TreeDigest(structure: catalogue.structure, topology: catalogue.topology, values: values.finish())
  }
}

extension Tree where Element == Leaf {
  /// The leaves that `selection` chooses, with a site of each.
  fileprivate func leaves(of selection: ((Site<Leaf>) -> Bool)?) throws -> [(leaf: Leaf, path: Path)] {
    var leaves: [(Leaf, Path)] = []
    try forEachSite { site in
      guard selection?(site) ?? true, case .leaf(let leaf) = site.content else { return }
      leaves.append((leaf, site.path))
    }
    return leaves
  }
}

/// SHA-256 of leaves, each computed once however many sites it has.
public final class LeafHashes {
  private var known: [ObjectIdentifier: (source: any LeafSource, hash: [UInt8])] = [:]
  private let progress: ((Int) -> Void)?
  private let sharing: (any LeafSharing)?

  /// - Parameter progress: called with the number of bytes just read, by one thread at a time.
  public init(progress: ((Int) -> Void)? = nil) {
    self.progress = progress
    sharing = nil
  }

  /// Hashes that several processes compute together; what asks for them is then collective.
  package init(sharing: (any LeafSharing)?, progress: ((Int) -> Void)? = nil) {
    self.progress = progress
    self.sharing = sharing
  }

  /// SHA-256 of the leaf's little-endian C-order bytes.
  public func sha256(of leaf: Leaf, at path: Path) throws -> [UInt8] {
    try prepare([(leaf, path)])
    return known[ObjectIdentifier(leaf.source)]?.hash ?? []
  }

  /// Takes a hash that was computed elsewhere, so that its leaf is not read again.
  package func add(_ hash: [UInt8], of leaf: Leaf) {
    known[ObjectIdentifier(leaf.source)] = (leaf.source, hash)
  }

  /// Computes the hashes of many leaves on several threads, a leaf on each.
  ///
  /// - Throws: ``RefxError`` for the first that cannot be read or represented.
  package func prepare(_ leaves: [(leaf: Leaf, path: Path)]) throws {
    var missing: [(leaf: Leaf, path: Path)] = []
    for (leaf, path) in leaves where known[ObjectIdentifier(leaf.source)] == nil {
      // The source is kept, so that no other can take its address.
      known[ObjectIdentifier(leaf.source)] = (leaf.source, [])
      missing.append((leaf, path))
    }
    var isDone = false
    // Nothing is known of a leaf that could not be read.
    defer { if !isDone { for (leaf, _) in missing { known[ObjectIdentifier(leaf.source)] = nil } } }
    let found = try hashes(of: missing)
    for ((leaf, _), hash) in zip(missing, found) { known[ObjectIdentifier(leaf.source)]?.hash = hash }
    isDone = true
  }

  private func hashes(of leaves: [(leaf: Leaf, path: Path)]) throws -> [[UInt8]] {
    guard let sharing, !leaves.isEmpty else { return try LeafHashes.hashes(of: leaves, progress: progress) }
    return try sharing.share(leaves.map(\.leaf.byteCount)) { positions in
      try LeafHashes.hashes(of: positions.map { leaves[$0] }, progress: progress)
    }
  }

  private static func hashes(
    of leaves: [(leaf: Leaf, path: Path)], progress: ((Int) -> Void)?
  ) throws -> [[UInt8]] {
    let found = Mutex([[UInt8]](repeating: [], count: leaves.count))
    let report = SerialReport(progress)
    // Small ones are done many at a time.
    let rows = rows(of: leaves)
    let threads = Cores.threads(nil, forBytes: leaves.map(\.leaf).payloadCost)
    try forEachInParallel(rows.count, threads: threads) { row in
      for number in rows[row] {
        let (leaf, path) = leaves[number]
        let hash = SHA256()
        do {
          try leaf.forEachPiece { piece in
            hash.update(piece)
            report.add(piece.count)
          }
        } catch let error as RefxError {
          throw error.atPath(path)
        }
        let digest = hash.finish()
        found.withLock { $0[number] = digest }
      }
    }
    return found.withLock { $0 }
  }

  /// Neighbours that together have enough bytes to be worth a thread's while.
  private static func rows(of leaves: [(leaf: Leaf, path: Path)]) -> [Range<Int>] {
    var rows: [Range<Int>] = []
    var first = 0
    var byteCount = 0
    for number in leaves.indices {
      byteCount = byteCount.addingReportingOverflow(leaves[number].leaf.byteCount).partialValue
      if byteCount < 256 << 10, number - first < 1024 { continue }
      rows.append(first..<(number + 1))
      (first, byteCount) = (number + 1, 0)
    }
    if first < leaves.count { rows.append(first..<leaves.count) }
    return rows
  }
}

/// A report that several threads give one after the other.
private final class SerialReport: @unchecked Sendable {
  // Sendable: the function is called under the lock alone.

  private let report: ((Int) -> Void)?
  private let lock = Mutex(())

  init(_ report: ((Int) -> Void)?) { self.report = report }

  func add(_ count: Int) {
    guard let report else { return }
    lock.withLock { _ in report(count) }
  }
}

/// The records a digest is made of, hashed as they come.
private struct DigestRecords {
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
