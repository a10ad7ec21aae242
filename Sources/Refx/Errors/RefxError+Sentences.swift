// Every sentence that this project says about something going wrong. Grouped by who says it; a test asserts
// the wording.

extension RefxError.Code {
  // MARK: Trees and references
  /// A tree that an operation cannot take: refx's own refusals.
  public static let refusal = Self(rawValue: "refusal")

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

  // MARK: HDF5

  package static func hdf5Failed(
    _ call: String, stack: [String], isWriting: Bool, object: String, file: String?
  ) -> RefxError {
    // The innermost message is the cause; one from the system stands in quotes within it.
    let innermost = stack.last ?? "no reason given"
    var reason = innermost
    if let start = innermost.index(behind: "error message = '") {
      let rest = innermost[start...]
      reason = String(rest[..<(rest.firstIndex(of: "'") ?? rest.endIndex)])
    }
    if isWriting {
      return RefxError(
        .system, "cannot write HDF5: \(reason)", file: file, place: .object(object), details: [call] + stack)
    }
    return RefxError(
      .damaged, "libhdf5 cannot read the file: \(reason)", file: file, place: .object(object),
      advice: "copy or download it again", details: [call] + stack)
  }

  package static func hdf5NotThisFormat(file: String?) -> RefxError {
    RefxError(
      .notACheckpoint, file: file, expected: "an HDF5 file", found: "no HDF5 signature",
      advice: "look at what the file is")
  }

  package static func hdf5CannotHold(_ what: String, file: String?) -> RefxError {
    RefxError(.unsupported, "HDF5 cannot hold \(what)", file: file, advice: "save it as .refx")
  }

  package static func hdf5RankTooLarge(_ rank: Int, path: Path) -> RefxError {
    RefxError(
      .limit, path: path, expected: "at most 32 dimensions, which is what HDF5 holds", found: "\(rank)",
      advice: "save it as .refx")
  }

  package static func hdf5NameTooLong(bytes: Int, path: Path?) -> RefxError {
    RefxError(
      .limit, path: path, expected: "a name of less than 64,000 bytes, which is what HDF5 holds",
      found: "\(bytes) bytes", advice: "save it as .refx")
  }

  package static func hdf5VersionUnknown(_ version: Int64, file: String?) -> RefxError {
    RefxError(
      .version, file: file, place: .object("/"), expected: "the refx layout of HDF5 in version 1",
      found: "version \(version)", advice: "read it with a newer release of refx")
  }

  /// Something in a file of our layout that the layout does not allow.
  package static func hdf5Layout(
    _ object: String, expected: String, found: String, file: String?
  ) -> RefxError {
    RefxError(
      .damaged, file: file, place: .object(object), expected: expected, found: found,
      advice: "the file is damaged, or was changed by a program that does not know its layout")
  }

  package static func hdf5StructureDiffers(expected: String, found: String, file: String?) -> RefxError {
    RefxError(
      .damaged, "names, kinds, shapes or sharing are not those that were saved", file: file, place: .object("/"),
      expected: "structure \(expected)", found: found,
      advice: "the file is damaged, or was changed by a program that does not know its layout")
  }

  package static func hdf5ChecksumDiffers(expected: UInt32, found: UInt32, object: String, file: String?) -> RefxError {
    RefxError(
      .damaged, "the values are not those that were saved", file: file, place: .object(object),
      expected: "CRC-32 \(String(expected, radix: 16))", found: String(found, radix: 16),
      advice: "restore the file from a copy")
  }

  package static func hdf5Damaged(_ what: String, object: String, file: String?) -> RefxError {
    RefxError(.damaged, what, file: file, place: .object(object), advice: "restore the file from a copy")
  }

  package static func hdf5Limit(_ expected: String, found: String, object: String, file: String?) -> RefxError {
    RefxError(.limit, file: file, place: .object(object), expected: expected, found: found)
  }

  package static func fletcherDiffers(expected: UInt32, found: UInt32) -> RefxError {
    RefxError(
      .damaged, "a chunk does not fit its fletcher32 checksum", expected: String(expected, radix: 16),
      found: String(found, radix: 16), advice: "restore the file from a copy")
  }

  package static func textDoesNotFit(count: Int, file: String?) -> RefxError {
    RefxError(.damaged, "text does not have its \(count) elements", file: file)
  }
}

extension String {
  /// The place behind the first occurrence of `text`.
  fileprivate func index(behind text: String) -> String.Index? {
    var place = startIndex
    while place < endIndex {
      if self[place...].hasPrefix(text) { return index(place, offsetBy: text.count) }
      place = index(after: place)
    }
    return nil
  }
}
