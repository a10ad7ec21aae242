import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct TieCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tie", abstract: "Make sites share one value.",
    discussion: """
      The values must be equal byte for byte, dtypes and shapes too, unless --take names the site that wins. Two \
      plain arrays become a Ref without a collection. A Ref brings its collection; where two differ, --collection \
      says which it is to be, and with --take the winner's stays. Whatever else shared with one of the paths shares \
      with all of them then. Paths that share already are said on standard error.

      Refs that hold subtrees can be tied to each other where all in them is equal. A dictionary or list that is \
      no Ref cannot, nor static values, nothings and holes, nor what lies inside the value of another of the paths.

      With --json it prints {"file", "format", "leaves", "sites": all sites of the value, "alreadyTied": those of \
      the paths that shared before, "collection", "lostAttributes"}.

      Examples:
        refx tie model.safetensors lm_head.weight wte.weight -o tied.safetensors
        refx tie m.refx encoder/embed decoder/embed --take encoder/embed -o tied.refx
        refx tie m.h5 embed head --collection params -o tied.h5
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "The paths of the sites, two or more, keys joined with /.")
  var path: [String]

  @Option(help: ArgumentHelp("The one of the paths whose value wins where they differ.", valueName: "path"))
  var take: String?

  @Option(help: ArgumentHelp("The collection of the tied value; - is none.", valueName: "name"))
  var collection: String?

  @OptionGroup var change: ChangeOptions

  func run() throws {
    let paths = try path.map { try RefxCLI.path(from: $0) }
    let take = try self.take.map { try RefxCLI.path(from: $0) }
    let tag = try collection.map { TieCollection.given(try CollectionTag.choice(text: $0)) } ?? .agreed
    let format = try change.format()
    let (contents, skipped) = try change.read(file)
    let tied: TiedCheckpoint
    do {
      tied = try contents.tying(paths, take: take, collection: tag)
    } catch let error as RefxError {
      throw error.inFile(file)
    }
    note(tied, paths)
    try change.save(tied.contents, as: format) {
      [
        .init("sites", .array(tied.sites.map(\.json))),
        .init("alreadyTied", .array(tied.alreadyTied.map(\.json))),
        .init("collection", CollectionTag.json(tied.collection)),
        .init("lostAttributes", .array(tied.lostAttributes.map(\.json))),
      ] + change.skip.members(skipped)
    }
  }

  private func note(_ tied: TiedCheckpoint, _ paths: [Path]) {
    if !tied.alreadyTied.isEmpty {
      let names = firstFew(tied.alreadyTied)
      StandardError.note(
        "\(visible(file)): \(names) \(tied.wasTied(paths) ? "shared one value already" : "shared already")",
        change.options
      )
    }
    for path in tied.lostAttributes {
      StandardError.loss(
        "\(visible(file)): \(path.shown): its attributes went with the value that gave way")
    }
  }
}

struct UntieCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "untie", abstract: "Give sites values of their own.",
    discussion: """
      Each site that matches gets a value of its own, with its collection; sites that do not match stay tied to each \
      other. Where all sites of a value match, each has its own then. A shared subtree is copied whole, with what \
      is tied inside it.

      PATTERN is a glob over the path, or with --regex a regular expression. What lies inside a shared subtree is \
      matched under its first site, as inspect lists it. A pattern that matches nothing is an error; what it \
      matches and nothing shares is said on standard error.

      With --json it prints {"file", "format", "leaves", "untied": the sites with values of their own, "unshared": \
      what matched and shared with nothing, "tiedInside": how many values inside them are shared still}.

      Examples:
        refx untie m.refx head -o untied.refx
        refx untie m.h5 'decoder/**' -o untied.h5
        refx untie m.refx --regex 'layers/[0-9]+/norm' -o untied.refx
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Argument(help: "Which sites: * is one key, ** any number.")
  var pattern: String

  @OptionGroup var patterns: PatternOptions

  @OptionGroup var change: ChangeOptions

  func run() throws {
    let pattern = try patterns.regex ? PathPattern(regex: self.pattern) : PathPattern(glob: self.pattern)
    let format = try change.format()
    let (contents, skipped) = try change.read(file)
    let untied: UntiedCheckpoint
    do { untied = try contents.untying(pattern) } catch let error as RefxError { throw error.inFile(file) }
    if !untied.unshared.isEmpty {
      let names = firstFew(untied.unshared)
      StandardError.note("\(visible(file)): \(names): shared with nothing, left as it was", change.options)
    }
    if untied.tiedInside > 0 {
      StandardError.note(
        "\(visible(file)): \(counted(untied.tiedInside, "shared value stays", "shared values stay")) inside what was "
          + "untied: a subtree is copied with what is tied in it", change.options)
    }
    try change.save(untied.contents, as: format) {
      [
        .init("untied", .array(untied.untied.map(\.json))),
        .init("unshared", .array(untied.unshared.map(\.json))),
        .init("tiedInside", .integer(Int64(untied.tiedInside))),
      ] + change.skip.members(skipped)
    }
  }
}
