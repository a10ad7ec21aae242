import Foundation
import Testing

/// The manifest of the real files that stand beside the repository.
enum SharedCorpus {
  static func entries() throws -> [[String: Any]] {
    let manifest = try #require(SharedFiles.folder).appending(path: "corpus/manifest.json.gz")
    let text = try #require(try SharedFiles.output(of: "/bin/gzip", ["-dc", manifest.path]))
    return try #require(try JSONSerialization.jsonObject(with: text) as? [[String: Any]])
  }
}
