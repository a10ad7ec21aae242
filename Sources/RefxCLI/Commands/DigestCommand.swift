import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct DigestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digest", abstract: "Three SHA-256 digests: of structure, topology and values.",
    discussion: """
      They do not depend on the format or the compression of the file. Tying two equal arrays, or untying \
      them, changes the topology alone; of a shared subtree the inside is listed once, so tying or untying \
      one changes all three.

      Examples:
        # is this the same model, in another format?
        refx digest model.refx; refx digest model.safetensors
        # which collection changed?
        refx digest run.refx --by-collection
        # one line for a log
        refx digest run.refx --json | jq -r .values
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Flag(help: "Also the digests of each collection's Refs alone.")
  var byCollection = false

  @OptionGroup var input: InputOptions
  @OptionGroup var skip: SkipOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let opened = try input.open(file, output)
    let tree = try skip.supported(opened.contents.tree, of: file).tree
    let bar = ProgressBar("hashing", output)
    defer { bar.finish() }
    let total = try Listing(of: tree).uniqueBytes
    var done = 0
    let hashes = LeafHashes(sharing: Crews.current.sharing) { count in
      done += count
      bar.update(done, total)
    }
    do {
      let digest = try tree.digest(hashes: hashes)
      let collections = byCollection ? try tree.digestsByCollection(hashes: hashes) : []
      bar.finish()
      if output.json {
        try write(json: digest, collections)
      } else {
        try write(text: digest, collections)
      }
    } catch let error as RefxError {
      throw error.inFile(file)
    }
  }

  private func write(
    json digest: TreeDigest, _ collections: [(collection: CollectionTag?, digest: TreeDigest)]
  ) throws {
    var members = self.members(digest)
    if byCollection {
      let rows = collections.map { row -> JSON in
        .object(
          JSONObject([.init("collection", CollectionTag.json(row.collection))] + self.members(row.digest)))
      }
      members.append(.init("collections", .array(rows)))
    }
    try StandardOutput.write(.object(JSONObject(members)))
  }

  private func members(_ digest: TreeDigest) -> [JSONObject.Member] {
    [
      .init("structure", .string(hexadecimal(digest.structure))),
      .init("topology", .string(hexadecimal(digest.topology))),
      .init("values", .string(hexadecimal(digest.values))),
    ]
  }

  private func write(
    text digest: TreeDigest, _ collections: [(collection: CollectionTag?, digest: TreeDigest)]
  ) throws {
    try lines(of: digest, "")
    for (collection, digest) in collections {
      try StandardOutput.write("\n\(CollectionTag.shown(collection))\n")
      try lines(of: digest, "  ")
    }
  }

  private func lines(of digest: TreeDigest, _ indentation: String) throws {
    try StandardOutput.write("\(indentation)structure  \(hexadecimal(digest.structure))\n")
    try StandardOutput.write("\(indentation)topology   \(hexadecimal(digest.topology))\n")
    try StandardOutput.write("\(indentation)values     \(hexadecimal(digest.values))\n")
  }
}
