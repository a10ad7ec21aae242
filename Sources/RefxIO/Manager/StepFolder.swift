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
