import Refx
import RefxStore

/// A model whose structure has versions: files of older ones are brought up to date as they are loaded or restored.
///
/// ``Checkpoint`` writes the version into the file's metadata, as the integer `refx_structure_version`. A file
/// without one is of version ``unmarkedVersion``. Only the model that is saved or loaded counts, not what it holds.
///
/// ```swift
/// struct Model: Codable, VersionedModel {
///   var enc: [String: [Float]]
///
///   static var structureVersion: Int { 2 }
///   static var migrations: [Migration] {
///     get throws { [Migration(from: 1, to: 2, rules: [try .rename("encoder/(.*)", to: "enc/$1")])] }
///   }
/// }
/// try Checkpoint.save(tree: ["encoder": ["w": .leaf([1, 2] as [Float])]], to: "old.refx")
/// let model = try Checkpoint.load(Model.self, from: "old.refx")
/// assert(model.enc["w"] == [1, 2])
/// ```
public protocol VersionedModel {
  /// The version of the structure that this type has now.
  static var structureVersion: Int { get }
  /// The steps from older versions, in any order; one from each.
  static var migrations: [Migration] { get throws }
  /// The version of files that name none: 1, unless the type says otherwise.
  static var unmarkedVersion: Int { get }
}

extension VersionedModel {
  public static var unmarkedVersion: Int { 1 }
}

/// A step from one version of a model's structure to a later one.
public struct Migration: Sendable {
  /// The version that the step begins with.
  public let from: Int
  /// The version that it ends with; a later one.
  public let to: Int
  private let change: @Sendable (CheckpointContents) throws -> CheckpointContents

  /// A step by rules, which move shared values with all of their sites that match.
  public init(from: Int, to: Int, rules: Rules) {
    self.from = from
    self.to = to
    change = { try $0.applying(rules) }
  }

  /// A step by a function of the tree, which reads payload only where it asks for it.
  public init(from: Int, to: Int, _ change: @escaping @Sendable (Tree<Leaf>) throws -> Tree<Leaf>) {
    self.from = from
    self.to = to
    self.change = { contents in
      var contents = contents
      contents.tree = try change(contents.tree)
      return contents
    }
  }

  func apply(to contents: CheckpointContents) throws -> CheckpointContents {
    do {
      return try change(contents)
    } catch let error as RefxError {
      throw error.ofMigration(from: from, to: to)
    }
  }
}

/// How versions are written down.
enum StructureVersion {
  static let key: Key = "refx_structure_version"

  /// The metadata that a model is saved with.
  static func marking(_ metadata: JSONObject, for type: Any.Type) -> JSONObject {
    guard let type = type as? any VersionedModel.Type else { return metadata }
    var marked = metadata
    marked[key] = .integer(Int64(type.structureVersion))
    return marked
  }
}

extension CheckpointContents {
  /// The contents as `type` has them now: every migration from the file's version on, in order, and the new version
  /// in the metadata. Of a type without versions, the contents as they are.
  ///
  /// - Throws: ``RefxError`` where the file is of a later version, a step is missing, or one fails.
  public func migrated(to type: Any.Type) throws -> CheckpointContents {
    guard let model = type as? any VersionedModel.Type else { return self }
    let wanted = model.structureVersion
    var version = model.unmarkedVersion
    if let mark = metadata[StructureVersion.key] {
      guard case .integer(let number) = mark, let number = Int(exactly: number) else {
        throw RefxError.badStructureVersion()
      }
      version = number
    }
    guard version <= wanted else { throw RefxError.structureOfTheFuture(version, known: wanted) }
    if version == wanted { return self }
    let steps = try model.migrations
    var contents = self
    while version < wanted {
      let found = steps.filter { $0.from == version }
      guard let step = found.first else { throw RefxError.noMigration(from: version, to: wanted) }
      guard found.count == 1, step.to > version, step.to <= wanted else {
        throw RefxError.badMigration(from: version, to: found.map(\.to), wanted: wanted)
      }
      contents = try step.apply(to: contents)
      version = step.to
    }
    contents.metadata[StructureVersion.key] = .integer(Int64(wanted))
    return contents
  }
}
