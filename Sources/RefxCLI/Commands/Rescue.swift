import Refx
import RefxIO
import RefxStore

/// What `--salvage` saves of a checkpoint, and what it says about the rest.
struct Rescue {
  private let salvage: Salvage

  var contents: CheckpointContents { salvage.contents }

  /// Reads everything and lists what is lost on standard error, `--quiet` or not: nothing is lost in silence.
  ///
  /// - Throws: ``RefxError`` where something else than a leaf is damaged.
  init(_ opened: OpenedCheckpoint, of file: String, _ options: OutputOptions) throws {
    if !opened.hasChecksums {
      StandardError.note(
        "\(visible(file)): \(RefxError.salvageWithoutChecksums(format: opened.format))", options)
    }
    let bar = ProgressBar("checking", options)
    defer { bar.finish() }
    do {
      salvage = try opened.salvaged(progress: bar.handler)
    } catch let error as RefxError {
      throw error.inFile(file)
    }
    bar.finish()
    for loss in salvage.losses {
      StandardError.write("refx: \(visible(file)): \(Rescue.sites(of: loss)): lost: \(visible(loss.reason))")
    }
  }

  private static func sites(of loss: Salvage.Loss) -> String {
    var further = loss.sites.dropFirst().map(\.shown)
    if loss.hasMoreSites { further.append("more") }
    let first = loss.sites.first?.shown ?? ""
    return further.isEmpty ? first : "\(first) (also at \(further.joined(separator: ", ")))"
  }

  /// One object for each lost value.
  var json: JSON {
    .array(
      salvage.losses.map { loss in
        [
          "path": loss.sites.first?.json ?? [], "sites": .array(loss.sites.map(\.json)),
          "moreSites": .bool(loss.hasMoreSites), "reason": .string(loss.reason),
        ]
      })
  }

  /// Once the rest is saved: 1 where something was lost.
  func answer() throws {
    if !salvage.losses.isEmpty { throw Answer.no }
  }
}
