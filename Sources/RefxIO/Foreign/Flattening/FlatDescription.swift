import Refx
import RefxStore

/// What stands under the key `refx` of a file of named arrays; see ``FlatMetadata``.
struct FlatDescription {
  let separator: String
  let digest: String?
  let tree: JSON
  /// The user's metadata in order; nil for a text that stands beside the description.
  let metadata: [(name: Key, value: JSON?)]
  /// What the leaves are whose dtypes the format cannot name.
  let types: [Key: FlatType]
  /// What the file says of nodes.
  private(set) var attributes = NodeAttributes()

  init(_ text: String, _ budget: Budget) throws {
    var text = text
    let document: JSON
    do {
      document = try text.withUTF8 {
        try JSON.parse(UnsafeRawBufferPointer($0), limits: TreeDescription.parsingLimits(for: budget.limits))
      }
    } catch var error as RefxError {
      // Its offsets count from the text's beginning, not from the file's.
      error.place = nil
      throw RefxError.descriptionDoesNotFit(error.summary)
    }
    guard case .object(let object) = document, case .integer(let version)? = object["version"] else {
      throw RefxError.descriptionDoesNotFit("it has no version")
    }
    guard version == FlatMetadata.version else {
      throw RefxError.descriptionOfOtherVersion(version, known: FlatMetadata.version)
    }
    guard case .string(let separator)? = object["separator"], let tree = object["tree"],
      case .array(let listed)? = object["metadata"]
    else { throw RefxError.descriptionDoesNotFit("it lacks separator, tree or metadata") }
    self.separator = separator
    self.tree = tree
    if case .string(let digest)? = object["digest"] { self.digest = digest } else { digest = nil }
    metadata = try listed.map { member in
      guard case .array(let parts) = member, case .string(let name)? = parts.first, parts.count <= 2 else {
        throw RefxError.descriptionDoesNotFit("its metadata is malformed")
      }
      return (Key(name), parts.count == 2 ? parts[1] : nil)
    }
    switch object["types"] {
    case nil: types = [:]
    case .object(let named)?:
      types = Dictionary(try named.members.map { ($0.name, try FlatType($0.value)) }) { first, _ in first }
    default: throw RefxError.descriptionDoesNotFit("its types are malformed")
    }
    if let listed = object["attributes"], !attributes.add(json: listed) {
      throw RefxError.descriptionDoesNotFit("its attributes are malformed")
    }
  }

  /// The tree, with each of `leaves` at its place.
  ///
  /// - Throws: ``RefxError`` where the description names a leaf that is not there, one twice, or leaves one
  ///   out, and where its digest is another.
  func tree(of leaves: [(name: Key, leaf: Leaf)], _ budget: Budget) throws -> Tree<Leaf> {
    var left = Dictionary(leaves.map { ($0.name, $0.leaf) }) { first, _ in first }
    if let name = types.keys.filter({ left[$0] == nil }).min() {
      throw RefxError.descriptionDoesNotFit("\"\(name)\" has a type and is not in the file")
    }
    let made: Tree<Leaf> = try TreeDescription.tree(of: tree, budget) { name, path in
      guard let leaf = left.removeValue(forKey: Key(name)) else {
        throw RefxError.descriptionDoesNotFit("\"\(name)\" is not in the file, or named twice", path: path)
      }
      return leaf
    }
    if let name = left.keys.min() {
      throw RefxError.descriptionDoesNotFit("\"\(name)\" is in the file and not in the description")
    }
    if let digest {
      guard digest == hexadecimal(try made.structureDigest().combined) else {
        throw RefxError.descriptionDoesNotFit("its digest is another, so names, types or ties were changed")
      }
    }
    return made
  }
}
