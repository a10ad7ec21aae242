import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// Real files of other makers, with what torch says of them.
@Suite struct PyTorchCorpusTests {
  @Test(
    "every tensor of the corpus is read as torch reads it",
    .enabled(if: SharedFiles.has("corpus/manifest.json.gz"), SharedFiles.absent("corpus")))
  func corpus() throws {
    let folder = try #require(SharedFiles.folder).appending(path: "corpus")
    var seen = 0
    for entry in try SharedCorpus.entries() where entry["kind"] as? String == "pt" {
      let path = try #require(entry["path"] as? String)
      let oracle = try #require(entry["oracle"] as? [String: Any])
      let tensors = try #require(oracle["tensors"] as? [[String: Any]])
      let opened = try Checkpoint.open(folder.appending(path: path).path)
      #expect(opened.format == "pytorch" && opened.warnings == [], "\(path)")
      let sites = try PyTorchFiles.sites(of: opened.contents.tree)
      for tensor in tensors {
        let names = try #require(tensor["key_path"] as? [Any])
        let keys = names.map { Key("\($0)") }
        guard case .leaf(let leaf)? = sites[Path(keys)]?.content else {
          Issue.record("\(path): no leaf at \(keys)")
          continue
        }
        #expect(leaf.dtype.name == tensor["dtype"] as? String && leaf.shape == tensor["shape"] as? [Int])
        let hash = hexadecimal(try LeafHashes().sha256(of: leaf, at: Path(keys)))
        #expect(hash == tensor["sha256_le_c"] as? String, "\(path): \(keys)")
      }
      let leafCount = sites.values.count { if case .leaf = $0.content { true } else { false } }
      #expect(leafCount == tensors.count)
      // None of these files ties anything.
      #expect((oracle["shared_storage"] as? [Any])?.isEmpty == true)
      #expect(sites.values.allSatisfy { $0.index == nil }, "\(path)")
      seen += 1
    }
    #expect(seen >= 6)
  }
}
