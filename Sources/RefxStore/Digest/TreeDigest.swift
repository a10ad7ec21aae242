import Refx

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
  private func leaves(of selection: ((Site<Leaf>) -> Bool)?) throws -> [(leaf: Leaf, path: Path)] {
    var leaves: [(Leaf, Path)] = []
    try forEachSite { site in
      guard selection?(site) ?? true, case .leaf(let leaf) = site.content else { return }
      leaves.append((leaf, site.path))
    }
    return leaves
  }
}
