import RefxStore

/// A step of a training that lies in a folder.
public struct SavedStep: Sendable, Hashable {
  /// Its number.
  public let step: Int
  /// What was measured when it was saved.
  public let metrics: [String: Double]
  /// What its writer said about it beside that.
  public let metadata: JSONObject
  /// When it was saved, in seconds since 1970.
  public let time: Double
  /// Its file.
  public let path: String
  /// The size of the file in bytes.
  public let byteCount: Int
  /// The digest of the values of the step that it is a change of, in hexadecimal; nil where it stands by itself.
  public let base: String?

  /// The folder's own number of the training that it belongs to; nil where a file was put there by somebody.
  let run: String?
  /// The digest of its own values, where others may be changes of it.
  let digest: TreeDigest.Text?
  /// The very file that this was read from or written to.
  var identity: FileIdentity?

  /// Whether it holds only what changed since another step.
  public var isIncremental: Bool { base != nil }
}

extension TreeDigest {
  /// A digest in hexadecimal, as a step says which one it is.
  struct Text: Hashable, Sendable {
    let structure: String
    let topology: String
    let values: String

    init(structure: String, topology: String, values: String) {
      self.structure = structure
      self.topology = topology
      self.values = values
    }

    init(_ digest: TreeDigest) {
      self.init(
        structure: hexadecimal(digest.structure), topology: hexadecimal(digest.topology),
        values: hexadecimal(digest.values))
    }
  }
}
