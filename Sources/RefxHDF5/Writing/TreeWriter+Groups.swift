import Refx

extension TreeWriter {
  /// - Returns: the address of the group, once its members are written.
  mutating func writeGroup(
    _ kind: NodeKind, _ members: [Tree<Leaf>], keys: [Key], _ tag: Tag?, at path: Path,
    _ name: (Key, Path) throws -> [UInt8]
  ) throws -> UInt64 {
    var links: [Link] = []
    links.reserveCapacity(members.count)
    for key in keys { links.append((try name(key, path.appending(key)), MetadataBuffer.undefined)) }
    let held = self.attributes
    func attributes(_ header: inout HeaderBuilder) {
      header.addAttribute(LayoutNames.node, text: kind.rawValue)
      TreeWriter.add(tag, to: &header)
      held.add(at: path, to: &header)
    }
    // Only what is met within itself needs its place before it is complete; its size depends on names alone.
    var reserved: (address: UInt64, place: Int)?
    if let tag {
      let size = try header(of: links, at: path, heap: (0, 0), attributes).count
      metadata.align()
      reserved = (metadata.address, metadata.bytes.count)
      objects[tag.number] = metadata.address
      metadata.add(zeros: size)
    }
    for (position, member) in members.enumerated() {
      links[position].address = try write(member, at: path.appending(keys[position]))
    }
    guard let reserved else { return try addGroup(links, at: path, attributes) }
    let heap = try addHeap(links, at: path)
    metadata.replace(at: reserved.place, with: try header(of: links, at: path, heap: heap, attributes))
    return reserved.address
  }

  mutating func addGroup(
    _ links: [Link], at path: Path, _ attributes: (inout HeaderBuilder) -> Void
  ) throws -> UInt64 {
    let heap = try addHeap(links, at: path)
    return add(try header(of: links, at: path, heap: heap, attributes))
  }

  /// Up to eight links stand in the header, as HDF5 itself has it.
  private static func areFew(_ links: [Link]) -> Bool { links.count <= 8 }

  private mutating func addHeap(_ links: [Link], at path: Path) throws -> (heap: UInt64, index: UInt64)? {
    if TreeWriter.areFew(links) { return nil }
    guard LinkHeap.holds(links, within: mostNameBytes) else {
      throw RefxError.hdf5CannotHold("a node of \(links.count) members with these names", file: nil)
        .atPath(path)
    }
    metadata.align()
    let heap = LinkHeap(links, to: &metadata)
    return (heap.heap, heap.index)
  }

  private func header(
    of links: [Link], at path: Path, heap: (heap: UInt64, index: UInt64)?,
    _ attributes: (inout HeaderBuilder) -> Void
  ) throws -> [UInt8] {
    var header = HeaderBuilder()
    if let heap, !TreeWriter.areFew(links) {
      header.addLinkInfo(heap: heap.heap, index: heap.index)
    } else {
      header.addLinks(links)
    }
    attributes(&header)
    return header.bytes
  }

  // MARK: Datasets
}
