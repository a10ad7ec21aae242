import Glibc
import Refx
import RefxStore
import Synchronization

/// Saves the steps of a training to a folder while the training goes on, keeps those that matter, and gives them back.
///
/// ```swift
/// struct Model: Codable {
///   @RefField(collection: "params") var weight = Tensor([1, 2] as [Float])
///   mutating func train() -> Double {
///     weight.withMutableElements(of: Float.self) { $0[0] *= 0.99 }
///     return Double(weight.elements(of: Float.self)[0])
///   }
/// }
/// let manager = try CheckpointManager("run7", keep: .latest(3), .best(2, by: "loss"))
/// var model = Model()
/// var step = try manager.resume(&model)?.step ?? 0  // 0 where no step was saved yet
/// while step < 100 {
///   let loss = model.train()
///   step += 1
///   if step % 10 == 0 { try manager.save(model, step: step, metrics: ["loss": loss]) }
/// }
/// try manager.finish()
/// assert(manager.steps.map(\.step) == [80, 90, 100])
/// ```
///
/// A step is one file, which takes its name when it is whole and on the disk. Only then are earlier ones removed, and
/// only files that this manager, or one before it in the same folder, has saved. One manager at a time may save to a
/// folder; reading needs none (``StepFolder``).
public final class CheckpointManager: Sendable {
  /// The steps that lie in the folder.
  public let folder: StepFolder

  let retention: [Retention]
  let settings: Settings
  let lock: FolderLock
  let store: any CheckpointStore.Type
  private let queue: SaveQueue
  let index: StepIndexWriter
  let state: Mutex<State>

  /// What is chosen once for all saves of a manager.
  public struct Settings: Sendable {
    /// The format of the files.
    public var format: FormatName = .refx
    /// How the files are compressed.
    public var compression: Compression = .fast
    /// When a step counts as saved.
    public var durability: Checkpoint.Durability = .full
    /// What is saved of a model: a Ref with all of its sites where one is chosen, and plain leaves; everything where it
    /// is empty. A save may have a selection of its own instead.
    public var select: [Selector] = []
    /// How the parts of what is selected are saved; the last that applies to a value decides.
    public var policies: [SavePolicy] = []
    /// After a whole step, so many steps may follow that hold only what changed since it; 0 for none. The step they
    /// stand on stays as long as one of them does.
    public var changesBetweenWholes = 0
    /// Whether each step is read again, from the disk where the system lets it go there, and every checksum looked at,
    /// before it counts as saved and an earlier one is removed. Costs as long again as reading a step takes.
    public var readsBack = false
    /// Whether the latest and the best steps that managers before this one have saved are read as a whole, once,
    /// before this one removes anything in reliance on them. Without it they count as whole where they can be opened.
    public var verifiesBeforeRemoving = true
    /// How many threads encode a save; all cores but one where it is nil, so that the training keeps one. They give
    /// way to it where there are not enough.
    public var threads: Int?
    /// How many saves may be under way; one more waits until there is room.
    public var mostPending = 2
    /// Whether the process ends only when the saves under way have ended.
    public var waitsAtExit = true
    /// Is told what does not stop a save: a file that is passed over, an earlier step that cannot be removed.
    public var warn: @Sendable (String) -> Void = { _ in }

    /// The defaults: `.refx`, compressed, durable, every step whole.
    public init() {}
  }

  struct State {
    /// Whole steps, by their numbers.
    var steps: [Int: SavedStep]
    /// Steps whose files could not be read when the training went on from an earlier one; it comes by them again.
    var passedOver: Set<Int> = []
    /// Steps on their way to the disk.
    var pending: [PendingSave] = []
    /// How many steps since the last whole one hold only changes.
    var changes = 0
    /// The files of steps that this process has written, or read as a whole: by the number of the step.
    var whole: [Int: FileIdentity] = [:]
    /// Whether selection and policies were held against a model already.
    var hasPlanned = false
  }

