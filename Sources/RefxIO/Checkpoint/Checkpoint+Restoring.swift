import Refx
import RefxStore

extension Checkpoint {
  /// Gives a live model the values of a checkpoint: its Refs are kept and take the values, plain leaves arrive
  /// in the new value of `model`. A file of an older version of a ``VersionedModel`` is migrated first.
  ///
  /// Strict and all-or-nothing: everything is compared, then the chosen payload is read into memory, then
  /// everything is assigned. Old and new values are in memory together for that moment: the selected values once
  /// more, and no other. Of a partial selection no other payload is read; where sharing differs from the model's,
  /// the values concerned are read besides, a piece at a time.
  ///
  /// ```swift
  /// struct Model: Codable {
  ///   @RefField(collection: "params") var weight = Tensor([1, 2] as [Float])
  ///   @RefField(collection: "batch_stats") var mean: [Float] = [0]
  ///   var step = 7
  /// }
  /// try Checkpoint.save(Model(), to: "run7.refx")
  ///
  /// var model = Model()
  /// model.step = 0
  /// try Checkpoint.restore(
  ///   &model, from: "run7.refx", select: [.collections(["params", "batch_stats"]), .pattern("step")],
  ///   allowing: [.missing("head/**"), .unexpected("ema/**")], requiring: ["batch_stats"])
  /// assert(model.step == 7)
  /// ```
  ///
  /// - Parameters:
  ///   - selection: what is taken, such as `.collection("params")` or `.pattern("encoder/**")`, or several in an
  ///     array. Each must choose something in the model.
  ///   - topology: what is done where the checkpoint ties other sites than the model.
  ///   - allowing: the differences to let pass, everywhere or where a glob says; none, unless they are named.
  ///   - requiring: collections of which every Ref of the model must take a value, whatever the selection leaves
  ///     out and the leniency lets pass.
  /// - Throws: ``RefxError`` with every difference in its details, by path; where a required collection would keep
  ///   values of the model; where a payload cannot be read; where a Ref cannot be written here. The model is then
  ///   as it was.
  public static func restore<Model: Codable>(
    _ model: inout Model, from path: String, select selection: RestoreSelection = .all,
    topology: TopologyContract = .exact, allowing: Leniency = [], requiring: [CollectionTag] = [],
    format: FormatName? = nil, options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws {
    let file = try open(path, format: format, options: options, formats: formats)
    do {
      try restore(
        &model, from: file.contents, select: selection, topology: topology, allowing: allowing,
        requiring: requiring, options: options)
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }

  /// Gives a live model the values of a checkpoint that is open; see
  /// ``restore(_:from:select:topology:allowing:requiring:format:options:formats:)``. Of the options those count
  /// that say how payload is read. Errors name no file.
  public static func restore<Model: Codable>(
    _ model: inout Model, from contents: CheckpointContents, select selection: RestoreSelection = .all,
    topology: TopologyContract = .exact, allowing: Leniency = [], requiring: [CollectionTag] = [],
    options: OpenOptions = OpenOptions()
  ) throws {
    var terms = RestoreTerms()
    terms.selection = selection
    terms.topology = topology
    terms.allowing = allowing
    terms.requiring = requiring
    terms.distance = { try $0.distance(to: $1) }
    let tree = try contents.migrated(to: Model.self).tree
    if selection.isPartial {
      // What is not chosen is not read.
      try TreeDecoder.restore(&model, from: tree, terms)
    } else {
      try tree.readAhead(options) { try TreeDecoder.restore(&model, from: $0, terms) }
    }
  }
}

extension Leaf {
  /// How far two arrays are apart, element by element. Reads both a piece at a time.
  fileprivate func distance(to other: Leaf) throws -> LeafDistance {
    guard dtype != .string else {
      return LeafDistance(
        areSame: try hasSameBytes(as: other, path: .root, otherPath: .root), largest: nil)
    }
    let blank = ElementComparison(tolerance: nil, nanIsNaN: false)
    let compare = blank.function(for: dtype)
    var sum = blank
    let pair = LeafPair(leaf: self, path: .root, other: other, otherPath: .root)
    let reader = LeafPairReader([pair]) { _, x, y -> ElementComparison? in
      if memcmpEqual(x, y) { return nil }
      var comparison = blank
      compare(&comparison, x, y)
      return comparison
    }
    try reader.forEach { _, _, found in
      if let found { sum.add(found) }
    }
    let difference = sum.result(count: count)
    return LeafDistance(areSame: difference == nil, largest: difference?.maxAbs)
  }
}
