// Every sentence that this project says about something going wrong. Grouped by who says it; a test asserts
// the wording.

extension RefxError.Code {
  // MARK: Trees and references
  /// A tree that an operation cannot take: refx's own refusals.
  public static let refusal = Self(rawValue: "refusal")
  /// A Ref, or a value, of another trace level.
  public static let traceLevel = Self(rawValue: "traceLevel")
  /// A Ref whose collection may not be written here.
  public static let notMutable = Self(rawValue: "notMutable")
  /// A leaf of another kind, dtype or shape than what is asked for.
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

  // MARK: Refs and trace levels

  @usableFromInline
  static func levelOfRead(_ ref: AnyRef) -> RefxError {
    RefxError(
      .traceLevel, "cannot access Ref from different trace level", expected: "\(ref.level), where it was made",
      found: "\(TraceLevel.current)", advice: "deref the tree before the boundary and reref it inside")
  }

  @usableFromInline
  static func levelOfWrite(_ ref: AnyRef) -> RefxError {
    RefxError(
      .traceLevel, "cannot mutate Ref from different trace level", expected: "\(ref.level), where it was made",
      found: "\(TraceLevel.current)", advice: "deref the tree before the boundary and reref it inside")
  }

  static func levelOfValue(_ ref: AnyRef, others: Set<TraceLevel>) -> RefxError {
    let levels = others.sorted { $0.number < $1.number }.map { "\($0)" }.joined(separator: ", ")
    return RefxError(
      .traceLevel, "cannot mutate Ref with a value from another trace level", expected: "a value of \(ref.level)",
      found: "one of \(levels)", advice: "return the value from its boundary first")
  }

  @usableFromInline
  static func notMutable(_ collection: CollectionTag?) -> RefxError {
    let whose = collection.map { "collection '\($0)' is" } ?? "Refs without a collection are"
    return RefxError(.notMutable, "\(whose) not mutable here", advice: "widen the enclosing mutable { }")
  }

  // MARK: Deref and reref

  static func derefAmongRefs(_ kind: String, path: Path = .root) -> RefxError {
    RefxError(
      .refusal, "cannot deref a tree that holds both Refs and Derefs", path: path,
      expected: "a Ref or a plain value, since a Ref came before", found: kind, advice: "reref the tree first")
  }

  static func refInRereffed(path: Path = .root) -> RefxError {
    RefxError(
      .refusal, "cannot reref a tree that holds live Refs", path: path, expected: "a dereffed tree",
      found: "a Ref", advice: "deref the tree first")
  }

  static func indexesExhausted() -> RefxError {
    RefxError(.limit, "no number is left for a Ref after the highest index", expected: "smaller indexes")
  }

  static func tooDeep() -> RefxError {
    RefxError(.limit, "the tree is too deep", expected: "at most \(maximumTreeDepth) levels", found: "more")
  }

  // MARK: Leaves as values

  static func unfit(expected: String, found: String) -> RefxError {
    RefxError(.mismatch, expected: expected, found: found)
  }

  static func dtype(of leaf: Leaf, expected: DType) -> RefxError {
    RefxError(
      .mismatch, expected: "dtype \(expected)", found: "\(leaf.dtype)",
      advice: "read it as \(leaf.dtype) or convert it explicitly")
  }

  static func shape(of leaf: Leaf, expected: String) -> RefxError {
    RefxError(.mismatch, expected: expected, found: "shape \(leaf.shape)")
  }

  static func byteCount(of leaf: Leaf, expected: Int) -> RefxError {
    RefxError(
      .damaged, "a leaf of \(leaf.dtype) \(leaf.shape) has the wrong size", expected: "\(expected) bytes",
      found: "\(leaf.byteCount)")
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

  // MARK: HDF5

  package static func hdf5Failed(
    _ call: String, reason: String, stack: [String], isWriting: Bool, object: String, file: String?
  ) -> RefxError {
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
