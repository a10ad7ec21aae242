import Refx
import RefxStore

/// A tree as a row of named leaves: what formats that know names alone can hold.
///
/// A leaf's name is its path's keys joined by a separator. A shared value has one entry, under the name of
/// its first site.
struct FlatTree {
  struct Entry {
    let name: Key
    let path: Path
    let leaf: Leaf
  }

  /// A further site of a shared value: the name it would have had, and the entry that holds the value.
  struct Alias: Hashable {
    let dropped: Key
    let kept: Key
  }

  /// The name of a leaf that is the whole tree.
  static let rootName: Key = "value"
  /// How many aliases of leaves inside shared subtrees are listed; the description says them all.
  static let aliasLimit = 100_000

  /// The tree that the entries stand for: the given one, or with every site's own copy.
  let tree: Tree<Leaf>
  /// Whether a leaf has another name than its path's, because the format cannot give it that.
  private var hasRenamed = false
  /// Depth first.
  private(set) var entries: [Entry] = []
  private(set) var aliases: [Alias] = []

  /// Names the leaves of `tree`. Reads no payload.
  ///
  /// - Parameter names: which of them the format can give.
  /// - Throws: ``RefxError`` where two leaves fall on one name, or `policy` refuses the sharing.
  init(
    _ tree: Tree<Leaf>, separator: String, policy: SharedPolicy = .keep, names: FlatNames, format: String
  ) throws {
    if policy == .error { try FlatTree.refuseSharing(in: tree, format: format) }
    self.tree = policy == .duplicate ? try tree.copiedAtEverySite() : tree
    try nameLeaves(separator: separator, names, format: format)
  }

  /// Whether the names alone say everything: a dictionary of unshared leaves.
  var isPlain: Bool {
    guard !hasRenamed, case .dictionary(let branches) = tree else { return false }
    return branches.members.allSatisfy { if case .leaf = $0 { true } else { false } }
  }

  /// The tree with names in the place of leaves.
  var description: JSON {
    var next = 0
    return TreeDescription.json(of: tree) { _ in
      defer { next += 1 }
      return entries[next].name.string
    }
  }

  private mutating func nameLeaves(separator: String, _ rules: FlatNames, format: String) throws {
    var owners: [Key: Path] = [:]
    var found: [Entry] = []
    /// By the number of the Ref, where in `found` its value is.
    var places: [Int: Int] = [:]
    // A further site's name, and where the value is.
    var further: [(dropped: Key, place: Int)] = []
    // Where the entries of a shared subtree begin, and where it is met again.
    var subtrees: [Int: (path: Path, start: Int)] = [:]
    var again: [(path: Path, index: Int)] = []
    try tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content else {
        guard site.content.isInterior, let reference = site.reference else { return }
        if reference.isFirst {
          subtrees[reference.index] = (site.path, found.count)
        } else {
          again.append((site.path, reference.index))
        }
        return
      }
      let name = FlatTree.name(of: site.path, separator: separator)
      if let owner = owners.updateValue(site.path, forKey: name) {
        throw RefxError.twoLeavesOfOneName(name.string, owner, site.path, format: format)
      }
      if let reference = site.reference {
        guard reference.isFirst else {
          if let place = places[reference.index] { further.append((name, place)) }
          return
        }
        places[reference.index] = found.count
      }
      found.append(Entry(name: name, path: site.path, leaf: leaf))
    }
    for (path, index) in again {
      guard let first = subtrees[index] else { continue }
      for place in first.start..<found.count {
        let entry = found[place]
        guard first.path.contains(entry.path), further.count < FlatTree.aliasLimit else { break }
        let inside = entry.path.keys.dropFirst(first.path.keys.count)
        let name = FlatTree.name(of: Path(path.keys + inside), separator: separator)
        guard owners.updateValue(path, forKey: name) == nil else { continue }
        further.append((name, place))
      }
    }
    entries = possibleNames(of: found, rules, owners)
    aliases = further.map { Alias(dropped: $0.dropped, kept: entries[$0.place].name) }
  }

  /// The entries under names that the format can give.
  private mutating func possibleNames(
    of found: [Entry], _ rules: FlatNames, _ owners: [Key: Path]
  ) -> [Entry] {
    var substitutes: Set<Key> = []
    return found.map { entry in
      guard var name = rules.substitute(entry.name, { owners[$0] != nil }) else { return entry }
      while owners[name] != nil || !substitutes.insert(name).inserted { name = Key(name.string + "_") }
      hasRenamed = true
      return Entry(name: name, path: entry.path, leaf: entry.leaf)
    }
  }

  private static func name(of path: Path, separator: String) -> Key {
    path.isRoot ? rootName : Key(path.keys.lazy.map(\.string).joined(separator: separator))
  }

  private static func refuseSharing(in tree: Tree<Leaf>, format: String) throws {
    var first: [Int: Path] = [:]
    try tree.forEachSite { site in
      guard let index = site.reference?.index else { return }
      if let path = first[index] { throw RefxError.sharingRefused(path, site.path, format: format) }
      first[index] = site.path
    }
  }
}
