import Glibc
import Refx
import RefxStore

/// A folder in which the steps of a training lie, one file each: `step-0000000100.refx`.
///
/// It looks and never changes anything: any number of processes may look while one ``CheckpointManager`` saves. What
/// is there is what can be opened now; nothing points at a step that could be gone.
public struct StepFolder: Sendable {
  /// As its user named it.
  public let path: String
  let formats: Formats
  let options: OpenOptions

  /// - Parameter path: need not exist yet; a folder that does not has no steps.
  public init(_ path: String, options: OpenOptions = OpenOptions(), formats: Formats = .all) {
    self.path = path
    self.formats = formats
    self.options = options
  }

  /// What lies in a folder.
  public struct Listing: Sendable {
    /// The steps, the earliest first.
    public fileprivate(set) var steps: [SavedStep] = []
    /// Files that are called as steps are and cannot be opened, or are not what they are called; they are left alone.
    public fileprivate(set) var problems: [FileProblem] = []
    /// How many files the folder's list did not know.
    fileprivate(set) var opened = 0
  }

  /// What is wrong with a file.
  public struct FileProblem: Sendable, Hashable {
    /// The file, as a path.
    public let file: String
    /// A sentence without capital and full stop.
    public let what: String
  }

  /// The steps, and what is in their way. Opens the files that the folder's list does not know; a thousand known ones
  /// cost a look at each.
  ///
  /// - Throws: ``RefxError`` where the folder cannot be read.
  public func list() throws -> Listing {
    // What vanishes while one looks was removed because there are later ones, which the next look finds.
    for _ in 0..<16 {
      let (listing, isStale) = try look()
      if !isStale { return listing }
    }
    return try look().listing
  }

  private func look() throws -> (listing: Listing, isStale: Bool) {
    var listing = Listing()
    var isStale = false
    let known = StepIndex(in: path)
    var found: [Int: SavedStep] = [:]
    for name in try fileNames().sorted() {
      guard let number = StepName(name, formats: formats)?.step else { continue }
      let file = path + "/" + name
      do {
        guard let identity = try FileIdentity(of: file) else {
          isStale = true
          continue
        }
        let step: SavedStep
        if let known = known.step(name, identity, in: path) {
          step = known
        } else {
          listing.opened += 1
          step = try read(file, identity)
        }
        guard step.step == number else {
          throw RefxError.stepCalledAnother(number, is: step.step, file: file)
        }
        if let other = found[number] {
          // The later one was saved in another format than the one before.
          let (kept, left) = other.time < step.time ? (step, other) : (other, step)
          found[number] = kept
          listing.problems.append(
            .init(file: left.path, what: "the step is there in another file, which is later"))
        } else {
          found[number] = step
        }
      } catch let error as RefxError {
        if StepFolder.isGone(file) {
          isStale = true
          continue
        }
        listing.problems.append(.init(file: file, what: error.withoutFile))
      }
    }
    listing.steps = found.values.sorted { $0.step < $1.step }
    return (listing, isStale)
  }

  /// The latest step that is whole: its file is opened, and that of the step which it is a change of. Its values are
  /// checked when they are read.
  ///
  /// - Parameters:
  ///   - verifying: whether the values are checked at once, as ``verify(_:)`` does.
  ///   - skipping: is told of each file that is passed over.
  /// - Throws: ``RefxError`` where the folder cannot be read.
  public func latest(
    verifying: Bool = false, skipping: (FileProblem) -> Void = { _ in }
  ) throws -> SavedStep? {
    try firstWhole(verifying, skipping) { $0.reversed() }
  }

  /// The best step by a metric that is whole, as ``latest(verifying:skipping:)`` finds the latest; of equal ones the
  /// later.
  ///
  /// - Throws: ``RefxError`` where the folder cannot be read.
  public func best(
    by metric: String, _ better: Retention.Better = .lower, verifying: Bool = false,
    skipping: (FileProblem) -> Void = { _ in }
  ) throws -> SavedStep? {
    try firstWhole(verifying, skipping) { Retention.ranking($0, by: metric, better) }
  }

  private func firstWhole(
    _ verifying: Bool, _ skipping: (FileProblem) -> Void, in order: ([SavedStep]) -> [SavedStep]
  ) throws -> SavedStep? {
    try lookingAgain { listing in
      var passed = listing.problems
      defer { for problem in passed { skipping(problem) } }
      for step in order(listing.steps) {
        do {
          if verifying {
            try verify(step, among: listing.steps)
          } else {
            _ = try open(step, among: listing.steps)
          }
          return .some(step)
        } catch let error as RefxError {
          if StepFolder.isGone(step.path) {
            passed = []
            throw Vanished(error: error)
          }
          passed.append(.init(file: step.path, what: error.withoutFile))
        }
      }
      return nil
    }
  }

