import Refx
import RefxStore

/// What a file of named arrays says beside them: text under text names. Holds the user's metadata, the names
/// of further sites as `dropped → kept`, and, under the key `refx`, the whole tree.
///
/// The text under `refx` is a JSON object: `version` (1); `separator`, by which names were joined; `digest`,
/// the structure digest of the tree in hexadecimal; `tree`, a ``TreeDescription``; and `metadata`, the user's
/// metadata in order: `[name]` for text that stands beside this key, `[name, value]` for anything else.
/// It is left out where the names alone say everything.
struct FlatMetadata {
  static let key: Key = "refx"

  /// Name and text, in the order of the file.
  var texts: [(name: Key, text: String)]

  init(texts: [(name: Key, text: String)]) {
    self.texts = texts
  }

  /// - Throws: ``RefxError`` where the tree is malformed.
  init(of flat: FlatTree, metadata: JSONObject, separator: String) throws {
    texts = []
    var taken: Set<Key> = [FlatMetadata.key]
    var listed: [JSON] = []
    var isPlain = flat.isPlain
    for member in metadata.members {
      if case .string(let text) = member.value, taken.insert(member.name).inserted {
        texts.append((member.name, text))
        listed.append([.string(member.name.string)])
      } else {
        listed.append([.string(member.name.string), member.value])
        isPlain = false
      }
    }
    if isPlain { return }
    for alias in flat.aliases where taken.insert(alias.dropped).inserted {
      texts.append((alias.dropped, alias.kept.string))
    }
    let description: JSON = [
      "version": 1,
      "separator": .string(separator),
      "digest": .string(hexadecimal(try flat.tree.structureDigest().combined)),
      "tree": flat.description,
      "metadata": .array(listed),
    ]
    texts.append((FlatMetadata.key, String(decoding: description.bytes(), as: UTF8.self)))
  }

  /// The contents of a file with the arrays `leaves`: by the description where there is one, else a dictionary
  /// of names and the texts as they are. The arrays are charged to the budget already.
  ///
  /// - Throws: ``RefxError`` where the description is malformed or does not fit the arrays.
  func contents(
    of leaves: [(name: Key, leaf: Leaf)], _ budget: Budget, reserved: Set<Key> = [], format: String
  ) throws
    -> CheckpointContents
  {
    guard let text = texts.first(where: { $0.name == FlatMetadata.key })?.text else {
      try budget.charge(nodes: 1, depth: leaves.isEmpty ? 0 : 1)
      return CheckpointContents(
        tree: .dictionary(leaves.map { ($0.name, .leaf($0.leaf)) }),
        metadata: JSONObject(texts.map { .init($0.name, .string($0.text)) }))
    }
    let description = try FlatDescription(text, budget)
    let tree = try description.tree(of: leaves, budget)
    let flat = try FlatTree(tree, separator: description.separator, reserved: reserved, format: format)
    return CheckpointContents(
      tree: tree, metadata: userMetadata(listed: description.metadata, aliases: flat.aliases))
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
  /// is the same tensor: proposals, for nothing proves that the program that reads them means it so.
  func proposedTies(among leaves: [(name: Key, leaf: Leaf)]) -> [String] {
    guard !texts.isEmpty, !texts.contains(where: { $0.name == FlatMetadata.key }) else { return [] }
    let names = Set(leaves.map(\.name))
    let proposed = texts.filter { !names.contains($0.name) && names.contains(Key($0.text)) }
    var warnings = proposed.prefix(FlatMetadata.warningLimit).map { dropped, kept in
      "the metadata says that \"\(dropped)\" was left out because it is the same tensor as \"\(kept)\"; "
        + "it is not in the tree"
    }
    if proposed.count > warnings.count {
      warnings.append("the metadata says so of \(proposed.count - warnings.count) further names")
    }
    return warnings
  }

  private static let warningLimit = 20
}
