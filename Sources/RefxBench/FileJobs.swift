import Glibc
import RefxIO

/// What is done with files that are there: conversion, comparison, digests, checks.
enum FileJobs {
  static let all: [Job] = [
    Job(
      "chunkcopy.refx-h5", "a compressed .refx file to a compressed HDF5 file", keys: copyKeys, body: convert),
    Job(
      "chunkcopy.h5-refx", "a compressed HDF5 file to a compressed .refx file", keys: copyKeys, body: convert),
    Job("diff.equal", "two equal files opened and compared", keys: "in= with=") { run in
      try compare(run) { try run.check($0.isEmpty, "no difference") }
    },
    Job("diff.changed", "two files of which every leaf differs", keys: "in= with=") { run in
      try compare(run) { try run.check($0.value.count == run.leaves, "every leaf to differ") }
      // Each byte of both is read.
      run.bytes = run.bytes.map { $0 * 2 }
    },
    Job("digest", "the three digests of a file", keys: "in=") { run in
      let path = try run.text("in")
      let (tree, digest) = try run.measure {
        let tree = try Checkpoint.open(path).contents.tree
        return (tree, try tree.digest())
      }
      run.note(sizeOf: tree)
      run.note("values", .string(hexadecimal(digest.values)))
    },
    Job("verify", "every checksum and bound of a file", keys: "in=") { run in
      let path = try run.text("in")
      var problems = 0
      let file = try run.measure {
        let file = try Checkpoint.open(path)
        try file.verify(nil) { _ in problems += 1 }
        return file
      }
      run.note(sizeOf: file.contents.tree)
      try run.check(problems == 0, "a sound file")
    },
    Job("listing", "a file opened and every leaf listed", keys: "in=") { run in
      let path = try run.text("in")
      let rows = try run.measure {
        try Listing(of: Checkpoint.open(path).contents.tree).rows.count
      }
      run.leaves = rows
    },
  ]

  private static let copyKeys = "in= out= [threads=]"

  private static func convert(_ run: Run) throws {
    let path = try run.text("in")
    let out = try run.text("out")
    let options = WriteOptions(compression: .fast, threads: try run.threads)
    let file = try run.measure {
      let file = try Checkpoint.open(path)
      try Checkpoint.save(contents: file.contents, to: out, options: options, durability: .none)
      return file
    }
    run.note(sizeOf: file.contents.tree)
    run.note("stored", .integer(Int64(try OpenFile(out).byteCount)))
  }

  private static func compare(_ run: Run, _ check: (TreeDiff) throws -> Void) throws {
    let one = try run.text("in")
    let other = try run.text("with")
    let (tree, diff) = try run.measure {
      let tree = try Checkpoint.open(one).contents.tree
      return (tree, try tree.diff(to: Checkpoint.open(other).contents.tree))
    }
    run.note(sizeOf: tree)
    try check(diff)
  }
}
