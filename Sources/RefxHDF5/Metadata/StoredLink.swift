/// A link as a group stores it.
struct StoredLink {
  enum Target: Equatable {
    case hard(UInt)
    case soft(String)
    case external, userDefined
  }

  let name: LinkText
  let target: Target

  init(name: LinkText, target: Target) {
    self.name = name
    self.target = target
  }
}

extension StoredLink {
  /// A link message. What a link of another file or of a program's own leads to is not looked at.
  init?(_ fields: inout Fields, addressSize: Int) {
    guard fields.int(1) == 1, let flags = fields.int(1), flags < 32,
      let kind = flags & 8 == 0 ? 0 : fields.int(1), fields.skip(flags & 4 != 0 ? 8 : 0),
      flags & 16 == 0 || fields.skip(1), let length = fields.int(1 << (flags & 3)), length > 0,
      let name = fields.take(length), !name.contains(0)
    else { return nil }
    let target: Target
    switch kind {
    case 0:
      guard case .some(.some(let address)) = fields.address(addressSize) else { return nil }
      target = .hard(UInt(address))
    case 1:
      guard let length = fields.int(2), length > 0, let path = fields.take(length) else { return nil }
      target = .soft(String(decoding: path.prefix { $0 != 0 }, as: UTF8.self))
    case 64...255:
      guard let length = fields.int(2), fields.skip(length) else { return nil }
      target = kind == 64 ? .external : .userDefined
    default: return nil
    }
    self.init(name: LinkText(Array(name)), target: target)
  }
}
