import Refx
import RefxStore

extension HDF5Store {
  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    // What stands at the front is known in the end.
    try target.rewriting { try write(contents, toFile: $0, options: options) }
  }

  public static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
    _ = try contents.tree.structureDigest()
    for (number, leaf) in contents.tree.leaves().enumerated() {
      do { try PayloadWriter.check(leaf) } catch let error as RefxError {
        throw error.atPath(contents.tree.path(ofLeaf: number))
      }
    }
  }

  /// Payload first, leaf by leaf; then the metadata, in one piece; then the superblock, at the front.
  private static func write(
    _ contents: CheckpointContents, toFile target: any RewritableTarget, options: WriteOptions
  ) throws {
    // Everything about the structure is checked before the first byte: an index without its value, for one.
    let structure = try contents.tree.structureDigest()
    let file = FileLayout(of: target)
    try file.append([UInt8](repeating: 0, count: Superblock.byteCount))
    let payload = PayloadWriter(file, options: options)
    try payload.write(contents.tree)
    let attributes = try HeldAttributes(contents.attributes.kept(in: contents.tree), in: file)
    var words = contents.metadata
    if !attributes.others.isEmpty { words[LayoutNames.attributesInMetadata] = attributes.others.json }
    let metadata = try words.isEmpty ? nil : write(words, to: payload)
    try file.align(to: 8)
    var writer = TreeWriter(payload, options: options, attributes: attributes, at: file.position)
    let (bytes, root) = try writer.write(contents.tree, metadata: metadata) { header in
      header.addAttribute(LayoutNames.format, text: LayoutNames.formatValue)
      header.addAttribute(LayoutNames.version, number: LayoutNames.versionValue)
      if !contents.tree.leaves().haveWishes {
        header.addAttribute(
          LayoutNames.codec, text: ChunkCodec(compression: options.compression).identity.text)
      }
      header.addAttribute(LayoutNames.structure, text: hexadecimal(structure.combined))
    }
    try file.append(bytes)
    try file.replaceStart(with: Superblock.bytes(root: root, end: UInt64(file.position)))
  }

  private static func write(
    _ metadata: JSONObject, to payload: PayloadWriter
  ) throws -> (address: UInt64, type: [UInt8], byteCount: Int, crc32: UInt32) {
    let (type, bytes) = FixedText.typeAndBytes(JSON.object(metadata).bytes())
    return (try payload.write(bytes), type, bytes.count, bytes.withUnsafeBytes(CRC32.of))
  }
}

/// The first bytes of a file, of version 2: where the root group and the end of the file are.
extension Superblock {
  fileprivate static let byteCount = 48

  fileprivate static func bytes(root: UInt64, end: UInt64) -> [UInt8] {
    var block = MetadataBuffer()
    block.add([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A] as [UInt8])
    // Addresses and lengths of eight bytes, no flags; addresses count from the start of the file.
    for byte in [2, 8, 8, 0] as [UInt8] { block.add(byte) }
    block.add(0 as UInt64)
    block.add(MetadataBuffer.undefined)
    block.add(end)
    block.add(root)
    block.addChecksum(from: 0)
    return block.bytes
  }
}
