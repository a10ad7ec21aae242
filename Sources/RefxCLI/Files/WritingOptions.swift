import ArgumentParser
import RefxStore

/// How new files are written.
struct WritingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write this format, whatever the name says.", valueName: "format"))
  var to: String?

  @Option(help: ArgumentHelp("How strongly to compress: none, fast or best.", valueName: "level"))
  var compression = Compression.fast

  @Flag(help: "Replace files that exist.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "Spread the values over .safetensors files of at most n bytes of values each, with an index: 5GB, "
        + "500MB (powers of ten), 2GiB, or bytes.", valueName: "n"))
  var maxShardSize: ShardSize?

  /// What a format is told.
  func options(progress: ProgressHandler?) -> WriteOptions {
    WriteOptions(compression: compression, progress: progress, maxShardBytes: maxShardSize?.byteCount)
  }
}

/// A number of bytes, at least 1, such as `5GB`, `512MiB` or `4096`.
struct ShardSize: ExpressibleByArgument {
  let byteCount: Int

  init?(argument: String) {
    let units: [(suffix: String, bytes: Int)] = [
      ("KIB", 1 << 10), ("MIB", 1 << 20), ("GIB", 1 << 30), ("TIB", 1 << 40), ("KB", 1000),
      ("MB", 1_000_000),
      ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]
    let text = argument.uppercased()
    let unit = units.first { text.hasSuffix($0.suffix) }
    guard let number = Int(text.dropLast(unit?.suffix.count ?? 0)), number > 0 else { return nil }
    let (count, overflow) = number.multipliedReportingOverflow(by: unit?.bytes ?? 1)
    guard !overflow else { return nil }
    byteCount = count
  }
}

extension Compression: ExpressibleByArgument {}
extension SharedPolicy: ExpressibleByArgument {}
