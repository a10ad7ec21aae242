import ArgumentParser
import RefxStore

/// How much a file may ask for.
struct LimitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Refuse a file whose values take more bytes, all together; 10K, 10M, 10G count in 1024.", valueName: "n"
    ))
  var maxBytes: ByteLimit?

  @Option(help: ArgumentHelp("Refuse a tree of more levels.", valueName: "n"))
  var maxDepth: CountLimit?

  @Option(help: ArgumentHelp("Refuse a tree of more nodes.", valueName: "n"))
  var maxNodes: CountLimit?

  @Option(help: ArgumentHelp("Refuse arrays of more dimensions.", valueName: "n"))
  var maxRank: CountLimit?

  @Option(help: ArgumentHelp("Refuse longer names.", valueName: "n"))
  var maxNameBytes: ByteLimit?

  @Option(help: ArgumentHelp("Refuse more metadata.", valueName: "n"))
  var maxMetadataBytes: ByteLimit?

  var limits: Limits {
    var limits = Limits()
    if let maxBytes { limits.bytes = maxBytes.count }
    if let maxDepth { limits.depth = maxDepth.count }
    if let maxNodes { limits.nodes = maxNodes.count }
    if let maxRank { limits.rank = maxRank.count }
    if let maxNameBytes { limits.nameBytes = maxNameBytes.count }
    if let maxMetadataBytes { limits.metadataBytes = maxMetadataBytes.count }
    return limits
  }
}

/// A number of things, from 0 on.
struct CountLimit: ExpressibleByArgument {
  let count: Int

  init?(argument: String) {
    guard let count = Int(argument), count >= 0 else { return nil }
    self.count = count
  }
}

/// A number of bytes, from 0 on, such as `4096`, `64M` or `2G`.
struct ByteLimit: ExpressibleByArgument {
  let count: Int

  init?(argument: String) {
    let shifts: [Character: Int] = [
      "K": 10, "M": 20, "G": 30, "T": 40, "k": 10, "m": 20, "g": 30, "t": 40,
    ]
    let shift = argument.last.flatMap { shifts[$0] }
    guard let number = Int(shift == nil ? argument[...] : argument.dropLast()), number >= 0 else {
      return nil
    }
    let (count, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    guard !overflow else { return nil }
    self.count = count
  }
}
