// Every sentence that this project says about something going wrong. Grouped by who says it; a test asserts
// the wording.

extension RefxError.Code {
  // MARK: Trees and references
  /// A tree that an operation cannot take: refx's own refusals.
  public static let refusal = Self(rawValue: "refusal")

  // MARK: Codable bridge
  /// A model that cannot become a tree.
  public static let model = Self(rawValue: "model")
  /// A tree that does not fit the model: ``RefxError/details`` lists every difference.
  public static let mismatch = Self(rawValue: "mismatch")

  // MARK: Files
  /// The system refused: a missing file, a full disk, no permission.
  public static let system = Self(rawValue: "system")
  /// What is named is a folder, a device, a FIFO.
  public static let notAFile = Self(rawValue: "notAFile")
  /// The file ends too early.
  public static let cut = Self(rawValue: "cut")
  /// A checksum, a bound or a field of the file is wrong.
  public static let damaged = Self(rawValue: "damaged")
  /// The file is of another kind.
  public static let notACheckpoint = Self(rawValue: "notACheckpoint")
  /// The file is of a version, or needs a feature, that this release does not know.
  public static let version = Self(rawValue: "version")
  /// The payload is of a kind that cannot be represented.
  public static let unsupported = Self(rawValue: "unsupported")
  /// A limit on sizes, counts or depth is exceeded.
  public static let limit = Self(rawValue: "limit")
}

extension RefxError {
  // MARK: Trees and references

  package static func valueAlreadyExists(index: Int, path: Path) -> RefxError {
    RefxError(
      .refusal, "value already exists", path: path, expected: "each shared value once",
      found: "a second value under index \(index)")
  }

  package static func indexWithoutValue(index: Int, path: Path) -> RefxError {
    RefxError(
      .refusal, path: path, expected: "index \(index) to follow its value", found: "no value under that index before")
  }

  // MARK: Codable bridge

  package static func modelTooDeep(path: Path) -> RefxError {
    RefxError(
      .limit, "the model is too deep", path: path.shortened, expected: "at most \(maximumTreeDepth) levels",
      found: "more", advice: "keep long chains in an array")
  }

  package static func cycleWithoutRef(_ type: Any.Type, path: Path) -> RefxError {
    RefxError(
      .model, "an instance of \(type) comes back to itself without a Ref on the way", path: path,
      advice: "hold one of the references of the cycle in a Ref")
  }

  package static func refNotEncodable(_ type: Any.Type, path: Path) -> RefxError {
    RefxError(.model, "the value of \(type) cannot be encoded", path: path, advice: "make it Codable")
  }

  package static func encodedTwice(path: Path) -> RefxError {
    RefxError(
      .model, "a value encoded itself twice, in two forms", path: path,
      advice: "ask the encoder for one container in encode(to:)")
  }

  package static func keyWrittenTwice(path: Path) -> RefxError {
    RefxError(
      .model, "the key is written twice", path: path,
      advice: "give superclass and subclass, or dictionary keys, different names")
  }

  package static func unorderedKeys(_ type: Any.Type, path: Path) -> RefxError {
    RefxError(
      .model, "a dictionary with keys of type \(type) has no stable order", path: path,
      expected: "keys that encode as one string or number", advice: "make the keys strings, or store an array")
  }

  package static func unorderedSet(_ type: Any.Type, path: Path) -> RefxError {
    RefxError(
      .model, "a set of \(type) has no stable order", path: path,
      expected: "members that encode as one string or number", advice: "store an array")
  }

  package static func cannotEncode(_ error: EncodingError, at path: Path) -> RefxError {
    let reason =
      switch error {
      case .invalidValue(_, let context): context.debugDescription
      @unknown default: "\(error)"
      }
    return RefxError(.model, "a value cannot be encoded: \(reason)", path: path, cause: error)
  }

  // MARK: Files

  /// A system call that failed.
  package static func system(_ what: String, reason: String, file: String, advice: String? = nil) -> RefxError {
    RefxError(.system, "\(what): \(reason)", file: file, advice: advice)
  }

  package static func notARegularFile(kind: String, file: String) -> RefxError {
    RefxError(.notAFile, file: file, expected: "a file", found: kind)
  }

  package static func cut(file: String, offset: Int, wanted: Int, size: Int) -> RefxError {
    RefxError(
      .cut, "the file is cut", file: file, place: .byte(offset), expected: "\(wanted) bytes",
      found: "the end of the file at byte \(size)", advice: "copy or download it again")
  }

  // MARK: Formats

  package static func formatIsReadOnly(_ format: String) -> RefxError {
    RefxError(.unsupported, "\(format) files can be read but not written", advice: "choose .refx, .h5 or .safetensors")
  }

  package static func unsupportedLeaf(_ leaf: UnsupportedLeaf) -> RefxError {
    RefxError(
      .unsupported, "a \(leaf.typeName) leaf cannot be represented: \(leaf.reason)",
      advice: "leave it out with --skip-unsupported")
  }

  // MARK: Chunks

  package static func zlibFailed(_ call: String, status: Int) -> RefxError {
    RefxError(.system, "zlib cannot \(call) (status \(status))")
  }

  package static func chunkDoesNotDecode(expected: Int, produced: Int, trailing: Int) -> RefxError {
    let found =
      trailing > 0
      ? "\(trailing) bytes after its end"
      : produced == expected ? "a damaged stream" : produced > expected ? "more" : "\(produced) or a damaged stream"
    return RefxError(.damaged, "a compressed chunk does not decode", expected: "\(expected) bytes", found: found)
  }
}
