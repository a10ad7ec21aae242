import Refx
import RefxStore

extension CheckpointContents {
  /// Looks for what may be wrong with a checkpoint though it is sound: values that seem to have been shared once,
  /// names that contradict each other, leaves that cannot be represented, NaN and infinite values.
  ///
  /// Every array is read at most once, in pieces, on several threads: those of floating-point types where NaN or
  /// infinite values are asked for, of the others those alone that have a peer of the same dtype and shape and know
  /// no hash of their contents. Of arrays that turn out equal the beginning of one may be read again.
  ///
  /// - Parameters:
  ///   - codes: what is looked for.
  ///   - threads: as many as there are cores where it is nil.
  /// - Throws: ``RefxError`` where the system cannot read; what is damaged is a finding.
  public func lint(
    _ codes: Set<LintCode> = LintCode.usual, threads: Int? = nil, progress: ProgressHandler? = nil
  ) throws -> LintReport {
    var lint = Lint(self, codes, LintReader(threads: threads, progress: progress))
    try lint.run()
    return lint.report
  }
}

/// The findings in the making.
private struct Lint {
  private let codes: Set<LintCode>
  private let reader: LintReader
  private let catalogue: LintCatalogue
  private let aliases: [(alias: Int, kept: Int, paths: [Path])]
  private let isPart: Bool
  private var contents: [LintContents]
  private(set) var report = LintReport(findings: [], constantGroups: 0)

  init(_ checkpoint: CheckpointContents, _ codes: Set<LintCode>, _ reader: LintReader) {
    self.codes = codes
    self.reader = reader
    catalogue = LintCatalogue(checkpoint.tree)
    aliases = codes.contains(.aliasDiffers) ? catalogue.aliases(checkpoint.metadata) : []
    isPart = checkpoint.metadata[PartRecord.key] != nil
    contents = catalogue.arrays.map { LintContents(hash: $0.leaf.source.contentHash) }
  }

  mutating func run() throws {
    try read()
    try addEqualArrays()
    addAliases()
    for (path, index) in catalogue.dangling {
      add(.danglingIndex, [path], "index \(index) has no value before it", .verify)
    }
    addLeaves()
    if catalogue.taggedCount > 0, !catalogue.untagged.isEmpty {
      let (untagged, tagged) = (catalogue.untagged.count, catalogue.taggedCount)
      add(
        .untaggedRef, catalogue.untagged,
        "\(untagged) \(untagged == 1 ? "Ref has" : "Refs have") no collection, and \(tagged) "
          + "\(tagged == 1 ? "has" : "have") one", .tag)
    }
    let order = Dictionary(uniqueKeysWithValues: LintCode.allCases.enumerated().map { ($1, $0) })
    report.findings = report.findings.enumerated().sorted {
      (order[$0.element.code] ?? 0, $0.offset) < (order[$1.element.code] ?? 0, $1.offset)
    }.map(\.element)
  }

  private mutating func add(
    _ code: LintCode, _ paths: [Path], _ what: String, _ remedy: LintFinding.Remedy
  ) {
    guard codes.contains(code) else { return }
    report.findings.append(LintFinding(code: code, paths: paths, what: what, remedy: remedy))
  }

  // MARK: Reading

  private var wantsEqual: Bool { codes.contains(.equalNotShared) || codes.contains(.equalConstants) }

  /// Arrays of one dtype and shape: those that may be equal.
  private struct Kind: Hashable {
    let dtype: DType
    let shape: [Int]
  }

  private func kind(of array: Int) -> Kind {
    let leaf = catalogue.arrays[array].leaf
    return Kind(dtype: leaf.dtype, shape: leaf.shape)
  }

  private func canBeRead(_ array: Int) -> Bool { catalogue.arrays[array].leaf.source.unsupported == nil }

  /// The rows of arrays that have a peer, in order. A single element is no weight that was tied.
  private func peers() -> [[Int]] {
    var rows: [Kind: [Int]] = [:]
    var order: [Kind] = []
    for array in catalogue.arrays.indices {
      let leaf = catalogue.arrays[array].leaf
      guard canBeRead(array), leaf.byteCount > 0, leaf.count > 1 else { continue }
      let kind = kind(of: array)
      if rows[kind] == nil { order.append(kind) }
      rows[kind, default: []].append(array)
    }
    return order.compactMap { rows[$0] }.filter { $0.count > 1 }
  }

