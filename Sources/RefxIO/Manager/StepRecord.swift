import Refx
import RefxStore

/// What the file of a step says about it, under one reserved key of its metadata; in a step that holds only changes,
/// in the metadata that the patch leads to.
struct StepRecord {
  static let key: Key = "refx_step"
  static let version: Int64 = 1

  let step: Int
  let metrics: [String: Double]
  let time: Double
  let run: String?
  let digest: TreeDigest.Text?
  let casts: [StepCast]

  init(
    step: Int, metrics: [String: Double], time: Double, run: String?, digest: TreeDigest.Text?,
    casts: [StepCast]
  ) {
    self.step = step
    self.metrics = metrics
    self.time = time
    self.run = run
    self.digest = digest
    self.casts = casts
  }

  var json: JSON {
    var object: JSONObject = [
      "version": .integer(StepRecord.version), "step": .integer(Int64(step)),
      "metrics": .object(
        JSONObject(
          metrics.map { (Key($0), $1) }.sorted { $0.0 < $1.0 }.map { .init($0, .number($1)) })),
      "time": .number(time),
    ]
    if let run { object["run"] = .string(run) }
    if let digest {
      object["digest"] = [
        "structure": .string(digest.structure), "topology": .string(digest.topology),
        "values": .string(digest.values),
      ]
    }
    if !casts.isEmpty { object["casts"] = .array(casts.map(\.json)) }
    return .object(object)
  }

  /// Reads the record out of the metadata of a file.
  ///
  /// - Returns: the record, the other metadata, and the base of a step that holds only changes; nil where the file
  ///   says nothing about a step.
  /// - Throws: ``RefxError`` where what it says does not hold together.
  static func read(
    _ metadata: JSONObject, file: String
  ) throws -> (record: StepRecord, metadata: JSONObject, base: String?)? {
    var words = metadata
    var base: String?
    if metadata[PatchRecord.key] != nil {
      let patch = try PatchRecord(metadata, file: file)
      words = patch.metadata
      base = hexadecimal(patch.base.values)
    }
    guard let json = words[key] else { return nil }
    let record = try StepRecord(json, file: file)
    words[key] = nil
    return (record, words, base)
  }

  init(_ json: JSON, file: String) throws {
    func damaged(_ reason: String) -> RefxError { .damagedStep(file: file, reason: reason) }
    guard case .object(let object) = json, case .integer(let version) = object["version"] else {
      throw damaged("it has no version")
    }
    guard version == StepRecord.version else {
      throw RefxError.recordOfTheFuture("the step", version: version, known: StepRecord.version, file: file)
    }
    guard case .integer(let number) = object["step"], let step = Int(exactly: number), step >= 0,
      case .object(let measured) = object["metrics"], let time = object["time"]?.real
    else { throw damaged("a field is missing") }
    var metrics: [String: Double] = [:]
    for member in measured.members {
      guard let value = member.value.real, value.isFinite else { throw damaged("a metric is no number") }
      metrics[member.name.string] = value
    }
    self.step = step
    self.metrics = metrics
    self.time = time
    if case .string(let run) = object["run"] { self.run = run } else { run = nil }
    digest = try object["digest"].map { json in
      guard case .object(let digest) = json, case .string(let structure) = digest["structure"],
        case .string(let topology) = digest["topology"], case .string(let values) = digest["values"]
      else { throw damaged("its digest is none") }
      return TreeDigest.Text(structure: structure, topology: topology, values: values)
    }
    if let listed = object["casts"] {
      guard case .array(let casts) = listed else { throw damaged("its casts are no list") }
      self.casts = try casts.map { json in
        guard let cast = StepCast(json) else { throw damaged("a cast is none") }
        return cast
      }
    } else {
      casts = []
    }
  }
}

extension JSON {
  /// A number, written as an integer or not.
  fileprivate var real: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
