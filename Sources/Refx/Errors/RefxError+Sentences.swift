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

  // MARK: Writing files
  /// A file that may not be replaced is there.
  public static let exists = Self(rawValue: "exists")
  /// The reader of a pipe has closed it.
  public static let brokenPipe = Self(rawValue: "brokenPipe")
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

  // MARK: Writing files

  package static func fileExists(file: String) -> RefxError {
    RefxError(
      .exists, file: file, expected: "no file of that name", found: "one",
      advice: "choose another name, or say that it may be replaced (--force)")
  }

  /// The rename is done; only its durability is in doubt.
  package static func folderNotSynced(reason: String, file: String) -> RefxError {
    RefxError(
      .system, "the new file is in place, but the folder cannot be synced: \(reason)", file: file,
      advice: "check the disk: until it is synced, a power cut may bring the old file back")
  }

  package static func readerIsGone(file: String) -> RefxError {
    RefxError(.brokenPipe, "cannot write: nobody reads any more", file: file)
  }

  package static func leafSizeIsWrong(dtype: DType, shape: [Int], byteCount: Int) -> RefxError {
    RefxError(
      .refusal, "the leaf's size does not fit its type",
      expected: dtype.byteCount(of: shape).map { "\($0) bytes for \(dtype.name) \(shape)" }
        ?? "a size for \(dtype.name) \(shape)",
      found: "\(byteCount) bytes")
  }

  package static func leafChecksumDiffers(expected: UInt32, found: UInt32) -> RefxError {
    RefxError(
      .damaged, "the leaf's checksum does not fit its bytes", expected: "CRC-32 \(String(expected, radix: 16))",
      found: String(found, radix: 16), advice: "copy or download the file again")
  }

  // MARK: The .refx format

  package static func notARefxFile(found: String) -> RefxError {
    RefxError(
      .notACheckpoint, "not a .refx file", place: .byte(0), expected: "the eight bytes that start one",
      found: found, advice: "check the name; a download may have saved an error page or a pointer in its place")
  }

  package static func refxIsCut(size: Int) -> RefxError {
    RefxError(
      .cut, "the file does not end as a .refx file does", place: .byte(size), expected: "the end mark",
      found: "other bytes", advice: "the file is cut, or bytes were appended; copy or download it again")
  }

  package static func refxIsTooShort(size: Int) -> RefxError {
    RefxError(
      .cut, "the file is cut", place: .byte(size), expected: "at least 128 bytes", found: "\(size)",
      advice: "copy or download it again")
  }

  package static func refxVersion(_ version: Int, known: Int) -> RefxError {
    RefxError(
      .version, place: .byte(8), expected: "version \(known) of the .refx format", found: "version \(version)",
      advice: "read it with a newer release")
  }

  package static func refxFeatures(_ features: [Int]) -> RefxError {
    RefxError(
      .version, "the file needs features that this release does not know", place: .byte(16),
      found: "feature \(features.map(String.init).joined(separator: ", "))", advice: "read it with a newer release")
  }

  package static func refxSection(_ name: String, at offset: Int) -> RefxError {
    RefxError(
      .version, "the file needs a section that this release does not know", place: .byte(offset),
      found: "section \(name)", advice: "read it with a newer release")
  }

  package static func refxUnknown(_ what: String, number: Int, at offset: Int) -> RefxError {
    RefxError(
      .version, place: .byte(offset), expected: "a \(what) that this release knows", found: "number \(number)",
      advice: "read it with a newer release")
  }

  /// A field of the header, the trailer, the directory.
  package static func refxField(
    _ what: String, at offset: Int, expected: String, found: String
  ) -> RefxError {
    RefxError(
      .damaged, "\(what) is wrong", place: .byte(offset), expected: expected, found: found,
      advice: "the file is damaged; copy or download it again")
  }

  package static func damagedSection(
    _ section: String, _ what: String, at offset: Int, expected: String?, found: String?
  ) -> RefxError {
    RefxError(
      .damaged, "section \(section): \(what)", place: .byte(offset), expected: expected, found: found,
      advice: "the file is damaged; copy or download it again")
  }

  package static func checksumDiffers(_ what: String, at offset: Int, expected: UInt32, found: UInt32) -> RefxError {
    RefxError(
      .damaged, "the checksum of \(what) does not fit", place: .byte(offset),
      expected: "CRC-32 \(String(expected, radix: 16))", found: String(found, radix: 16),
      advice: "the file is damaged; copy or download it again")
  }

  package static func beyondLimit(_ what: String, limit: Int, found: Int, at offset: Int) -> RefxError {
    RefxError(.limit, "\(what) exceeds a limit", place: .byte(offset), expected: "at most \(limit)", found: "\(found)")
  }

  package static func tooDeep(_ limit: Int, path: Path) -> RefxError {
    RefxError(.limit, "the tree is too deep", path: path, expected: "at most \(limit) levels", found: "more")
  }

  package static func rankTooLarge(_ rank: Int, limit: Int) -> RefxError {
    RefxError(.limit, "the leaf has too many dimensions", expected: "at most \(limit)", found: "\(rank)")
  }

  package static func collectionsOfOneRefDiffer(index: Int, path: Path) -> RefxError {
    RefxError(
      .refusal, path: path, expected: "the collection of Ref #\(index) to be the same at each of its sites",
      found: "another")
  }

  package static func paddingIsNotZero(at offset: Int) -> RefxError {
    RefxError(
      .damaged, "the padding before the leaf's data is not zero", place: .byte(offset),
      advice: "the file is damaged; copy or download it again")
  }

  package static func contentHashDiffers() -> RefxError {
    RefxError(
      .damaged, "the leaf's content hash does not fit its bytes",
      advice: "the file is damaged or its writer was wrong; save it again from a sound source")
  }

  package static func textLeafIsMalformed() -> RefxError {
    RefxError(
      .damaged, "the text leaf does not hold as many strings of valid UTF-8 as its shape says",
      advice: "the file is damaged or its writer was wrong; save it again from a sound source")
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

  // MARK: JSON

  package static func json(expected: String, found: String, at offset: Int) -> RefxError {
    RefxError(.damaged, "not valid JSON", place: .byte(offset), expected: expected, found: found)
  }

  package static func jsonNameTwice(_ name: Key, at offset: Int) -> RefxError {
    RefxError(
      .damaged, "a JSON object names \"\(name)\" twice", place: .byte(offset),
      advice: "two readers may take it for two different things, so neither is taken")
  }

  package static func jsonTooDeep(limit: Int, at offset: Int) -> RefxError {
    RefxError(
      .limit, "the JSON text is nested too deep", place: .byte(offset), expected: "at most \(limit) levels",
      found: "more")
  }
}