  private mutating func read() throws {
    var wanted = [Bool](repeating: false, count: catalogue.arrays.count)
    if wantsEqual {
      for array in peers().joined() where contents[array].hash == nil { wanted[array] = true }
    }
    for pair in aliases where kind(of: pair.alias) == kind(of: pair.kept) {
      for array in [pair.alias, pair.kept] where contents[array].hash == nil { wanted[array] = true }
    }
    let wantsFinite = codes.contains(.nan) || codes.contains(.infinite)
    let wantsAll = codes == [.unreadable]
    for (array, row) in catalogue.arrays.enumerated() where canBeRead(array) {
      if wantsAll || wantsFinite && row.leaf.dtype.hasNotFinite { wanted[array] = true }
    }
    let all = wanted.indices.filter { wanted[$0] && canBeRead($0) }
    let found = try reader.contents(of: all.map { catalogue.arrays[$0].leaf })
    for (array, found) in zip(all, found) { contents[array] = found }
  }

  // MARK: Findings

  private mutating func addEqualArrays() throws {
    guard wantsEqual else { return }
    var groups: [[Int]] = []
    for row in peers() {
      var byHash: [ContentHash: [Int]] = [:]
      for array in row where contents[array].failure == nil {
        if let hash = contents[array].hash { byHash[hash, default: []].append(array) }
      }
      groups += byHash.values.filter { $0.count > 1 }
    }
    for group in groups.sorted(by: { $0[0] < $1[0] }) {
      let isConstant: Bool
      if let known = group.compactMap({ contents[$0].isConstant }).first {
        isConstant = known
      } else {
        do { isConstant = try catalogue.arrays[group[0]].leaf.isConstant() } catch let error as RefxError {
          if error.code == .system { throw error }
          contents[group[0]].failure = error.bareSummary
          continue
        }
      }
      if isConstant, !codes.contains(.equalConstants) { report.constantGroups += 1 }
      addEqual(group, isConstant: isConstant)
    }
  }

  private mutating func addEqual(_ group: [Int], isConstant: Bool) {
    let arrays = group.map { catalogue.arrays[$0] }
    let leaf = arrays[0].leaf
    let tags = Set(arrays.compactMap(\.collection)).sorted()
    var what = "\(group.count) arrays of \(leaf.dtype.name) \(leaf.shape) hold the same "
    what += isConstant ? "bytes, one value throughout, " : "bytes "
    what += "and are not shared"
    if tags.count > 1 {
      what += "; they are of the collections " + tags.map { "'\($0)'" }.joined(separator: ", ")
    }
    add(
      isConstant ? .equalConstants : .equalNotShared, arrays.map { $0.sites[0] }, what,
      isPart ? .mergeFirst : .tie(take: nil, collection: tags.count > 1 ? tags[0] : nil))
  }

  private mutating func addAliases() {
    for (alias, kept, paths) in aliases {
      guard contents[alias].failure == nil, contents[kept].failure == nil, canBeRead(alias), canBeRead(kept)
      else { continue }
      let said = "the metadata says that '\(paths[0].text)' is '\(paths[1].text)', and "
      // What wins brings its collection, if it has one, and takes the other's otherwise.
      let remedy = isPart ? LintFinding.Remedy.mergeFirst : .tie(take: paths[1], collection: nil)
      if kind(of: alias) != kind(of: kept) {
        let (one, other) = (catalogue.arrays[alias].leaf, catalogue.arrays[kept].leaf)
        add(
          .aliasDiffers, paths,
          said + "one is \(one.dtype.name) \(one.shape), the other \(other.dtype.name) \(other.shape)", remedy
        )
      } else if contents[alias].hash != contents[kept].hash {
        add(.aliasDiffers, paths, said + "they hold different values", remedy)
      }
    }
  }

  private mutating func addLeaves() {
    for (array, row) in catalogue.arrays.enumerated() {
      if let reason = row.leaf.source.unsupported {
        let isLink = ["link", "external"].contains(reason.typeName)
        add(
          isLink ? .danglingLink : .unsupported, row.sites, "\(reason.typeName): \(reason.reason)", .skip)
        continue
      }
      let found = contents[array]
      if let failure = found.failure {
        add(.unreadable, row.sites, failure, .verify)
        continue
      }
      let all = "of \(row.leaf.count) \(row.leaf.dtype.name) elements"
      if found.nan > 0 {
        add(.nan, row.sites, "\(found.nan) \(all) \(found.nan == 1 ? "is" : "are") NaN", .look)
      }
      if found.infinite > 0 {
        add(
          .infinite, row.sites, "\(found.infinite) \(all) \(found.infinite == 1 ? "is" : "are") infinite",
          .look)
      }
    }
  }
}

extension DType {
  /// Whether there are NaN or infinities among its elements.
  fileprivate var hasNotFinite: Bool {
    isRealFloat || self == .complex64 || self == .complex128
  }
}
