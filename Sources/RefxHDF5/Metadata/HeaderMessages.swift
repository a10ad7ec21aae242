/// One message of an object header: a property of the object.
struct HeaderMessage {
  let type: Int
  let flags: Int
  let body: UnsafeRawBufferPointer
  /// Where in the file the body lies.
  let offset: Int

  /// Whether the body stands elsewhere and this says where.
  var isShared: Bool { flags & 2 != 0 }
}

/// The messages of an object header of version 1 or 2, within strict bounds.
///
/// An object header is a prefix and messages, which go on in other blocks where they did not fit. From
/// version 2 on each block ends in a checksum, which is checked.
struct HeaderMessages {
  private let file: MetadataFile
  private var bytesLeft = 1 << 20
  private var blocks: [(offset: Int, count: Int)] = []

  private init(_ file: MetadataFile) {
    self.file = file
  }

  /// Calls `body` with each message of the header at `address`, until it returns false.
  ///
  /// - Returns: false where the header is not as it must be, or `body` returned false.
  static func forEach(at address: Int, in file: MetadataFile, _ body: (HeaderMessage) -> Bool) -> Bool {
    var messages = HeaderMessages(file)
    return messages.walk(address, body)
  }

  private mutating func walk(_ address: Int, _ body: (HeaderMessage) -> Bool) -> Bool {
    guard let start = file.offset(of: address) else { return false }
    let version = file.withBytes(at: start, least: 16) { $0.starts(with: "OHDR".utf8) ? 2 : Int($0[0]) }
    switch version {
    case 1: return walkVersion1(start, body)
    case 2: return walkVersion2(start, body)
    default: return false
    }
  }

  // MARK: Version 1

  private mutating func walkVersion1(_ start: Int, _ body: (HeaderMessage) -> Bool) -> Bool {
    let prefix = file.withBytes(at: start, least: 16) { bytes -> (messages: Int, count: Int)? in
      var fields = Fields(bytes)
      guard fields.number(1) == 1, fields.skip(1), let messages = fields.int(2), fields.skip(4),
        let count = fields.int(4)
      else { return nil }
      return (messages, count)
    }
    guard let prefix else { return false }
    var messagesLeft = prefix.messages
    blocks = [(start + 16, prefix.count)]
    var next = 0
    while next < blocks.count {
      let block = blocks[next]
      next += 1
      guard take(block.count) else { return false }
      let found = file.withBytes(at: block.offset, least: block.count) { bytes -> Bool? in
        var fields = Fields(UnsafeRawBufferPointer(rebasing: bytes[..<block.count]))
        while fields.remaining >= 8 {
          guard messagesLeft > 0, let type = fields.int(2), let count = fields.int(2),
            let flags = fields.int(1), fields.skip(3)
          else { return nil }
          let offset = block.offset + fields.place
          guard count % 8 == 0, let content = fields.take(count) else { return nil }
          messagesLeft -= 1
          let message = HeaderMessage(type: type, flags: flags, body: content, offset: offset)
          guard handle(message, least: 0, body) else { return nil }
        }
        return true
      }
      if found == nil { return false }
    }
    return messagesLeft == 0
  }

  // MARK: Version 2

  private mutating func walkVersion2(_ start: Int, _ body: (HeaderMessage) -> Bool) -> Bool {
    let prefix = file.withBytes(at: start, least: 16) { bytes -> (flags: Int, head: Int, count: Int)? in
      var fields = Fields(bytes)
      guard fields.follows("OHDR"), fields.number(1) == 2, let flags = fields.int(1), flags < 64,
        fields.skip((flags & 32 != 0 ? 16 : 0) + (flags & 16 != 0 ? 4 : 0)),
        let count = fields.int(1 << (flags & 3))
      else { return nil }
      return (flags, fields.place, count)
    }
    guard let (flags, head, count) = prefix, count <= bytesLeft else { return false }
    // The first block has the prefix, the others a signature.
    blocks = [(start, head + count + 4)]
    var next = 0
    while next < blocks.count {
      let block = blocks[next]
      let isFirst = next == 0
      next += 1
      guard take(block.count) else { return false }
      let found = file.withBytes(at: block.offset, least: block.count) { bytes -> Bool? in
        let all = UnsafeRawBufferPointer(rebasing: bytes[..<(block.count - 4)])
        let checksum = bytes.loadUnaligned(fromByteOffset: block.count - 4, as: UInt32.self)
        guard UInt32(littleEndian: checksum) == MetadataChecksum.of(all) else { return nil }
        var fields = Fields(all)
        guard isFirst ? fields.skip(head) : fields.follows("OCHK") else { return nil }
        let messageHead = flags & 4 != 0 ? 6 : 4
        while fields.remaining >= messageHead {
          guard let type = fields.int(1), let count = fields.int(2), let messageFlags = fields.int(1),
            fields.skip(messageHead - 4)
          else { return nil }
          let offset = block.offset + fields.place
          guard let content = fields.take(count) else { return nil }
          let message = HeaderMessage(type: type, flags: messageFlags, body: content, offset: offset)
          guard handle(message, least: 8, body) else { return nil }
        }
        return true
      }
      if found == nil { return false }
    }
    return true
  }

  // MARK: Blocks

  /// Counts what is looked at, which bounds headers that claim to go on for ever.
  private mutating func take(_ count: Int) -> Bool {
    guard count >= 0, count <= bytesLeft, blocks.count <= 64 else { return false }
    bytesLeft -= count
    return true
  }

  private mutating func handle(_ message: HeaderMessage, least: Int, _ body: (HeaderMessage) -> Bool) -> Bool
  {
    switch message.type {
    case 0: return true  // nothing
    case 0x10:  // the header goes on elsewhere
      var fields = Fields(message.body)
      guard !message.isShared, case .some(.some(let address)) = fields.address(file.addressSize),
        let offset = file.offset(of: address), let count = fields.int(file.lengthSize), count >= least
      else { return false }
      blocks.append((offset, count))
      return true
    default: return body(message)
    }
  }
}