  /// Opens a folder, and makes it where it is missing. Removes what saves that were killed have left.
  ///
  /// - Parameters:
  ///   - keep: what stays of the steps; everything where nothing is said.
  /// - Throws: ``RefxError`` where another manager saves there, the format cannot be written, or the system refuses.
  public convenience init(
    _ folder: String, keep: Retention..., settings: Settings = Settings(),
    options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws {
    try self.init(folder, keep: keep, settings: settings, options: options, formats: formats)
  }

  /// Opens a folder, with rules that are known only when the program runs; everything stays where there are none.
  ///
  /// - Throws: ``RefxError`` where another manager saves there, the format cannot be written, or the system refuses.
  public init(
    _ folder: String, keep: [Retention], settings: Settings = Settings(),
    options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws {
    try AtomicFile.makeFolder(folder)
    lock = try FolderLock(in: folder)
    store = try formats.store(toWrite: "step", as: settings.format)
    self.folder = StepFolder(folder, options: options, formats: formats)
    self.settings = settings
    retention = keep.isEmpty ? [.all] : keep
    queue = SaveQueue(capacity: max(1, settings.mostPending), waitsAtExit: settings.waitsAtExit)
    index = StepIndexWriter(in: folder)
    removeStaleTemporaries(in: folder) {
      $0 == StepIndex.fileName || StepName($0, formats: formats) != nil
    }
    let listing = try self.folder.list()
    for problem in listing.problems {
      settings.warn("\(visible(problem.file)) is passed over: \(visible(problem.what))")
    }
    state = Mutex(
      State(
        steps: Dictionary(listing.steps.map { ($0.step, $0) }) { $1 },
        changes: listing.steps.reversed().prefix { $0.isIncremental }.count))
    index.write(listing.steps)
  }

  /// The steps that are whole, the earliest first; those under way are not among them.
  public var steps: [SavedStep] {
    state.withLock { $0.steps.values.sorted { $0.step < $1.step } }
  }

  // MARK: Saving

  /// Saves a model in the background, and returns once its state is captured: tensors share their bytes with the
  /// save and copy them when they are written to next. A Ref is captured once, whatever the number of its sites.
  ///
  /// Waits only where ``Settings/mostPending`` saves are under way.
  ///
  /// - Parameters:
  ///   - step: its number; 0 or more.
  ///   - metrics: finite numbers, for ``Retention`` and whoever lists the steps.
  ///   - metadata: other words about it.
  ///   - selection: the sites that are saved, a Ref with all of its sites where one is chosen; those of
  ///     ``Settings/select`` where it is empty. The file has holes in the place of the others.
  ///   - replacing: whether a step of that number may be replaced.
  ///   - progress: called now and then with the bytes of values done so far and in all, on another thread.
  /// - Throws: ``RefxError`` where the model cannot become a tree, a metric is not finite, or the step is there
  ///   already; at the first save, where the selection chooses nothing or policies disagree about a shared value, which
  ///   later saves say as what goes wrong in the background; then nothing is saved. Where earlier saves failed and
  ///   nobody was told, the error of the first with a word about the others, once; this one is on its way all the same.
  @discardableResult
  public func save<Model: Encodable>(
    _ model: Model, step: Int, metrics: [String: Double] = [:], metadata: JSONObject = [:],
    select selection: [Selector] = [], replacing: Bool = false, progress: ProgressHandler? = nil
  ) throws -> PendingSave {
    try check(step, metrics, metadata)
    try refuseReplacing(step, replacing)
    try queue.reserve(folder: folder.path)
    var isOnItsWay = false
    defer { if !isOnItsWay { queue.release() } }
    let pending = PendingSave(step: step, queue: queue, folder: folder.path, warn: settings.warn)
    let metadata = StructureVersion.marking(metadata, for: Model.self)
    let selection = selection.isEmpty ? settings.select : selection
    let captured = Captured(
      CheckpointContents(tree: try TreeEncoder().encode(model), metadata: metadata))
    try plan(captured, selection)
    let time = CheckpointManager.now()
    try state.withLock { state in
      if !replacing, state.steps[step] != nil || state.pending.contains(where: { $0.isOn(step) }) {
        throw RefxError.stepExists(step, folder: folder.path)
      }
      state.pending.append(pending)
    }
    isOnItsWay = true
    queue.add(
      SaveQueue.Job(pending: pending) { [self] in
        do {
          return try write(
            captured, step, metrics, metadata, time, selection, replacing: replacing, pending,
            progress: progress.map(queue.marking))
        } catch let error as RefxError {
          throw error.ofStep(step)
        }
      })
    if let error = takeUntoldError(besides: pending) {
      throw (error as? RefxError)?.whileSaving(step) ?? error
    }
    return pending
  }

  /// Saves a model and waits until it is on the disk.
  ///
  /// - Throws: what ``save(_:step:metrics:metadata:select:replacing:progress:)`` and ``PendingSave/wait()`` throw.
  @discardableResult
  public func saveNow<Model: Encodable>(
    _ model: Model, step: Int, metrics: [String: Double] = [:], metadata: JSONObject = [:],
    select selection: [Selector] = [], replacing: Bool = false, progress: ProgressHandler? = nil
  ) throws -> SavedStep {
    try save(
      model, step: step, metrics: metrics, metadata: metadata, select: selection, replacing: replacing,
      progress: progress
    ).wait()
  }

  /// Waits until every save has ended.
  ///
  /// - Throws: the error of the first that failed and of which nobody was told, with a word about the others.
  public func finish() throws {
    try queue.drain(folder: folder.path)
    if let error = takeUntoldError() { throw error }
  }

  /// The error of the first save that failed and of which nobody was told, with a word about each other one.
  private func takeUntoldError(besides last: PendingSave? = nil) -> (any Error)? {
    let ended = state.withLock { state in
      var ended: [PendingSave] = []
      var others: [PendingSave] = []
      for pending in state.pending {
        // Each is asked once: it may end between two looks.
        if pending !== last, pending.isDone { ended.append(pending) } else { others.append(pending) }
      }
      state.pending = others
      return ended
    }
    var first: (any Error)?
    for pending in ended {
      guard let error = pending.takeUnseenError() else { continue }
      if let known = first as? RefxError, let error = error as? RefxError {
        first = known.besideStep(pending.step, error)
      } else {
        first = first ?? error
      }
    }
    return first
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

extension TreeDigest {
  init?(_ text: Text) {
    guard let structure = PatchRecord.bytes(text.structure), let topology = PatchRecord.bytes(text.topology),
      let values = PatchRecord.bytes(text.values)
    else { return nil }
    self.init(structure: structure, topology: topology, values: values)
  }
}

extension RefxError {
  /// Whether a file is not what it should be, so that an earlier one is the better choice.
  var isDamage: Bool {
    [.damaged, .cut, .notACheckpoint, .notAFile, .merge].contains(code)
  }

  /// Whether a file that was opened gives no step here: it is damaged, or a later release wrote it.
  var isOfNoUse: Bool { isDamage || code == .version }
}
