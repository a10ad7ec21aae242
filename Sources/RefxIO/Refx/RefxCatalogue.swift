import Refx
import RefxStore

/// The catalogue of a `.refx` file: read, checked whole, and turned into a tree.
struct RefxCatalogue {
  let version: Int
  let tree: Tree<Leaf>
  let metadata: JSONObject
  let attributes: NodeAttributes
  let payload: RefxPayload

  /// - Throws: ``RefxError`` where anything in it is wrong, unknown and required, or beyond a limit.
  init(reading file: InputFile, options: OpenOptions) throws {
    let budget = Budget(options.limits)
    let envelope = try RefxEnvelope(reading: file)
    version = envelope.version
    let sections = try Sections(envelope, in: file)
    payload = RefxPayload(file: file, catalogueOffset: envelope.catalogueOffset, options: options)
    payload.outline = envelope.sections
    metadata = try RefxCatalogue.metadata(in: sections, budget)
    attributes = try RefxCatalogue.attributes(in: sections, budget)
    payload.codecIdentity = try RefxCatalogue.codec(in: sections)

    let names = try sections.required(RefxLayout.Section.names) { bytes, at in
      try RefxNames(bytes, at: at, budget)
    }
    let collections = try sections.required(RefxLayout.Section.collections) { bytes, at in
      try RefxNames.collections(bytes, at: at, budget)
    }
    let payload = payload
    tree = try sections.required(RefxLayout.Section.leaves) { leafBytes, leafStart in
      try sections.required(RefxLayout.Section.chunks) { chunkBytes, chunkStart in
        var leaves = try RefxLeafReader(
          leaves: SectionReader(leafBytes, section: RefxLayout.Section.leaves, at: leafStart),
          chunks: SectionReader(chunkBytes, section: RefxLayout.Section.chunks, at: chunkStart),
          payload: payload, budget)
        return try sections.required(RefxLayout.Section.nodes) { nodeBytes, nodeStart in
          var builder = RefxTreeBuilder(
            SectionReader(nodeBytes, section: RefxLayout.Section.nodes, at: nodeStart), names: names,
            collections: collections, budget)
          let tree = try builder.build { try leaves.next() }
          try leaves.finish()
          return tree
        }
      }
    }
  }

  private static func metadata(in sections: Sections, _ budget: Budget) throws -> JSONObject {
    let tag = RefxLayout.Section.metadata
    guard let section = sections[tag] else { return [:] }
    try budget.charge(metadataBytes: section.byteCount, at: section.offset)
    return try sections.required(tag) { bytes, at in
      do {
        if case .object(let object) = try JSON.parse(bytes) { return object }
      } catch let error as RefxError {
        var located = error
        if case .byte(let offset) = error.place { located.place = .byte(at + offset) }
        throw located
      }
      throw RefxError.damagedSection(
        nameOfSection(tag), "the metadata", at: at, expected: "a JSON object", found: "another value")
    }
  }

  private static func attributes(in sections: Sections, _ budget: Budget) throws -> NodeAttributes {
    let tag = RefxLayout.Section.attributes
    guard let section = sections[tag] else { return NodeAttributes() }
    try budget.charge(metadataBytes: section.byteCount, at: section.offset)
    return try sections.required(tag) { try RefxAttributes.read($0, at: $1, budget) }
  }

  private static func codec(in sections: Sections) throws -> ChunkCodec.Identity? {
    let tag = RefxLayout.Section.codec
    guard let section = sections[tag] else { return nil }
    return try sections.required(tag) { bytes, at in
      var reader = SectionReader(bytes, section: tag, at: at)
      guard (1...RefxLayout.mostCodecBytes).contains(section.byteCount) else {
        throw reader.damaged("the codec's name has another length", expected: "1 to 255 bytes")
      }
      // An encoder of another release: its streams are read as any, only not copied.
      return ChunkCodec.Identity(text: try reader.text(count: section.byteCount))
    }
  }
}

/// The sections of a catalogue that this release knows.
private struct Sections {
  private let file: InputFile
  private var known: [UInt32: RefxEnvelope.Section] = [:]
  private let end: Int

  init(_ envelope: RefxEnvelope, in file: InputFile) throws {
    self.file = file
    end = envelope.catalogueOffset
    for section in envelope.sections {
      if RefxLayout.Section.all.contains(section.tag) {
        known[section.tag] = section
      } else if section.isRequired {
        throw RefxError.refxSection(nameOfSection(section.tag), at: section.offset)
      } else {
        // Skipped, but not unchecked: damage to it is damage to the file.
        try Sections.check(section, in: file)
      }
    }
  }

  subscript(tag: UInt32) -> RefxEnvelope.Section? { known[tag] }

  /// Reads the section, checks its checksum, and lets `body` look at it and at where it starts.
  func required<Result>(
    _ tag: UInt32, _ body: (UnsafeRawBufferPointer, Int) throws -> Result
  ) throws -> Result {
    guard let section = known[tag] else {
      throw RefxError.refxField(
        "the directory", at: end, expected: "a section \(nameOfSection(tag))", found: "none")
    }
    let bytes = try file.bytes(at: section.offset, count: section.byteCount)
    return try bytes.withUnsafeBytes { bytes in
      let sum = CRC32.of(bytes)
      guard sum == section.crc32 else {
        throw RefxError.checksumDiffers(
          "section \(nameOfSection(tag))", at: section.offset, expected: section.crc32, found: sum)
      }
      return try body(bytes, section.offset)
    }
  }

  /// Checks a section piece by piece.
  private static func check(_ section: RefxEnvelope.Section, in file: InputFile) throws {
    var sum = CRC32()
    var done = 0
    while done < section.byteCount {
      let piece = try file.bytes(at: section.offset + done, count: min(1 << 20, section.byteCount - done))
      piece.withUnsafeBytes { sum.update($0) }
      done += piece.count
    }
    guard sum.value == section.crc32 else {
      throw RefxError.checksumDiffers(
        "section \(nameOfSection(section.tag))", at: section.offset, expected: section.crc32, found: sum.value
      )
    }
  }
}
