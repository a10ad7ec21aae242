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
  /// A leaf of another kind, dtype or shape than what is asked for, or a tree that does not fit a model;
  /// then ``RefxError/details`` lists every difference.
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

  // MARK: Operations and the command
  /// An argument that says nothing, or something impossible.
  public static let usage = Self(rawValue: "usage")
  /// A path that leads nowhere.
  public static let noSuchPath = Self(rawValue: "noSuchPath")
  /// Parts that do not make one tree.
  public static let merge = Self(rawValue: "merge")
  /// A value that the wanted dtype cannot hold.
  public static let cast = Self(rawValue: "cast")

  // MARK: Codable bridge
  /// A model that cannot become a tree.
  public static let model = Self(rawValue: "model")
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
      .refusal, path: path, expected: "index \(index) to follow its value",
      found: "no value under that index before")
  }

  // MARK: Files

  /// A system call that failed.
  package static func system(_ what: String, reason: String, file: String, advice: String? = nil) -> RefxError
  {
    RefxError(.system, "\(what): \(reason)", file: file, advice: advice)
  }

  package static func notARegularFile(kind: String, file: String) -> RefxError {
    RefxError(.notAFile, file: file, expected: "a file", found: kind)
  }

  package static func notAFileToRead(kind: String, file: String) -> RefxError {
    var error = notARegularFile(kind: kind, file: file)
    if kind != "a folder" { error.advice = "pass - and pipe it in" }
    return error
  }

  package static func emptyFileName() -> RefxError {
    RefxError(.notAFile, expected: "the name of a file", found: "an empty one")
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

  package static func notAFolder(kind: String, file: String) -> RefxError {
    RefxError(.notAFile, file: file, expected: "a folder", found: kind)
  }

  package static func linkIsNoText(file: String) -> RefxError {
    RefxError(
      .system, "cannot follow the symbolic link: what it names is no UTF-8", file: file,
      advice: "name the file itself")
  }

  /// A signal handler has removed the temporaries.
  package static func processIsStopping(file: String) -> RefxError {
    RefxError(.system, "cannot write the file: the process is being stopped", file: file)
  }

  /// The error, which came when `files` had taken their places already.
  package func afterReplacing(_ files: [String]) -> RefxError {
    var error = self
    error.details += files.map { "replaced before that, and whole: \($0)" }
    return error
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
      .damaged, "the leaf's checksum does not fit its bytes",
      expected: "CRC-32 \(digits(expected))",
      found: digits(found), advice: "copy or download the file again")
  }

  // MARK: The .refx format

  package static func notARefxFile(found: String) -> RefxError {
    RefxError(
      .notACheckpoint, "not a .refx file", place: .byte(0), expected: "the eight bytes that start one",
      found: found,
      advice: "check the name; a download may have saved an error page or a pointer in its place")
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
      .version, place: .byte(8), expected: "version \(known) of the .refx format",
      found: "version \(version)",
      advice: "read it with a newer release")
  }

  package static func refxFeatures(_ features: [Int]) -> RefxError {
    RefxError(
      .version, "the file needs features that this release does not know", place: .byte(16),
      found: "feature \(features.map(String.init).joined(separator: ", "))",
      advice: "read it with a newer release")
  }

  package static func refxSection(_ name: String, at offset: Int) -> RefxError {
    RefxError(
      .version, "the file needs a section that this release does not know", place: .byte(offset),
      found: "section \(name)", advice: "read it with a newer release")
  }

  package static func refxUnknown(_ what: String, number: Int, at offset: Int) -> RefxError {
    RefxError(
      .version, place: .byte(offset), expected: "a \(what) that this release knows",
      found: "number \(number)",
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

  package static func checksumDiffers(_ what: String, at offset: Int, expected: UInt32, found: UInt32)
    -> RefxError
  {
    RefxError(
      .damaged, "the checksum of \(what) does not fit", place: .byte(offset),
      expected: "CRC-32 \(digits(expected))", found: digits(found),
      advice: "the file is damaged; copy or download it again")
  }

  package static func beyondLimit(_ what: String, limit: Int, found: Int, at offset: Int) -> RefxError {
    RefxError(
      .limit, "\(what) exceeds a limit", place: .byte(offset), expected: "at most \(limit)", found: "\(found)"
    )
  }

  package static func moreThanAllowed(_ what: String, limit: Int, found: Int?, at offset: Int? = nil)
    -> RefxError
  {
    RefxError(
      .limit, "the file has more \(what) than it may", place: offset.map { .byte($0) },
      expected: "at most \(limit)", found: found.map { "\($0)" } ?? "more",
      advice: "raise the limit if the file is to be trusted")
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
    RefxError(
      .unsupported, "\(format) files can be read but not written",
      advice: "choose .refx, .h5, .safetensors, .npz or .npy"
    )
  }

  /// Of one leaf that was asked for by itself, so that there is nothing to leave out.
  package static func unsupportedLeafAlone(_ leaf: UnsupportedLeaf) -> RefxError {
    RefxError(
      .unsupported, "a \(leaf.typeName) leaf cannot be represented: \(leaf.reason)",
      advice: "ask for another one; refx inspect lists them")
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

  package static func chunkDoesNotDecode(expected: Int, fault: ChunkFault) -> RefxError {
    let found =
      switch fault {
      case .damaged: "a damaged stream"
      case .longer: "more"
      case .shorter(let count): "\(count)"
      case .followed(let count): "\(count) bytes after its end"
      }
    return RefxError(
      .damaged, "a compressed chunk does not decode", expected: "\(expected) bytes", found: found)
  }

  package static func outOfMemory(_ purpose: String) -> RefxError {
    RefxError(.system, "there is no memory to \(purpose)")
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

  // MARK: Refs and trace levels

  @usableFromInline
  static func levelOfRead(_ ref: AnyRef) -> RefxError {
    RefxError(
      .traceLevel, "cannot access Ref from different trace level",
      expected: "\(ref.level), where it was made",
      found: "\(TraceLevel.current)", advice: "deref the tree before the boundary and reref it inside")
  }

  @usableFromInline
  static func levelOfWrite(_ ref: AnyRef) -> RefxError {
    RefxError(
      .traceLevel, "cannot mutate Ref from different trace level",
      expected: "\(ref.level), where it was made",
      found: "\(TraceLevel.current)", advice: "deref the tree before the boundary and reref it inside")
  }

  static func levelOfValue(_ ref: AnyRef, others: Set<TraceLevel>) -> RefxError {
    let levels = others.sorted { $0.number < $1.number }.map { "\($0)" }.joined(separator: ", ")
    return RefxError(
      .traceLevel, "cannot mutate Ref with a value from another trace level",
      expected: "a value of \(ref.level)",
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
      expected: "a Ref or a plain value, since a Ref came before", found: kind, advice: "reref the tree first"
    )
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

  // MARK: Flatten, partition, merge

  static func leafCount(_ found: Int, expected: Int) -> RefxError {
    RefxError(
      .refusal, "the leaves do not fit the structure", expected: "\(expected) leaves", found: "\(found)",
      advice: "use the structure that came with these leaves")
  }

  static func shapesDiffer(expected: String, found: String) -> RefxError {
    RefxError(.refusal, "the trees have different shapes", path: .root, expected: expected, found: found)
  }

  static func pathTwice(_ path: Path) -> RefxError {
    RefxError(.refusal, "the path comes twice in a partition", path: path)
  }

  static func noPartitions(leafCount: Int) -> RefxError {
    RefxError(.refusal, expected: "the partitions of a tree with \(leafCount) leaves", found: "none")
  }

  static func partitionLengths(
    number: Int, expected: Int, found: Int, missing: Path?, added: Path?
  ) -> RefxError {
    let difference =
      [
        missing.map { "'\($0)' is missing" }, added.map { "'\($0)' is not in the tree" },
      ].compactMap { $0 }.joined(separator: ", ")
    return RefxError(
      .refusal, "partition \(number) does not belong to this tree", path: missing ?? added,
      expected: "\(expected) paths", found: "\(found)\(difference.isEmpty ? "" : " (\(difference))")",
      advice: "merge the partitions with the structure that came with them")
  }

  static func partitionPaths(number: Int, expected: Path, found: Path) -> RefxError {
    RefxError(
      .refusal, "partition \(number) does not belong to this tree", path: expected,
      expected: "the path '\(expected)'", found: "'\(found)'",
      advice: "merge the partitions with the structure that came with them")
  }

  static func unfilled(path: Path, parts: Int) -> RefxError {
    RefxError(
      .refusal, path: path, expected: "a leaf in one of the \(parts) partitions",
      found: "Nothing in all of them",
      advice: "merge all the partitions of the tree")
  }

  static func filledTwice(path: Path, parts one: Int, _ other: Int) -> RefxError {
    RefxError(
      .refusal, path: path, expected: "a leaf in one partition, Nothing in the others",
      found: "leaves in partitions \(one) and \(other)")
  }

  // MARK: Update

  static func copiedTooOften(path: Path) -> RefxError {
    RefxError(
      .limit, "shared values hold each other so often that a copy for each site would not end", path: path,
      advice: "give the model a Ref where the file has one, instead of letting refForPlain pass")
  }

  static func updateLengths(target: Int, source: Int, path: Path) -> RefxError {
    RefxError(
      .refusal, "the source does not have the leaves of the target", path: path, expected: "\(target) leaves",
      found: "\(source)")
  }

  static func mixedSource() -> RefxError {
    RefxError(
      .refusal, "the source mixes Refs and Derefs", path: .root,
      expected: "either a live or a dereffed source",
      found: "both", advice: "deref or reref the whole source")
  }

  static func targetHoldsDeref(_ kind: String) -> RefxError {
    RefxError(
      .refusal, "the target of an update holds a Deref", path: .root, expected: "live Refs", found: kind,
      advice: "reref the target first")
  }

  static func sharedTarget(expected: String, found: String) -> RefxError {
    RefxError(
      .refusal, "the Ref is shared in the target but not so in the source", path: .root, expected: expected,
      found: found)
  }

  static func unseenTarget(index: Int) -> RefxError {
    RefxError(
      .refusal, "the Ref is not shared in the target but so in the source", path: .root,
      expected: "a value for the target's Ref, which comes here for the first time", found: "Index \(index)")
  }

  static func unexpectedSource(_ kind: String) -> RefxError {
    RefxError(.refusal, path: .root, expected: "a Ref or a Value for the target's Ref", found: kind)
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

  // MARK: HDF5

  package static func hdf5Failed(
    _ call: String, reason: String, stack: [String], object: String, file: String?
  ) -> RefxError {
    RefxError(
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

  package static func hdf5RankTooLarge(_ rank: Int, path: Path?) -> RefxError {
    RefxError(
      .limit, path: path, expected: "at most 32 dimensions, which is what HDF5 holds", found: "\(rank)",
      advice: "save it as .refx")
  }

  package static func hdf5NameTooLong(bytes: Int, path: Path?) -> RefxError {
    RefxError(
      .limit, path: path, expected: "a name of less than 64,000 bytes, which is what HDF5 holds",
      found: "\(bytes) bytes", advice: "save it as .refx")
  }

  package static func hdf5VersionUnknown(_ version: Int64, known: Int64, file: String?) -> RefxError {
    RefxError(
      .version, file: file, place: .object("/"), expected: "the refx layout of HDF5 in version \(known)",
      found: "version \(version)", advice: "read it with a newer release of refx"
    )
    .damagedUnless(version > known)
  }

  /// A version before the first was written by no release.
  private func damagedUnless(_ isOfTheFuture: Bool) -> RefxError {
    if isOfTheFuture { return self }
    var copy = self
    copy.code = .damaged
    copy.advice = "no release wrote that; the file is damaged"
    return copy
  }

  /// Something in a file of our layout that the layout does not allow.
  package static func hdf5Layout(
    _ object: String, expected: String, found: String, file: String?
  ) -> RefxError {
    RefxError(
      .damaged, file: file, place: .object(object), expected: expected, found: found,
      advice: "the file is damaged, or was changed by a program that does not know its layout")
  }

  /// A name that a later release may have added to the layout.
  package static func hdf5NameUnknown(
    _ what: String, _ name: String, object: String, file: String?
  ) -> RefxError {
    RefxError(
      .version, file: file, place: .object(object), expected: "a \(what) that this release knows",
      found: "\"\(visible(name))\"", advice: "read it with a newer release, unless the file is damaged")
  }

  package static func hdf5StructureDiffers(expected: String, found: String, file: String?) -> RefxError {
    RefxError(
      .damaged, "names, kinds, shapes or sharing are not those that were saved", file: file,
      place: .object("/"),
      expected: "structure \(expected)", found: found,
      advice: "the file is damaged, or was changed by a program that does not know its layout")
  }

  package static func hdf5ChecksumDiffers(expected: UInt32, found: UInt32, object: String, file: String?)
    -> RefxError
  {
    RefxError(
      .damaged, "the values are not those that were saved", file: file, place: .object(object),
      expected: "CRC-32 \(digits(expected))", found: digits(found),
      advice: "restore the file from a copy")
  }

  package static func hdf5Damaged(_ what: String, object: String, file: String?) -> RefxError {
    RefxError(.damaged, what, file: file, place: .object(object), advice: "restore the file from a copy")
  }

  package static func hdf5Limit(
    _ expected: String, found: String, object: String, file: String?, advice: String? = nil
  ) -> RefxError {
    RefxError(.limit, file: file, place: .object(object), expected: expected, found: found, advice: advice)
  }

  package static func fletcherDiffers(expected: UInt32, found: UInt32) -> RefxError {
    RefxError(
      .damaged, "a chunk does not fit its fletcher32 checksum", expected: digits(expected),
      found: digits(found), advice: "restore the file from a copy")
  }

  package static func textDoesNotFit(count: Int, file: String?) -> RefxError {
    RefxError(.damaged, "text does not have its \(count) elements", file: file)
  }

  // MARK: Operations

  package static func diffTooDeep(path: Path) -> RefxError {
    RefxError(
      .limit, "the shared values of the two trees lie inside each other too deeply to be compared",
      path: path,
      expected: "at most \(2 * maximumTreeDepth) levels")
  }

  package static func unsupportedLeaves(
    _ leaves: [(path: Path, reason: UnsupportedLeaf)],
    advice: String = "leave them out with --skip-unsupported"
  ) -> RefxError {
    let most = 100
    var details = leaves.prefix(most).map { "\($0.path.text): \($0.reason.typeName): \($0.reason.reason)" }
    if leaves.count > most { details.append("and \(leaves.count - most) more") }
    return RefxError(
      .unsupported,
      leaves.count == 1 ? "a leaf cannot be represented" : "\(leaves.count) leaves cannot be represented",
      path: leaves.count == 1 ? leaves[0].path : nil, advice: advice, details: details)
  }

  package static func badText(path: Path, offset: Int) -> RefxError {
    RefxError(
      .damaged, "a string array does not hold its strings", path: path, place: .byte(offset),
      expected: "a length and that many bytes of UTF-8", found: "bytes beyond its end")
  }

  package static func badPattern(_ pattern: String, reason: String) -> RefxError {
    RefxError(.usage, "the pattern '\(pattern)' cannot be read: \(reason)")
  }

  package static func badPath(_ text: String) -> RefxError {
    RefxError(
      .usage, "the path '\(text)' cannot be read", expected: "keys joined with /",
      found: "a ~ that is not ~0 (for ~), ~1 (for /) or ~2 (for an empty key)")
  }

  package static func badCollection(_ text: String) -> RefxError {
    RefxError(.usage, "'\(text)' names no collection", advice: "give a name or an integer")
  }

  package static func badSelector(_ text: String) -> RefxError {
    RefxError(
      .usage, "'\(text)' selects nothing", expected: "collection:NAME, path:PATTERN or dtype:NAME",
      found: "another word before the colon")
  }

  package static func badDType(_ name: String) -> RefxError {
    RefxError(
      .usage, "'\(name)' names no dtype",
      advice: known(DType.allCases.filter { $0 != .unsupported }.map(\.name), near: name))
  }

  package static func badSlice(_ text: String, reason: String) -> RefxError {
    RefxError(.usage, "the slice '\(text)' cannot be taken: \(reason)")
  }

  package static func unreadableSlice(_ text: String, reason: String) -> RefxError {
    RefxError(.usage, "the slice '\(text)' cannot be read: \(reason)", advice: "write it as 0:10,:,3")
  }

  package static func noSuchPath(_ path: Path, near: [Key]) -> RefxError {
    RefxError(.noSuchPath, "nothing stands there", path: path, advice: nearest(near))
  }

  package static func notAnArray(_ path: Path, found: String, members: [Key]) -> RefxError {
    let most = 5
    let names = members.prefix(most).map { "'\(Path([$0]).text)'" }.joined(separator: ", ")
    return RefxError(
      .noSuchPath, path: path, expected: "an array", found: found,
      advice: members.isEmpty ? nil : "name one of its members: \(names)\(members.count > most ? ", …" : "")")
  }

  // MARK: Looking into checkpoints

  /// Eight digits, the leading zeros too.
  private static func digits(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }

  private static func nearest(_ names: [Key]) -> String {
    let texts = names.map { "'\(Path([$0]).text)'" }.joined(separator: ", ")
    return switch names.count {
    case 0: "list the paths with: refx inspect"
    case 1: "the nearest name is \(texts)"
    default: "the nearest names are \(texts)"
    }
  }

  package static func patternWithoutMatch(_ pattern: String, near: [Key]) -> String {
    "the pattern '\(pattern)' matches nothing; \(nearest(near))"
  }

  package static func collectionWithoutRef(_ name: String, known: [String]) -> String {
    let advice =
      Nearest.advice(name, among: known)
      ?? (known.isEmpty ? "there are no Refs" : "known are \(known.joined(separator: ", "))")
    return "no Ref is of the collection '\(name)'; \(advice)"
  }

  package static func staticTakesNo(_ option: String, path: Path) -> RefxError {
    RefxError(
      .usage, "a static value is no array, so there is nothing for \(option) to do", path: path,
      advice: "leave \(option) out")
  }

  package static func valueBeginsWithMinus(_ value: String, of option: String) -> RefxError {
    RefxError(
      .usage, "\(option) needs a value, and '\(value)' reads as another option",
      advice: "write \(option)=\(value)")
  }

  // MARK: The command

  package static func unknownCommand(_ name: String, known: [String]) -> RefxError {
    let others = ["version": "refx --version", "man": "refx help, or: man refx", "usage": "refx help"]
    return RefxError(
      .usage, "'\(name)' is no command",
      advice: others[name].map { "did you mean \($0)?" } ?? Nearest.advice(
        name, among: known, shown: { "refx " + $0 })
        ?? "known are \(known.joined(separator: ", "))")
  }

  package static func formatDoesNotStream(_ format: String) -> RefxError {
    RefxError(
      .usage, "\(format) cannot be written to a pipe", advice: "name a file, or write refx: --to refx")
  }

  package static func badArgument(_ option: String, _ text: String, expected: String) -> RefxError {
    RefxError(.usage, "\(option) cannot take '\(text)'", expected: expected)
  }

  package static func textNeedsTerminal(_ path: Path, dtype: String) -> RefxError {
    RefxError(
      .unsupported, "a .npy file cannot hold \(dtype) here", path: path, advice: "print it with -o -")
  }

  package static func sameOutput(_ name: String) -> RefxError {
    RefxError(
      .usage, "two parts would be written to one file", file: name, advice: "give each a name of its own")
  }

  package static func jsonBesideData() -> RefxError {
    RefxError(
      .usage, "--json prints to standard output, where the checkpoint goes as well",
      advice: "write the checkpoint to a file, or leave --json out")
  }

  package static func dataToTerminal() -> RefxError {
    RefxError(
      .usage, "standard output is a terminal, which cannot show a checkpoint",
      advice: "redirect it: > m.refx")
  }

  package static func outputIsRead(_ output: String, input: String) -> RefxError {
    RefxError(
      .usage,
      output == input
        ? "the file to write is one that is read, and it would be lost"
        : "the file to write is \(visible(input)), which is read, and it would be lost",
      file: output, advice: "name another file; --force does not help here")
  }

  package static func demoFailed(_ what: String) -> RefxError {
    RefxError(.system, "the demonstration went wrong: \(what)", advice: "report it, it should never happen")
  }

  package static func notOfTheDemonstration(_ what: String) -> RefxError {
    RefxError(
      .mismatch, "is no checkpoint of the demonstration's model: \(what)",
      advice: "name a file that does not exist yet, and the training begins anew")
  }

  package static func folderInUse(_ folder: String) -> RefxError {
    RefxError(
      .exists, "something lies in the folder", file: folder,
      advice: "name another one, or use --force to replace what has the same name")
  }

  /// - Parameter signal: what ended the reader; nil where it took too long.
  package static func readerDied(_ signal: Int32?, file: String) -> RefxError {
    RefxError(
      .damaged,
      signal.map { "the HDF5 library crashed on the file (signal \($0))" }
        ?? "the HDF5 library found no end in the file", file: file,
      advice: "the file is damaged; restore it from a copy")
  }

  package static func workerNotStarted(_ executable: String, reason: String, file: String) -> RefxError {
    system(
      "cannot start \(executable), which reads HDF5 files apart", reason: reason, file: file,
      advice: "name a program that exists, or read files that you trust in this process")
  }

  package static func workerKilled(file: String) -> RefxError {
    RefxError(
      .system, "the process that reads HDF5 files apart was ended from outside", file: file,
      advice: "see whether memory is short, and try again")
  }

  package static func workerMisunderstood(file: String) -> RefxError {
    RefxError(
      .damaged, "the process that reads HDF5 files apart says what it should not", file: file,
      advice: "the file may have been made to break the HDF5 library; do not use it")
  }

  // MARK: Parts

  package static func notAPatch(file: String) -> RefxError {
    RefxError(
      .merge, "this is no patch", file: file, advice: "give a file that refx patch make has written")
  }

  package static func damagedPatch(file: String, reason: String) -> RefxError {
    RefxError(
      .merge, "what this patch says of itself does not fit it: \(reason)", file: file,
      advice: "make the patch again")
  }

  package static func patchOfAnother(
    _ digest: String, expected: String, found: String, patch: String
  ) -> RefxError {
    RefxError(
      .merge, "\(visible(patch)) was made from another checkpoint: its digest of \(digest)",
      expected: expected,
      found: found, advice: "give the checkpoint that the patch was made from, as refx digest knows it")
  }

  package static func notAPart(file: String) -> RefxError {
    RefxError(
      .merge, "this is no part of a checkpoint", file: file,
      advice: "give files that refx partition has written")
  }

  /// A record in the metadata is of a version to come: what it says cannot be relied on, and it is not damaged.
  package static func recordOfTheFuture(_ what: String, version: Int64, known: Int64, file: String)
    -> RefxError
  {
    RefxError(
      .version, "\(what) is recorded in a version that this release does not know", file: file,
      expected: "version \(known)", found: "version \(version)", advice: "use a newer release of refx"
    )
    .damagedUnless(version > known)
  }

  package static func damagedPart(file: String, reason: String) -> RefxError {
    RefxError(
      .merge, "what this part says about its origin does not fit it: \(reason)", file: file,
      advice: "partition the origin again")
  }

  package static func partsOfDifferentTrees(file: String, other: String, difference: String) -> RefxError {
    RefxError(
      .merge, "this is a part of another tree than \(visible(other)): \(difference)", file: file,
      advice: "merge the parts of one partition")
  }

  package static func filledTwice(path: Path, file: String, other: String) -> RefxError {
    RefxError(
      .merge, "two parts fill this site: \(visible(other)) fills it too", file: file, path: path,
      advice: "leave one of them out")
  }

  package static func unfilledHoles(_ paths: [Path], missing: [String]) -> RefxError {
    let most = 20
    var details = paths.prefix(most).map(\.text)
    if paths.count > most { details.append("and \(paths.count - most) more") }
    let others = paths.count == 2 ? "1 other" : "\(paths.count - 1) others"
    let names = missing.map { $0.isEmpty ? "\"\"" : visible($0) }.joined(separator: ", ")
    return RefxError(
      .merge, paths.count == 1 ? "no part fills this site" : "no part fills this site and \(others)",
      path: paths.first,
      advice: missing.isEmpty ? "give the missing part too" : "give the missing part too: \(names)",
      details: paths.count == 1 ? [] : details)
  }

  package static func partsDisagree(
    path: Path, file: String, other: String, found: String, otherFound: String
  )
    -> RefxError
  {
    RefxError(
      .merge, "the parts have different things here", file: file, path: path,
      expected: "\(otherFound), as in \(visible(other))", found: found)
  }

  package static func cutTieCameApart(
    path: Path, file: String, otherPath: Path, other: String, difference: String
  )
    -> RefxError
  {
    RefxError(
      .merge,
      "this shared value was cut by the partition, and its copies have come apart: it \(difference) "
        + "\(visible(otherPath.text)) in \(visible(other))",
      file: file, path: path, advice: "train or copy both, or take both from one side, then merge again")
  }

  // MARK: Changing trees

  package static func cannotCast(from: DType, to: DType) -> RefxError {
    RefxError(.usage, "\(from.name) cannot be cast to \(to.name)")
  }

  package static func castLosesValue(_ value: String, to dtype: DType, path: Path) -> RefxError {
    RefxError(.cast, "\(value) cannot be held by \(dtype.name)", path: path, advice: "choose a wider dtype")
  }

  package static func sameName(_ name: Path, first: Path, second: Path) -> RefxError {
    RefxError(
      .refusal, "two leaves would fall on one name: \(visible(first.text)) and \(visible(second.text))",
      path: name,
      advice: "choose another separator")
  }

  package static func sharedSubtreeCannotBeFlattened(path: Path) -> RefxError {
    RefxError(
      .refusal, "a shared value with members stands at several places, which flat names cannot say",
      path: path,
      advice: "leave out --flatten")
  }

  package static func tooDeepNames(path: Path) -> RefxError {
    RefxError(
      .limit, "the name has too many parts", path: path,
      expected: "a tree of at most \(maximumTreeDepth) levels",
      advice: "choose another separator")
  }

  // MARK: Codable bridge

  package static func modelTooDeep(path: Path) -> RefxError {
    RefxError(
      .limit, "the model is too deep", path: path.shortened, expected: "at most \(maximumTreeDepth) levels",
      found: "more", advice: "keep long chains in an array")
  }

  static func liveTreeTooLarge(limit: Int, path: Path) -> RefxError {
    RefxError(
      .limit,
      "the tree of the model is too large: a class instance stands at each of its sites with all it holds",
      path: path.shortened, expected: "at most \(limit) nodes", found: "more",
      advice: "hold what is shared so often in a Ref")
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
      expected: "keys that encode as one string or number", advice: "make the keys strings, or store an array"
    )
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

  /// A tree that does not fit a model, with every difference.
  ///
  /// - Parameter remarks: further lines, about what was asked for.
  package static func mismatch(_ differences: [Difference], remarks: [String] = []) -> RefxError {
    let count = differences.count == 1 ? "in one place" : "in \(differences.count) places"
    return RefxError(
      .mismatch, "the checkpoint does not fit the model \(count); nothing was assigned",
      details: differences.map(\.description) + remarks)
  }

  /// What is said of a leniency for some places beside differences that it might have been meant for.
  static func unusedAllowance(_ kind: String, _ places: String) -> String {
    "nothing that is \(kind) was found at \(places), where it is allowed"
  }

  /// What is said of a part of a selection beside differences.
  static func idleSelection(_ part: String) -> String {
    "the selection of \(part) chooses nothing in the model"
  }

  static func selectsNothing(_ part: String, known: [CollectionTag]) -> RefxError {
    let collections = known.isEmpty ? "none" : known.map(\.description).joined(separator: ", ")
    return RefxError(
      .mismatch, "\(idleSelection(part)), so nothing was assigned",
      advice: "name a collection of the model (\(collections)), or the paths of leaves and Refs")
  }

  /// Refs of required collections that would stay as they are.
  static func requiredCollections(_ gaps: [RequiredGap]) -> RefxError {
    var collections: [CollectionTag] = []
    for gap in gaps where collections.last != gap.collection { collections.append(gap.collection) }
    let sentences = collections.map { collection in
      let own = gaps.filter { $0.collection == collection }
      let paths = own.compactMap(\.path).map { $0.isRoot ? "the root" : $0.text }
      if paths.isEmpty { return "the collection '\(collection)' is required, and \(own[0].reason)" }
      let more = paths.count > 3 ? " and \(paths.count - 3) more" : ""
      let shown = paths.prefix(3).joined(separator: ", ") + more
      return "the collection '\(collection)' is required, and would not be restored at \(shown)"
    }
    return RefxError(
      .mismatch, sentences.joined(separator: "; ") + "; nothing was assigned",
      details: gaps.filter { $0.path != nil }.map(\.line))
  }

  package static func modelRefuses(_ type: Any.Type, _ error: any Error, path: Path) -> RefxError {
    RefxError(.mismatch, "\(type) cannot be decoded: \(error)", path: path, cause: error)
  }

  package static func notDecodable(_ type: Any.Type, path: Path) -> RefxError {
    RefxError(.model, "\(type) cannot be decoded", path: path, advice: "make its value Codable")
  }

  package static func treeTooNested(path: Path) -> RefxError {
    RefxError(
      .limit, "the values lie too deep in each other", path: path.shortened,
      expected: "at most \(maximumTreeDepth) levels", found: "more")
  }

  package static func ringOfRefs(path: Path) -> RefxError {
    RefxError(.refusal, "the Refs hold each other and no value", path: path)
  }

  @usableFromInline
  static func refWithoutValue(_ collection: CollectionTag?) -> RefxError {
    let whose = collection.map { " of collection '\($0)'" } ?? ""
    return RefxError(
      .refusal, "a Ref\(whose) is not set", expected: "a value before the first read", found: "none",
      advice: "assign a field in its initializer, and do not read Refs in init(from:)")
  }

  // MARK: Descriptions of trees, flat formats

  package static func notATreeDescription(_ expected: String, path: Path) -> RefxError {
    RefxError(
      .damaged, "the description of the tree is malformed", path: path, expected: expected,
      found: "something else")
  }

  package static func treeTooDeep(limit: Int, path: Path) -> RefxError {
    // The path itself is as deep as that, so its beginning stands for it.
    RefxError(
      .limit, "the tree is too deep", path: Path(Array(path.keys.prefix(8))),
      expected: "at most \(limit) levels",
      found: "more below here")
  }

  package static func twoLeavesOfOneName(_ name: String, _ one: Path, _ other: Path, format: String)
    -> RefxError
  {
    RefxError(
      .unsupported, path: other, expected: "a name of its own",
      found: "\"\(name)\", which is \(one.isRoot ? "the root" : one.text)'s name in \(format)",
      advice: "choose another separator with --flatten")
  }

  package static func sharingRefused(_ one: Path, _ other: Path, format: String) -> RefxError {
    RefxError(
      .refusal, "\(format) holds no sharing, and --shared error was asked for", path: other,
      expected: "a value of its own", found: "the one of \(one.isRoot ? "the root" : one.text)",
      advice: "use --shared keep or duplicate")
  }

  package static func endlessCopy(index: Int, path: Path) -> RefxError {
    RefxError(
      .refusal, "the shared value #\(index) contains itself, so it cannot be given to each site as a copy",
      path: path, advice: "use --shared keep")
  }

  package static func tooManyCopies(limit: Int, path: Path) -> RefxError {
    RefxError(
      .limit, "copies of what is shared make the tree too large", path: path,
      expected: "at most \(limit) nodes",
      found: "more", advice: "use --shared keep")
  }

  package static func dtypeNotInFormat(_ dtype: DType, path: Path, format: String) -> RefxError {
    RefxError(
      .unsupported, "\(format) cannot hold a leaf of \(dtype.name)", path: path,
      advice: "cast it, or choose .refx or .h5")
  }

  package static func descriptionOfOtherVersion(_ version: Int64, known: Int64) -> RefxError {
    RefxError(
      .version, "the description of the tree is of a version that this release does not know",
      expected: "version \(known)", found: "version \(version)",
      advice: "read it with a newer release"
    )
    .damagedUnless(version > known)
  }

  package static func overLimit(_ what: String, limit: Int, at offset: Int? = nil) -> RefxError {
    RefxError(.limit, what, place: offset.map { .byte($0) }, expected: "at most \(limit)", found: "more")
  }

  package static func descriptionDoesNotFit(_ what: String, path: Path? = nil) -> RefxError {
    RefxError(
      .damaged, "the description of the tree does not fit the file: \(what)", path: path,
      advice:
        "some program changed the file and kept the description; without it (the metadata key \"refx\", in an "
        + "npz the array \"__refx__\") the file reads as a row of names")
  }

  // MARK: safetensors

  package static func safetensorsIsAnother(_ kind: String) -> RefxError {
    RefxError(.notACheckpoint, "this is no safetensors file but \(kind)")
  }

  package static func safetensorsHeaderOverLimit(_ length: UInt64, limit: Int) -> RefxError {
    RefxError(
      .damaged, place: .byte(0), expected: "a header of at most \(limit) bytes",
      found: "a length of \(length)",
      advice: "the file is damaged or of another format")
  }

  package static func safetensorsHeaderCut(_ length: UInt64, available: Int) -> RefxError {
    RefxError(
      .cut, place: .byte(0), expected: "a header of \(length) bytes",
      found: "\(available) bytes after its length", advice: "the file is cut or of another format")
  }

  package static func notSafetensors(found: String) -> RefxError {
    RefxError(
      .notACheckpoint, place: .byte(8), expected: "a safetensors header, which begins with '{'", found: found)
  }

  package static func safetensorsTensor(
    _ name: Key, _ expected: String, found: String, at offset: Int? = nil
  ) -> RefxError {
    RefxError(
      .damaged, path: [name], place: offset.map { .byte($0) }, expected: expected, found: found)
  }

  package static func safetensorsUncovered(_ what: String, at offset: Int) -> RefxError {
    RefxError(
      .damaged, place: .byte(offset), expected: "tensors that cover the data without holes and overlaps",
      found: what, advice: "the file is cut, damaged, or carries something else behind its tensors")
  }

  package static func safetensorsHeaderTooLong(_ length: Int, limit: Int) -> RefxError {
    RefxError(
      .limit, "the names and the description need a header of \(length) bytes", expected: "at most \(limit)",
      found: "more", advice: "choose .refx or .h5")
  }

  package static func proposedTieIsTaken(_ dropped: Path, kept: Path) -> RefxError {
    RefxError(
      .refusal, "something stands here, so it cannot become a further site of the value at \(kept.text)",
      path: dropped)
  }

  // MARK: Shards

  package static func shardsNeedFiles(limit: Int) -> RefxError {
    RefxError(
      .usage, "values of more than \(limit) bytes go to several files, and one stream is one file",
      advice: "name a file, or leave out --max-shard-size")
  }

  package static func shardsNeedSuffix(file: String) -> RefxError {
    RefxError(
      .usage, file: file, expected: "a name that ends in .safetensors, from which shards get theirs",
      found: "another", advice: "choose such a name, or leave out --max-shard-size")
  }

  package static func formatHasNoShards(_ format: String) -> RefxError {
    RefxError(
      .usage, "\(format) is never spread over several files",
      advice: "choose .safetensors, or leave out --max-shard-size")
  }

  package static func earlierFiles(_ files: [String], of path: String) -> RefxError {
    let most = 20
    var details = files.prefix(most).map { $0 }
    if files.count > most { details.append("and \(files.count - most) more") }
    return RefxError(
      .exists, "files of an earlier save are there, which would stand beside the new ones", file: path,
      advice: "choose another name, or say that all of them may be replaced (--force)",
      details: details)
  }

  package static func safetensorsIndexTooLong(_ count: Int, limit: Int) -> RefxError {
    RefxError(
      .limit, "the index of shards is too long", expected: "at most \(limit) bytes", found: "\(count)",
      advice: "the file is of another format, or damaged")
  }

  package static func safetensorsIndexHasNoMap() -> RefxError {
    RefxError(
      .notACheckpoint, "this is JSON text, and no index of safetensors files",
      expected: "a member \"weight_map\"",
      found: "none",
      advice: "check the name; a .safetensors file begins with eight bytes of length, not with text")
  }

  package static func safetensorsIndexIsNone() -> RefxError {
    RefxError(
      .notACheckpoint, "this is no index of safetensors files, as its name says it is",
      expected: "a JSON object with a member \"weight_map\"", found: "text that begins otherwise",
      advice: "download the file again, or name the .safetensors file itself")
  }

  package static func safetensorsIndexAlone() -> RefxError {
    RefxError(
      .unsupported, "the index of shards names files beside it, and what is read here lies in no folder",
      advice: "name the index file itself")
  }

  package static func safetensorsShardElsewhere(_ shard: String, at offset: Int) -> RefxError {
    RefxError(
      .damaged, place: .byte(offset), expected: "the name of a file beside the index", found: "\"\(shard)\"",
      advice: "do not trust the file: an index never leads elsewhere")
  }

  package static func safetensorsShardUnreadable(_ shard: String, _ error: RefxError) -> RefxError {
    RefxError(
      error.code,
      "the shard \"\(shard)\", which the index names, cannot be opened: \(error.message)"
        + (error.found.map { "expected \(error.expected ?? "a file"), found \($0)" } ?? ""),
      advice: "download or copy all files that the index names to its folder", cause: error)
  }

  package static func safetensorsTensorNotInIndex(_ name: Key, shard: String) -> RefxError {
    RefxError(
      .damaged, "the shard \"\(shard)\" has this tensor, and the index does not say so", path: [name],
      advice: "the index or the shard is of another save; download or copy all of them again")
  }

  package static func safetensorsTensorNotInShard(_ name: Key, shard: String) -> RefxError {
    RefxError(
      .damaged, "the index says that the shard \"\(shard)\" has this tensor, and it does not", path: [name],
      advice: "the index or the shard is of another save; download or copy all of them again")
  }

  package static func negativeSize(at offset: Int) -> RefxError {
    RefxError(.damaged, place: .byte(offset), expected: "an integer of at least 0", found: "a negative one")
  }

  package static func boolOfAnotherByte(at offset: Int) -> RefxError {
    elementOfAnotherByte(.bool, at: offset)
  }

  /// Of a dtype that does not take any byte.
  package static func elementOfAnotherByte(_ dtype: DType, at offset: Int) -> RefxError {
    RefxError(
      .damaged, place: .byte(offset), expected: dtype.elementInWords, found: "another byte")
  }

  // MARK: Front door

  package static func impostor(_ sentence: String, advice: String, file: String) -> RefxError {
    RefxError(.notACheckpoint, sentence, file: file, advice: advice)
  }

  package static func unknownFormat(file: String, known: [String]) -> RefxError {
    RefxError(
      .notACheckpoint, file: file, expected: "a checkpoint (\(known.joined(separator: ", ")))",
      found: "content of no format that is known",
      advice: "check where the file comes from, or name its format")
  }

  package static func unknownSuffix(file: String, known: [String]) -> RefxError {
    RefxError(
      .unsupported, file: file, expected: "a name that ends in \(known.joined(separator: ", "))",
      found: "no such suffix", advice: "choose one of them or name the format")
  }

  package static func noSuchFormat(_ name: String, known: [String]) -> RefxError {
    RefxError(
      .unsupported, expected: "one of \(known.joined(separator: ", "))", found: "the format '\(name)'",
      advice: Nearest.advice(name, among: known))
  }

  // MARK: The words of a command line

  /// The one of `known` that was meant, or all of them.
  private static func known(_ known: [String], near name: String) -> String {
    Nearest.advice(name, among: known) ?? "known are \(known.joined(separator: ", "))"
  }

  package static func unknownOption(_ option: String, meant: String?, help: String) -> RefxError {
    RefxError(.usage, "unknown option \(option)", advice: meant.map { "did you mean \($0)?" } ?? help)
  }

  package static func optionBeforeCommand(_ option: String, program: String) -> RefxError {
    RefxError(
      .usage, "\(option) stands before the command", advice: "write it behind: \(program) COMMAND \(option)")
  }

  package static func missingValue(
    _ option: String, of name: String, values: [String], help: String
  ) -> RefxError {
    RefxError(
      .usage, "\(option) needs a value: \(name)",
      advice: values.isEmpty ? help : "known are \(values.joined(separator: ", "))")
  }

  package static func valueNotKnown(_ value: String, of option: String, known: [String]) -> RefxError {
    RefxError(.usage, "\(option) cannot take '\(value)'", advice: self.known(known, near: value))
  }

  package static func flagTakesNoValue(_ option: String) -> RefxError {
    RefxError(.usage, "\(option) takes no value", advice: "write \(option) alone")
  }

  package static func missingArgument(_ name: String, what: String, usage: String) -> RefxError {
    RefxError(.usage, "\(name) is missing: \(startingSmall(what))", advice: "usage: \(usage)")
  }

  package static func missingOption(_ name: String, what: String, usage: String) -> RefxError {
    RefxError(.usage, "\(name) is missing: \(startingSmall(what))", advice: "usage: \(usage)")
  }

  package static func unexpectedArgument(_ argument: String, usage: String) -> RefxError {
    RefxError(.usage, "'\(argument)' is one argument too many", advice: "usage: \(usage)")
  }

  package static func noManual() -> RefxError {
    RefxError(.system, "the commands do not describe themselves in a form that is known")
  }

  /// `the checkpoint` of `The checkpoint.`, to go on with within a sentence.
  private static func startingSmall(_ text: String) -> String {
    let text = text.hasSuffix(".") ? String(text.dropLast()) : text
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  // MARK: Zip and NumPy

  package static func zipDamaged(_ what: String, at offset: Int) -> RefxError {
    RefxError(
      .damaged, "the zip archive cannot be read: \(what)", place: .byte(offset),
      advice: "copy or download it again")
  }

  package static func zipCut(size: Int) -> RefxError {
    RefxError(
      .cut, "the zip archive has no end", place: .byte(size),
      advice: "copy or download it again: its end was not written, or something was written behind it")
  }

  package static func zipMember(_ name: String, _ what: String, at offset: Int) -> RefxError {
    RefxError(.damaged, "the member \"\(name)\" of the zip archive \(what)", place: .byte(offset))
  }

  package static func zipChecksumDiffers(_ name: String, expected: UInt32, found: UInt32) -> RefxError {
    RefxError(
      .damaged, "the member \"\(name)\" of the zip archive is not what was saved",
      expected: "CRC-32 \(digits(expected))", found: digits(found),
      advice: "restore the file from a copy")
  }

  /// - Parameter member: the name of the array in an archive; nil where the file is one array.
  package static func numpyDamaged(_ what: String, found: String? = nil, at offset: Int? = nil) -> RefxError {
    RefxError(
      .damaged, place: offset.map { .byte($0) }, expected: what, found: found,
      advice: "save the array again with numpy.save")
  }

  package static func numpyShapeTooLarge(_ shape: [Int], at offset: Int) -> RefxError {
    RefxError(
      .damaged, "the array's shape \(shape) stands for more bytes than any file can have",
      place: .byte(offset),
      advice: "save the array again with numpy.save")
  }

  package static func numpyNoArray(_ name: String) -> RefxError {
    RefxError(
      .unsupported, "the member \"\(name)\" is no array of NumPy: its name does not end in .npy",
      advice: "leave it out of the archive")
  }

  package static func numpyNeedsOneArray(found: String) -> RefxError {
    RefxError(
      .unsupported, path: .root, expected: "one array as the whole tree, which is all that a .npy file holds",
      found: found, advice: "write .npz, or take one array out with: refx get FILE PATH -o OUT.npy")
  }

  package static func numpyHasNoType(_ dtype: DType) -> RefxError {
    RefxError(
      .unsupported, "NumPy has no type for \(dtype.name), and a .npy file cannot say what its bytes are",
      path: .root, advice: "cast it (--dtype \(dtype.name)=float32), or write .npz, which can")
  }

  package static func numpyRankTooLarge(_ rank: Int, limit: Int) -> RefxError {
    RefxError(
      .unsupported, "the leaf has more dimensions than NumPy reads", expected: "at most \(limit)",
      found: "\(rank)", advice: "choose .refx")
  }

  package static func numpyTextEndsInNUL() -> RefxError {
    RefxError(
      .unsupported, "NumPy takes NUL characters at the end of a text for filling, so they would be lost",
      advice: "write .npz, which can hold them")
  }

  package static func numpyTextTooLong(_ characters: Int, limit: Int) -> RefxError {
    RefxError(
      .limit, "a text is too long for NumPy's type", expected: "at most \(limit) characters",
      found: "\(characters)", advice: "choose .refx or .h5")
  }

  package static func zipNameTooLong(_ count: Int) -> RefxError {
    RefxError(
      .limit, "a name is too long for a zip archive", expected: "at most 65535 bytes", found: "\(count)",
      advice: "choose .refx or .h5")
  }
}

extension RefxError {
  // MARK: Salvage

  /// Something that leaves cannot be saved without.
  package static func notOfALeaf(_ what: String, path: Path?) -> RefxError {
    RefxError(
      .damaged, "what is damaged is no leaf, so nothing can be saved without it: \(what)", path: path,
      advice: "copy or download the file again")
  }

  /// A word on a format that keeps no checksums.
  package static func salvageWithoutChecksums(format: String) -> String {
    "\(format) files of this kind keep no checksums: what cannot be decoded is left out; a changed number that still "
      + "decodes cannot be told from a sound one"
  }
}

extension RefxError {
  // MARK: GGUF

  package static func notGGUF(found start: [UInt8]) -> RefxError {
    let digits = start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return RefxError(
      .notACheckpoint, place: .byte(0), expected: "the signature GGUF", found: "the bytes \(digits)",
      advice: "check where the file comes from")
  }

  package static func ggufOlder(_ name: String) -> RefxError {
    RefxError(
      .notACheckpoint, "this is a file of \(name), the format before GGUF", place: .byte(0),
      advice: "convert it with the scripts of llama.cpp, or download the model as GGUF")
  }

  package static func ggufVersion(_ version: UInt32) -> RefxError {
    RefxError(
      .version, place: .byte(4), expected: "a GGUF file of version 1, 2 or 3", found: "version \(version)",
      advice: "read it with a newer release, or download it again")
  }

  package static func ggufDamaged(_ expected: String, found: String, at offset: Int) -> RefxError {
    RefxError(
      .damaged, "the GGUF file cannot be read", place: .byte(offset), expected: expected, found: found,
      advice: "copy or download it again")
  }

  /// A count of something that cannot stand in what is left of the file.
  package static func ggufCut(_ what: String, _ count: UInt64, most: Int, at offset: Int) -> RefxError {
    RefxError(
      .cut, "the file is cut, or its lengths are damaged", place: .byte(offset),
      expected: "at most \(most) \(what), for which there is room", found: "\(count)",
      advice: "copy or download it again")
  }

  package static func ggufDataCut(_ count: Int, at offset: Int, size: Int) -> RefxError {
    RefxError(
      .cut, "the data of this tensor is not all there", place: .byte(offset), expected: "\(count) bytes",
      found: "the end of the file at byte \(size)", advice: "copy or download it again")
  }

  package static func ggufOverlap(_ one: Key, _ other: Key, at offset: Int) -> RefxError {
    RefxError(
      .damaged, path: [one], place: .byte(offset), expected: "data of its own",
      found: "bytes that belong to \"\(other)\" too", advice: "copy or download the file again")
  }
}

extension RefxError {
  // MARK: MessagePack

  package static func msgpackDamaged(_ expected: String, found: String, at offset: Int) -> RefxError {
    RefxError(
      .damaged, "the MessagePack document cannot be read", place: .byte(offset), expected: expected,
      found: found,
      advice: "copy the file again, or save it again with flax.serialization")
  }

  /// A length, or a number of members, that cannot stand in what is left of the file.
  package static func msgpackCut(_ count: Int, left: Int, at offset: Int) -> RefxError {
    RefxError(
      .cut, "the file is cut, or its lengths are damaged", place: .byte(offset),
      expected: "a length of at most \(left), for which there is room", found: "\(count)",
      advice: "copy or download it again")
  }

  package static func msgpackGoesOn(_ count: Int, at offset: Int) -> RefxError {
    RefxError(
      .damaged, place: .byte(offset), expected: "the end of the file behind its MessagePack document",
      found: "\(count) more bytes", advice: "the file is damaged or of another format")
  }
}

extension RefxError {
  // MARK: Keras

  package static func kerasWithoutWeights(_ name: String, found names: [String]) -> RefxError {
    let some = names.prefix(8).joined(separator: ", ")
    return RefxError(
      .unsupported, "the archive has no weights that are read", expected: "the member \(name)",
      found: some.isEmpty ? "none" : names.count > 8 ? "\(some), …" : some,
      advice: "save the model in one file with model.save")
  }
}

extension RefxError {
  // MARK: PyTorch

  package static func pickleDamaged(_ what: String, at offset: Int) -> RefxError {
    RefxError(
      .damaged, "the pickle cannot be read: \(what)", place: .byte(offset),
      advice: "copy or download the file again")
  }

  package static func pickleLineTooLong(_ what: String, limit: Int, at offset: Int) -> RefxError {
    RefxError(
      .limit, "\(what) in the pickle, which stands in a line of its own, is too long", place: .byte(offset),
      expected: "at most \(limit) bytes", advice: "the file is damaged, or made to take time and memory")
  }

  package static func pickleVersion(_ version: Int, at offset: Int) -> RefxError {
    RefxError(
      .version, "the pickle is of a protocol that is not known", place: .byte(offset), expected: "0 to 5",
      found: "\(version)")
  }

  package static func pickleUnsupported(_ what: String, at offset: Int) -> RefxError {
    RefxError(
      .unsupported, "the pickle refers to \(what)", place: .byte(offset),
      advice: "load it in Python and save tensors and plain containers alone with torch.save")
  }

  /// - Parameter further: how many names there are beside these.
  package static func pickleNames(_ names: [String], further: Int) -> RefxError {
    let more = further > 0 ? " and \(further) more" : ""
    return RefxError(
      .unsupported,
      "the pickle names \(names.joined(separator: ", "))\(more), and to bring such things back would be to run a "
        + "program, which is never done",
      advice: "load it in Python where you trust it, and save tensors and plain containers alone, such as "
        + "model.state_dict()")
  }

  package static func torchOutside(
    shape: [Int], strides: [Int], offset: Int64, byteCount: Int, at place: Int
  ) -> RefxError {
    RefxError(
      .damaged,
      "a tensor of the shape \(shape), with the strides \(strides), from element \(offset) on, does not lie in the "
        + "\(byteCount) bytes of its storage", place: .byte(place), advice: "copy or download the file again")
  }

  package static func pickleHoldsAName() -> RefxError {
    RefxError(
      .unsupported, "the pickle holds a class or a function as a value",
      advice: "save tensors and plain containers alone, such as model.state_dict()")
  }

  package static func pickleExplodes() -> RefxError {
    RefxError(
      .limit, "containers stand in each other so often that the tree is out of all proportion to the pickle",
      advice: "save each container once")
  }

  package static func pickleContainsItself() -> RefxError {
    RefxError(
      .unsupported, "a list, tuple or dictionary contains itself, which no tree says of a container",
      advice: "save it without the reference to itself")
  }

  package static func pickleKeyTwice(_ key: Key) -> RefxError {
    RefxError(
      .unsupported, "two keys of a dictionary have the name \"\(key)\" once they are text",
      advice: "save it with keys that differ as text")
  }

  package static func pickleKey() -> RefxError {
    RefxError(
      .unsupported, expected: "keys that are texts, numbers, booleans, None, or tuples of these",
      found: "a key of another kind", advice: "save the dictionary with texts as its keys")
  }

  package static func pickleBool() -> RefxError {
    RefxError(.damaged, expected: "a bool of 0 or 1", found: "another byte")
  }

  package static func torchArchiveWithoutPickle() -> RefxError {
    RefxError(
      .notACheckpoint, "the zip archive is none of torch.save: no member is data.pkl in a folder",
      advice: "check where the file comes from, or name its format")
  }

  package static func torchArchiveOfSeveral(_ names: [String]) -> RefxError {
    RefxError(
      .damaged, "the zip archive has more than one pickle",
      found: names.prefix(3).map { "\"\($0)\"" }.joined(separator: ", "))
  }

  package static func torchExport() -> RefxError {
    RefxError(
      .unsupported, "the file is a program of torch.export with its weights, which is not read",
      advice: "load it with torch.export.load where you trust it, and save its state_dict with torch.save")
  }

  package static func torchScript() -> RefxError {
    RefxError(
      .unsupported, "the file is a TorchScript archive, a program with its weights, which is not read",
      advice: "load it with torch.jit.load where you trust it, and save its state_dict() with torch.save")
  }

  package static func torchByteOrder(_ found: String) -> RefxError {
    RefxError(.damaged, "the order of bytes", expected: "little or big", found: "\"\(found)\"")
  }

  package static func torchVersion(_ version: Int) -> RefxError {
    RefxError(
      .version, "the archive has a newer version", expected: "at most 10", found: "\(version)",
      advice: "read it with a newer release")
  }

  package static func torchStorageMissing(_ name: String) -> RefxError {
    RefxError(
      .damaged, "the storage \"\(name)\" is not in the file", advice: "copy or download the file again")
  }

  package static func torchStorageSize(
    _ name: String, expected: Int, found: Int, unit: String = "bytes", at offset: Int? = nil
  ) -> RefxError {
    RefxError(
      .damaged, "the storage \"\(name)\"", place: offset.map { .byte($0) }, expected: "\(expected) bytes",
      found: "\(found) \(unit)", advice: "copy or download the file again")
  }

  package static func torchTrailing(_ count: Int, at offset: Int) -> RefxError {
    RefxError(
      .damaged, "\(count == 1 ? "1 byte follows" : "\(count) bytes follow") what the file says it holds",
      place: .byte(offset),
      advice: "save each object to a file of its own")
  }

  package static func torchTextStorage(at offset: Int) -> RefxError {
    RefxError(
      .unsupported,
      "the pickle refers to a storage by a text, as protocol 0 does, from which torch.load brings back no tensor either",
      place: .byte(offset), advice: "save it again with pickle_protocol=2 or a later one")
  }

  package static func torchTar() -> RefxError {
    RefxError(
      .version, "the file is a tar archive, as PyTorch wrote them before 0.1.10, which is not read",
      advice: "load it with an old release of PyTorch and save it again")
  }

  package static func noPyTorch(_ guess: String?) -> RefxError {
    RefxError(
      .notACheckpoint, expected: "a file of torch.save: a zip archive, or pickles with torch's magic number",
      found: guess ?? "something else", advice: "check where the file comes from, or name its format")
  }
}

extension RefxError {
  // MARK: Rules

  /// The same error, said of a rule.
  package func ofRule(_ number: Int, _ rule: String) -> RefxError {
    var copy = self
    copy.message = "rule \(number) (\(rule)): " + message
    return copy
  }

  package static func badRegularExpression(_ text: String, character: Int?, _ reason: String) -> RefxError {
    RefxError(
      .usage,
      "the pattern '\(text)' is no regular expression: \(reason)"
        + (character.map { ", at character \($0)" } ?? ""))
  }

  package static func regularExpressionTooSlow(_ pattern: String, on text: String) -> RefxError {
    RefxError(
      .limit, "whether the pattern '\(pattern)' matches '\(text)' takes too many steps to find out",
      advice: "write it without a repetition inside a repetition, such as (a+)+")
  }

  package static func noSuchGroup(_ name: String, groups: Int, pattern: String) -> RefxError {
    RefxError(
      .usage,
      "\(name) stands for no group: the pattern '\(pattern)' has \(groups == 0 ? "none" : "\(groups)")",
      advice: "put the part of the pattern that is meant in parentheses")
  }

  package static func loneDollar(_ text: String) -> RefxError {
    RefxError(
      .usage, "a $ in '\(text)' stands for nothing", expected: "$1, ${12}, ${name} or $0",
      advice: "write $$ for a dollar")
  }

  package static func emptySeparator() -> RefxError {
    RefxError(.usage, "the separator is empty", advice: "give one, such as .")
  }

  package static func noPermutation(_ axes: [Int]) -> RefxError {
    RefxError(
      .usage, "the axes \(axes) are no order", expected: "each of 0 to \(max(axes.count, 1) - 1) once")
  }

  package static func nothingToTie() -> RefxError {
    RefxError(.usage, "no pattern says what to tie", advice: "give one or more")
  }

  package static func axesDoNotFit(_ axes: [Int], shape: [Int]) -> RefxError {
    RefxError(.refusal, "the axes \(axes) do not fit an array of the shape \(shape)")
  }

  package static func cannotTranspose(_ dtype: DType) -> RefxError {
    RefxError(.refusal, "an array of \(dtype.name) cannot be transposed")
  }

  package static func renamedToEmptyKey(_ text: String, _ path: Path) -> RefxError {
    RefxError(
      .refusal, "it would be called '\(text)', which has an empty key", path: path,
      advice: "look for a group that matched nothing; an empty key is written ~2")
  }

  package static func renamedToBadPath(_ text: String, _ path: Path) -> RefxError {
    RefxError(
      .refusal, "it would be called '\(text)', which is no path", path: path,
      advice: "a ~ is written ~0, a / inside a key ~1, an empty key ~2")
  }

  package static func renamedTooLong(_ path: Path) -> RefxError {
    RefxError(.limit, "its new name would be longer than a MiB", path: Path(Array(path.keys.prefix(8))))
  }

  package static func movedOutOfSharedSubtree(_ path: Path, to new: Path, sites: [Path]) -> RefxError {
    let names =
      sites.prefix(3).map { "'\($0.text)'" }.joined(separator: ", ") + (sites.count > 3 ? ", …" : "")
    return RefxError(
      .refusal,
      "it lies in a shared subtree, which stands at \(names), and would leave it for '\(new.text)'; at the other "
        + "sites it would vanish", path: path,
      advice: "rename the subtree as a whole, or untie it first")
  }

  package static func tooManyCopies(at path: Path) -> RefxError {
    RefxError(.limit, "untying copies subtrees inside each other too often", path: path)
  }

  package static func tiedValuesDiffer(_ path: Path, _ other: Path, difference: String) -> RefxError {
    RefxError(
      .refusal, "cannot be tied to '\(other.text)', whose value is not the same: one \(difference)",
      path: path,
      advice: "say which one wins (--take PATH; in a rule: take)")
  }

  package static func tiedCollectionsDiffer(
    _ path: Path, _ collection: CollectionTag, _ other: Path, _ otherCollection: CollectionTag
  ) -> RefxError {
    RefxError(
      .refusal,
      "is of collection '\(collection)' and cannot be tied to '\(other.text)', which is of another collection: "
        + "'\(otherCollection)'", path: path,
      advice:
        "say which collection it is to be (--collection NAME), or which one wins (--take PATH; in a rule: take)"
    )
  }

  package static func nothingTaken(_ sites: [Path]) -> RefxError {
    let names =
      sites.prefix(3).map { "'\($0.text)'" }.joined(separator: ", ") + (sites.count > 3 ? ", …" : "")
    return RefxError(.refusal, "take matches none of the sites to tie: \(names)")
  }

  package static func severalTaken(_ path: Path, _ other: Path) -> RefxError {
    RefxError(
      .refusal, "take matches this and '\(other.text)', which are two values", path: path,
      advice: "let it match the one that wins")
  }

  package static func rulesOnAPart(_ rule: String) -> RefxError {
    RefxError(
      .refusal, "this file is a part of a partition, which \(rule) would make unfit to be merged",
      advice: "merge the parts first; cast and transpose may act on a part")
  }

  package static func rulesCollide(_ collisions: [String]) -> RefxError {
    let count = collisions.count == 1 ? "two sites" : "sites, \(collisions.count) times,"
    return RefxError(
      .refusal, "the rules would put \(count) on one path", advice: "rename one of them, or drop it",
      details: collisions)
  }

  package static func rulesBreakLists(_ lists: [String]) -> RefxError {
    RefxError(
      .refusal, "the rules would leave gaps in \(lists.count == 1 ? "a list" : "\(lists.count) lists")",
      advice: "rename its other members as well, so that they count from 0, or move all of them",
      details: lists)
  }

  package static func rulesNotStrict(_ problems: [String], unused: Int, half: Int, unmapped: Int) -> RefxError
  {
    let counts = [(unused, "unused rule"), (half, "half-matched tie"), (unmapped, "unmapped path")]
    let words = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
      .joined(separator: ", ")
    return RefxError(
      .refusal, "the rules do not fit as --strict demands: \(words)",
      advice: "mend the rules, or leave --strict out",
      details: problems)
  }

  // MARK: Rules files

  /// What is wrong with a rules file as a whole.
  package static func rulesFile(_ what: String, file: String, expected: String? = nil, found: String? = nil)
    -> RefxError
  {
    RefxError(.usage, what, file: file, expected: expected, found: found)
  }

  package static func badTOML(_ what: String, line: Int, column: Int, file: String) -> RefxError {
    let place = line > 0 ? "line \(line), column \(column): " : ""
    return RefxError(.usage, "\(place)this is no TOML: \(what)", file: file)
  }

  /// What is wrong with one rule.
  package static func inRule(
    _ number: Int, _ what: String, expected: String? = nil, found: String? = nil, advice: String? = nil,
    file: String
  ) -> RefxError {
    RefxError(
      .usage, "rule \(number): \(what)", file: file, expected: expected, found: found, advice: advice)
  }
}

extension RefxError {
  // MARK: Versions of models

  /// The same error, said of a migration.
  package func ofMigration(from: Int, to: Int) -> RefxError {
    var copy = self
    copy.message = "migrating from version \(from) to \(to): " + message
    return copy
  }

  package static func badStructureVersion() -> RefxError {
    RefxError(.damaged, "refx_structure_version in the metadata is no version", expected: "an integer")
  }

  package static func structureOfTheFuture(_ version: Int, known: Int) -> RefxError {
    RefxError(
      .version, "the file is of a later version of this model's structure", expected: "at most \(known)",
      found: "\(version)", advice: "use the program that wrote it, or a newer one")
  }

  package static func noMigration(from: Int, to: Int) -> RefxError {
    RefxError(
      .version, "no migration leads on from version \(from) to version \(to) of this model's structure",
      advice: "add one to the type's migrations")
  }

  package static func badMigration(from: Int, to: [Int], wanted: Int) -> RefxError {
    RefxError(
      .version, "the migrations from version \(from) are not one step on the way to \(wanted)",
      found: "steps to \(to.map(String.init).joined(separator: ", "))",
      advice: "let one migration lead from each version to a later one")
  }
}

// MARK: Three-way merge

extension RefxError {
  package static func tiesTooUnlike(path: Path) -> RefxError {
    RefxError(
      .limit, "base, A and B share their values in ways too unlike each other to be merged", path: path,
      expected: "versions of one checkpoint")
  }

  package static func noDeepStack() -> RefxError {
    RefxError(
      .system, "the system gives no thread with the stack that a deep tree takes",
      advice: "raise the limits of the process")
  }

  package static func threeWayNeedsTwo(found: Int) -> RefxError {
    RefxError(
      .usage, "--base merges exactly two edits of one checkpoint", expected: "A and B",
      found: found == 1 ? "1 file" : "\(found) files")
  }

  package static func standardInputTwice() -> RefxError {
    RefxError(
      .usage, "standard input can be given once", expected: "at most one -", found: "several",
      advice: "write one of them to a file first")
  }
}

// MARK: Tying and untying

extension RefxError {
  package static func tiedInsideItself(_ path: Path, _ inner: Path) -> RefxError {
    RefxError(
      .refusal,
      "cannot be tied to '\(inner.text)', which stands inside its value: the value would hold itself",
      path: path, advice: "tie what lies side by side")
  }

  package static func tiedWhereItGoes(_ path: Path, site: Path) -> RefxError {
    RefxError(
      .refusal, "stands inside the value that gives way, which holds itself, and would go with it",
      path: path,
      advice: "name its site '\(site.text)'")
  }

  package static func tyingNeedsTwoPaths(_ path: Path?) -> RefxError {
    RefxError(
      .usage, "tying takes two different paths or more",
      found: path.map { "only '\($0.text)'" } ?? "none")
  }

  package static func cannotBeTied(_ path: Path, found: String, advice: String?) -> RefxError {
    RefxError(.refusal, path: path, expected: "an array or a Ref to tie", found: found, advice: advice)
  }

  package static func takenIsNotTied(_ path: Path, among paths: [Path]) -> RefxError {
    let names =
      paths.prefix(3).map { "'\($0.text)'" }.joined(separator: ", ") + (paths.count > 3 ? ", …" : "")
    return RefxError(
      .usage, "the site that wins is none of those that are tied", path: path, expected: "one of \(names)")
  }

  package static func nothingToUntie(_ pattern: String) -> RefxError {
    RefxError(
      .noSuchPath, "'\(pattern)' matches no array, Ref or static value",
      advice: "list the paths with: refx inspect")
  }

  package static func untiedInsideShared(_ path: Path, listedAs first: Path, sharedAt site: Path) -> RefxError
  {
    RefxError(
      .refusal,
      "stands inside the shared value at '\(site.text)', where a listing names it '\(first.text)'",
      path: path, advice: "untie '\(site.text)' first")
  }

  // MARK: Lint

  package static func badLintCode(_ text: String, option: String, known: [String]) -> RefxError {
    RefxError(
      .usage, "\(option) cannot take '\(text)'",
      expected: "codes of findings: \(known.joined(separator: ", "))")
  }
}

// MARK: - Steps of a training

extension RefxError.Code {
  /// Somebody called it off.
  public static let cancelled = Self(rawValue: "cancelled")
}

extension RefxError {
  package static func cancelled() -> RefxError {
    RefxError(.cancelled, "the save was called off")
  }

  package static func managerOpenElsewhere(_ folder: String) -> RefxError {
    RefxError(
      .exists, "another checkpoint manager saves to the folder", file: folder,
      advice: "end it first, save to another folder, or only look (StepFolder)")
  }

  package static func stepExists(_ step: Int, folder: String) -> RefxError {
    RefxError(
      .exists, "step \(step) is there already", file: folder,
      advice: "save with replacing: true, or remove the later steps first when going on from an earlier one")
  }

  package static func stepNotCounted(_ step: Int) -> RefxError {
    RefxError(.usage, expected: "a step of 0 or more", found: "\(step)")
  }

  package static func metricNotFinite(_ name: String, _ value: String, step: Int) -> RefxError {
    RefxError(
      .usage, "the metric '\(name)' of step \(step) is \(value), and nothing was saved",
      advice: "look at the training, or save without the metric")
  }

  package static func metadataNotFinite(_ name: String, _ value: String, step: Int) -> RefxError {
    RefxError(
      .usage, "the metadata '\(name)' of step \(step) is \(value), and nothing was saved",
      advice: "look at the training, or save it as a string")
  }

  package static func lockIsAnother(_ found: String, file: String) -> RefxError {
    RefxError(
      .exists, "what is called as the lock of a checkpoint manager is \(found), and was left as it is",
      file: file,
      advice: "give it another name, or save to another folder; the manager makes its own")
  }

  package static func reservedMetadata(_ key: String, step: Int) -> RefxError {
    RefxError(
      .usage, "the metadata of step \(step) has the name '\(key)', which is taken", advice: "choose another")
  }

  package static func stepIsBuiltOn(_ step: Int, by others: [Int], file: String) -> RefxError {
    let some = others.prefix(5).map(String.init).joined(separator: ", ")
    let rest = others.count > 5 ? " and \(others.count - 5) more" : ""
    return RefxError(
      .exists, "step \(step) cannot be replaced: steps \(some)\(rest) hold only what changed since it",
      file: file,
      advice: "save under another number, or remove the later steps first when going on from an earlier one")
  }

  package static func waitsForItself(_ folder: String) -> RefxError {
    RefxError(
      .usage, "a save that is under way would wait for its own end", file: folder,
      advice: "do not save, resume, or finish in what a save calls; tell another thread to do it")
  }

  package static func damagedStep(file: String, reason: String) -> RefxError {
    RefxError(.damaged, "what the file says of its step is damaged: \(reason)", file: file)
  }

  package static func notAStep(file: String) -> RefxError {
    RefxError(
      .notACheckpoint, "the checkpoint is called as a step is, and says nothing of one", file: file,
      advice: "give it another name; it is left alone")
  }

  package static func stepIsNoFile(file: String) -> RefxError {
    RefxError(.notAFile, file: file, expected: "the file of a step", found: "no regular file")
  }

  package static func stepCalledAnother(_ name: Int, is step: Int, file: String) -> RefxError {
    RefxError(
      .notACheckpoint, "the file is called as step \(name) is, and holds step \(step)", file: file,
      advice: "give it its name back")
  }

  package static func stepVanished(_ step: Int, file: String) -> RefxError {
    RefxError(
      .system, "the file of step \(step) was removed by somebody as soon as it was there", file: file,
      advice: "look who removes files there; the training may go on and save again")
  }

  package static func noSuchStep(_ step: Int, known: [Int], folder: String) -> RefxError {
    let some = known.suffix(5).map(String.init).joined(separator: ", ")
    return RefxError(
      .noSuchPath, "there is no whole step \(step)", file: folder,
      advice: known.isEmpty ? "there are no steps at all" : "the latest are \(some)")
  }

  package static func baseStepMissing(_ step: Int, digest: String, file: String) -> RefxError {
    RefxError(
      .damaged, "step \(step) holds what changed since another step, which is not there", file: file,
      expected: "a step whose values have the digest \(digest.prefix(16))…", found: "none",
      advice: "bring it back, or go on from an earlier step")
  }

  package static func policiesDisagree(
    _ path: Path, _ policy: String?, _ other: Path, _ otherPolicy: String?
  ) -> RefxError {
    func said(_ policy: String?) -> String { policy.map { "the policy for \($0)" } ?? "no policy" }
    return RefxError(
      .usage, "two policies disagree about one shared value, and nothing was saved", path: path,
      expected: "one policy for all of its paths",
      found: "\(said(policy)) at \(path), \(said(otherPolicy)) at \(other)",
      advice: "declare behind them a policy that says what is wanted at each of the paths")
  }

  package static func savesNothing(_ part: String, known: [CollectionTag]) -> RefxError {
    let collections = known.isEmpty ? "none" : known.map(\.description).joined(separator: ", ")
    return RefxError(
      .usage, "the selection of what is saved names \(part), and there is no such thing in the model",
      advice: "name a collection of the model (\(collections)), or the paths of leaves and Refs")
  }

  package static func castIsLost(_ path: String) -> RefxError {
    RefxError(
      .damaged, "the step says that an array had another dtype, and there is no such array",
      expected: "an array at \(path)", found: "none")
  }

  package static func stepIsDamaged(_ step: Int, file: String, problems: [String]) -> RefxError {
    RefxError(
      .damaged, "step \(step) was read as a whole, and is damaged", file: file,
      advice: "bring it back from a copy, or go on from another step", details: problems)
  }

  package static func noWholeStep(folder: String, problems: [String]) -> RefxError {
    RefxError(
      .damaged, "the folder has steps, and none of them can be read", file: folder,
      advice: "bring one back, or begin anew in another folder", details: problems)
  }

  /// The error of a save that was made in the background.
  package func ofStep(_ step: Int) -> RefxError {
    var copy = self
    if code == .system, advice == nil {
      copy.advice = "make room, or let the process write there; the training may go on and save again"
    }
    copy.details.append("step \(step) was not saved; earlier steps are as they were")
    return copy
  }

  /// The error of one save, with a word about another that failed, too.
  package func besideStep(_ step: Int, _ other: RefxError) -> RefxError {
    var copy = self
    copy.details.append("step \(step) was not saved either: \(other.summary)")
    return copy
  }

  /// An error of an earlier save, said by a later one.
  package func whileSaving(_ step: Int) -> RefxError {
    var copy = self
    copy.details.append("step \(step) is on its way all the same")
    return copy
  }
}

// MARK: - Ranks

extension RefxError.Code {
  /// Ranks that do not offer pieces of one tree, or that have lost each other.
  public static let ranks = Self(rawValue: "ranks")
}

extension RefxError {
  /// The same error, said of the rank where it came up.
  package func onRank(_ rank: Int, of size: Int) -> RefxError {
    guard size > 1, !message.utf8.starts(with: "on rank ".utf8) else { return self }
    var copy = self
    copy.message = message.isEmpty ? "on rank \(rank)" : "on rank \(rank): \(message)"
    return copy
  }

  package static func ranksOutOfStep() -> RefxError {
    RefxError(
      .ranks, "the ranks are not at the same place of their work",
      advice: "every rank must make the same calls, in the same order")
  }

  package static func rankIsGone() -> RefxError {
    RefxError(
      .ranks, "a rank has ended, and the others cannot go on without it",
      advice: "look for its error, and start anew")
  }

  package static func ranksDisagree(expected: String, found: String, path: Path) -> RefxError {
    RefxError(
      .ranks, "the rank's tree differs from that of rank 0", path: path, expected: expected, found: found,
      advice: "offer the same tree on every rank: nodes, dtypes, whole shapes, ties and collections")
  }

  package static func ranksAskForOther(_ what: String, expected: String, found: String) -> RefxError {
    RefxError(
      .ranks, "the rank asks for another \(what) than rank 0", expected: expected, found: found,
      advice: "give the same arguments on every rank; what it holds is all that may differ")
  }

  package static func ranksLaidOutDifferently() -> RefxError {
    RefxError(
      .ranks, "the rank has laid out another file than rank 0",
      advice: "offer the same tree on every rank: also which values are Refs, and what is said of its nodes")
  }

  package static func pieceOfOtherType(expected: DType, found: DType, path: Path) -> RefxError {
    RefxError(
      .ranks, "a piece has another dtype than its array", path: path, expected: expected.name,
      found: found.name)
  }

  package static func pieceOfOtherShape(expected: [Int], found: [Int], path: Path) -> RefxError {
    RefxError(
      .ranks, "the elements of a piece do not fill it", path: path, expected: "a shape of \(expected)",
      found: "\(found)")
  }

  package static func pieceOutside(offset: [Int], shape: [Int], of whole: [Int], path: Path) -> RefxError {
    RefxError(
      .ranks, "a piece is not inside its array", path: path, expected: "a block of \(whole)",
      found: "one of shape \(shape) at \(offset)",
      advice: "give offset and shape in elements of the whole array")
  }

  package static func pieceOfText(path: Path) -> RefxError {
    RefxError(
      .ranks, "text cannot be cut in pieces", path: path,
      advice: "offer it whole, on one rank or on several")
  }

  package static func arrayTooLarge(dtype: DType, shape: [Int], path: Path) -> RefxError {
    RefxError(.ranks, "no array has \(shape) elements of \(dtype.name)", path: path)
  }

  package static func piecesOverlap(ranks: (Int, Int), at place: [Int], path: Path) -> RefxError {
    let who =
      ranks.0 == ranks.1 ? "two pieces of rank \(ranks.0)" : "pieces of rank \(ranks.0) and rank \(ranks.1)"
    return RefxError(
      .ranks, "\(who) overlap at element \(place)", path: path,
      advice: "let each element be in one piece, or offer the very same piece on several ranks")
  }

  package static func gapInPieces(at place: [Int], of shape: [Int], missing: Int, path: Path) -> RefxError {
    RefxError(
      .ranks,
      "no rank has a piece with element \(place) of \(shape); \(missing) \(missing == 1 ? "element is" : "elements are") missing",
      path: path, advice: "let the pieces of all ranks together be the whole array")
  }

  package static func replicasDiffer(rank: Int, path: Path) -> RefxError {
    RefxError(
      .ranks, "the text of rank \(rank) has another length than that of an earlier rank", path: path,
      advice: "what several ranks offer alike must be alike")
  }

  package static func formatHasNoRanks(_ name: String) -> RefxError {
    RefxError(
      .usage, "several ranks cannot write \(name) together",
      advice: "write .refx or .h5, and convert it with refx convert")
  }

  package static func ranksOpenedDifferentFiles(file: String) -> RefxError {
    RefxError(
      .ranks, "the ranks found different content in the file", file: file,
      advice: "it was replaced meanwhile, or the path names another file on some machine; try again")
  }
}

// MARK: - MPI

extension RefxError.Code {
  /// MPI failed, and the ranks cannot hear each other any more: nothing is left but to end them all.
  public static let mpi = Self(rawValue: "mpi")
}

extension RefxError {
  /// - Parameters:
  ///   - reason: the words of MPI.
  ///   - file: the file that MPI could not write; where there is none, the ranks cannot hear each other.
  package static func ofMPI(_ what: String, reason: String, file: String?) -> RefxError {
    RefxError(file == nil ? .mpi : .system, "\(what): \(reason)", file: file)
  }

  package static func fileOfRanksIsClosed(_ file: String) -> RefxError {
    RefxError(.system, "the file was closed, and cannot be written any more", file: file)
  }

  package static func builtWithoutMPI() -> RefxError {
    RefxError(
      .system, "this refx-mpi was built without MPI",
      advice: "install Open MPI (Tools/setup --mpi) and build it: swift build --traits MPI --product refx-mpi"
    )
  }
}
