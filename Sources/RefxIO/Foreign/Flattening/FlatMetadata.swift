import Refx
import RefxStore

/// What a file of named arrays says beside them: text under text names. Holds the user's metadata, the names
/// of further sites as `dropped → kept`, and, under the key `refx`, the whole tree.
///
/// The text under `refx` is a JSON object: `version` (1); `separator`, by which names were joined; `digest`,
/// the structure digest of the tree in hexadecimal; `tree`, a ``TreeDescription``; and `metadata`, the user's
/// metadata in order: `[name]` for text that stands beside this key, `[name, value]` for anything else. Where the
/// format cannot name every dtype, `types` says what the leaves are; see ``FlatType``. `attributes`, where there are
/// some, are what the file says of nodes, as ``NodeAttributes`` in JSON.
/// It is left out where the names alone say everything.
struct FlatMetadata {
  static let key: Key = "refx"
  /// The version of the description that is written, and the one that is read.
  static let version: Int64 = 1

  /// Name and text, in the order of the file.
  let texts: [(name: Key, text: String)]
  /// How many of them, from the first on, are the user's own.
  let userTextCount: Int

  /// What stands in a file.
  init(texts: [(name: Key, text: String)]) {
    self.texts = texts
    userTextCount = 0
  }

  /// - Parameters:
  ///   - types: what the leaves are whose dtypes the format cannot name.
  ///   - kept: names under which no text of the user's may stand; nil where none may stand anywhere but in the
  ///     description.
  /// - Throws: ``RefxError`` where the tree is malformed.
  init(
    of flat: FlatTree, _ contents: CheckpointContents, separator: String,
    types: [(name: Key, type: FlatType)] = [],
    keeping kept: Set<Key>? = []
  ) throws {
    var texts: [(name: Key, text: String)] = []
    var taken = (kept ?? []).union([FlatMetadata.key])
    var listed: [JSON] = []
    let attributes = try contents.attributes.kept(in: flat.tree)
    var isPlain = flat.isPlain && types.isEmpty && attributes.isEmpty
    for member in contents.metadata.members {
      if kept != nil, case .string(let text) = member.value, taken.insert(member.name).inserted {
        texts.append((member.name, text))
        listed.append([.string(member.name.string)])
      } else {
        listed.append([.string(member.name.string), member.value])
        isPlain = false
      }
    }
    userTextCount = texts.count
    if isPlain {
      self.texts = texts
      return
    }
    if kept != nil {
      for alias in flat.aliases where taken.insert(alias.dropped).inserted {
        texts.append((alias.dropped, alias.kept.string))
      }
    }
    var description: JSONObject = [
      "version": .integer(FlatMetadata.version),
      "separator": .string(separator),
      "digest": .string(hexadecimal(try flat.tree.structureDigest().combined)),
      "tree": flat.description,
      "metadata": .array(listed),
    ]
    if !types.isEmpty {
      description["types"] = .object(JSONObject(types.map { .init($0.name, $0.type.json) }))
    }
    if !attributes.isEmpty { description["attributes"] = attributes.json }
    let bytes = JSON.object(description).bytes()
    texts.append((FlatMetadata.key, String(decoding: bytes, as: UTF8.self)))
    self.texts = texts
  }

  /// What stands under the key `refx`; nil where the names say everything.
  ///
  /// - Throws: ``RefxError`` where it is malformed.
  func description(_ budget: Budget) throws -> FlatDescription? {
    guard let text = texts.first(where: { $0.name == FlatMetadata.key })?.text else { return nil }
    return try FlatDescription(text, budget)
  }

  /// The contents of a file with the arrays `leaves`: by the description where there is one, else a dictionary
  /// of names and the texts as they are. The arrays are charged to the budget already.
  ///
  /// - Throws: ``RefxError`` where the description does not fit the arrays.
  func contents(
    of leaves: [(name: Key, leaf: Leaf)], describedBy description: FlatDescription?, _ budget: Budget,
    names: FlatNames, format: String
  ) throws -> CheckpointContents {
    guard let description else {
      try budget.charge(nodes: 1, depth: leaves.isEmpty ? 0 : 1)
      return CheckpointContents(
        tree: .dictionary(leaves.map { ($0.name, .leaf($0.leaf)) }),
        metadata: JSONObject(texts.map { .init($0.name, .string($0.text)) }))
    }
    let tree = try description.tree(of: leaves, budget)
    let flat = try FlatTree(tree, separator: description.separator, names: names, format: format)
    return CheckpointContents(
      tree: tree, metadata: userMetadata(listed: description.metadata, aliases: flat.aliases),
      attributes: description.attributes)
  }

  /// The user's metadata: in the order of the description, then what another program added.
  private func userMetadata(listed: [(name: Key, value: JSON?)], aliases: [FlatTree.Alias]) -> JSONObject {
    let known = Dictionary(texts.map { ($0.name, $0.text) }) { first, _ in first }
    let aliases = Set(aliases)
    var members: [JSONObject.Member] = []
    var taken: Set<Key> = []
    for (name, value) in listed {
      guard let value = value ?? known[name].map(JSON.string), taken.insert(name).inserted else { continue }
      members.append(.init(name, value))
    }
    for (name, text) in texts where name != FlatMetadata.key && !taken.contains(name) {
      if aliases.contains(FlatTree.Alias(dropped: name, kept: Key(text))) { continue }
      members.append(.init(name, .string(text)))
    }
    return JSONObject(members)
  }

  /// Entries that say, as Hugging Face's `save_model` writes them, that a name was dropped because another
  /// is the same tensor. They are proposals, for nothing proves that the program that wrote them meant it so.
  func proposedTies(among leaves: [(name: Key, leaf: Leaf)]) -> [ProposedTie] {
    guard !texts.isEmpty, !texts.contains(where: { $0.name == FlatMetadata.key }) else { return [] }
    let names = Set(leaves.map(\.name))
    return texts.compactMap { dropped, text in
      let kept = Key(text)
      guard !names.contains(dropped), names.contains(kept) else { return nil }
      return ProposedTie(dropped: [dropped], kept: [kept])
    }
  }
}