  /// A step was removed by the process that saves, between the look and the opening: there is a later one then. What
  /// stands on another step is removed before that, so it is the step itself that is gone.
  struct Vanished: Error {
    let error: RefxError
  }

  /// Looks into the folder, and again where what was found vanishes before it is opened.
  ///
  /// - Throws: what `body` throws, and of a folder that changes quicker than it can be read, the last error.
  func lookingAgain<Found>(_ body: (Listing) throws -> Found) throws -> Found {
    var tries = 100
    while true {
      let listing = try list()
      do {
        return try body(listing)
      } catch let vanished as Vanished {
        tries -= 1
        if tries == 0 { throw vanished.error }
      }
    }
  }

  /// The step of that number.
  ///
  /// - Throws: ``RefxError`` where it is not there or cannot be opened.
  public func step(_ number: Int) throws -> SavedStep {
    let listing = try list()
    if let step = listing.steps.first(where: { $0.step == number }) { return step }
    throw RefxError.noSuchStep(number, known: listing.steps.map(\.step), folder: path)
  }

  /// What a step holds, with the dtypes that its values had. Reads no payload, but of a step that holds only changes
  /// the payload of the one it stands on, which is checked against the digest.
  ///
  /// - Throws: ``RefxError`` where a file is damaged, or the other step is missing.
  public func contents(of step: SavedStep) throws -> CheckpointContents {
    try contents(of: step, among: try step.isIncremental ? list().steps : [])
  }

  func contents(of step: SavedStep, among steps: [SavedStep]) throws -> CheckpointContents {
    let (file, base) = try open(step, among: steps)
    var contents = file
    do {
      if let base {
        contents = try base.applying(file, named: step.path)
      }
      let casts = try StepRecord.read(contents.metadata, file: step.path)?.record.casts ?? []
      contents = try contents.undoing(casts)
      contents.metadata[StepRecord.key] = nil
    } catch let error as RefxError {
      throw error.inFile(step.path)
    }
    return contents
  }

  /// Opens the file of a step and that of the step it stands on.
  func open(
    _ step: SavedStep, among steps: [SavedStep]
  ) throws -> (file: CheckpointContents, base: CheckpointContents?) {
    let file = try Checkpoint.open(step.path, options: options, formats: formats).contents
    guard let digest = step.base else { return (file, nil) }
    guard let base = try base(of: step, file, among: steps) else {
      throw RefxError.baseStepMissing(step.step, digest: digest, file: step.path)
    }
    return (file, try Checkpoint.open(base.path, options: options, formats: formats).contents)
  }

  /// The step that another holds the changes of. Others may have the same values and another structure, or say so and
  /// be damaged.
  func base(
    of step: SavedStep, _ file: CheckpointContents, among steps: [SavedStep]
  ) throws -> SavedStep? {
    let wanted = TreeDigest.Text(try PatchRecord(file.metadata, file: step.path).base)
    let bases = steps.filter { $0.digest == wanted && $0.base == nil }
    return bases.last { $0.run == step.run } ?? bases.last
  }

  func read(_ file: String, _ identity: FileIdentity) throws -> SavedStep {
    let metadata = try Checkpoint.open(file, options: options, formats: formats).contents.metadata
    guard let found = try StepRecord.read(metadata, file: file) else { throw RefxError.notAStep(file: file) }
    return SavedStep(
      step: found.record.step, metrics: found.record.metrics, metadata: found.metadata,
      time: found.record.time, path: file, byteCount: identity.byteCount, base: found.base,
      run: found.record.run, digest: found.record.digest, identity: identity)
  }

  static func isGone(_ file: String) -> Bool {
    var status = stat()
    return lstat(file, &status) != 0 && errno == ENOENT
  }

  private func fileNames() throws -> [String] {
    guard let folder = opendir(path) else {
      if errno == ENOENT { return [] }
      throw RefxError.system("cannot read the folder", errno: errno, file: path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }
}

extension RefxError {
  /// The sentence, for a list in which the file stands already.
  var withoutFile: String {
    var copy = self
    copy.file = nil
    return copy.summary
  }
}
