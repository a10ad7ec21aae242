import Refx
import RefxStore

/// A reader of this project, and what must hold whatever bytes it is given.
public struct FuzzTarget: Sendable {
  /// The name on the command line of `Tools/fuzz`, and of the folder of what failed once.
  public let name: String
  /// The format whose files it reads as a whole; nil where it reads a part of one, or something else.
  public let format: String?
  /// The most bytes of an input that are worth a try.
  public let mostBytes: Int
  /// Words that inputs are made of, for formats of text.
  public let words: [String]
  private let makeSeeds: @Sendable () throws -> [[UInt8]]
  private let body: @Sendable (UnsafeRawBufferPointer) throws -> Void

  init(
    _ name: String, of store: (any CheckpointStore.Type)? = nil, mostBytes: Int = 4096, words: [String] = [],
    seeds: @escaping @Sendable () throws -> [[UInt8]],
    _ body: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
  ) {
    self.name = name
    format = store?.format.name
    self.mostBytes = mostBytes
    self.words = words
    makeSeeds = seeds
    self.body = body
  }

  /// Reads files of `store`: what opens verifies or says why not; what verifies is saved again, and is then the same.
  init(
    _ name: String, of store: any CheckpointStore.Type, mostBytes: Int = 4096, words: [String] = [],
    seeds: @escaping @Sendable () throws -> [[UInt8]]
  ) {
    self.init(name, of: store, mostBytes: mostBytes, words: words, seeds: seeds) { input in
      try FuzzTarget.checkFile(store, memory(input))
    }
  }

  /// Every reader. A new one is one more name here; a test demands one for each format.
  public static let all: [FuzzTarget] = [
    refxFile, refxSealed, safetensors, safetensorsIndex, npy, npz, json, description, inflate, shuffle,
    chunks, headers,
    messages, chunkTrees, chunkListings, heaps, elements, hdf5, types, oldGroups, worker, pattern, slice,
    selector, path,
    textLeaf, part, rules,
    gguf, msgpack, keras,
    pickle, torchLegacy, torchArchive,
  ]

  /// Seeds of text.
  static func texts(_ texts: String...) -> @Sendable () -> [[UInt8]] {
    { texts.map { Array($0.utf8) } }
  }

  public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

  /// Inputs to begin with, made by our own writers.
  public func seeds() throws -> [[UInt8]] { try makeSeeds() }

  /// Gives the reader `input`. A refusal (``RefxError``) is as good as a result.
  ///
  /// - Throws: ``FuzzViolation`` where something does not hold, and whatever error is none of ours.
  public func run(_ input: UnsafeRawBufferPointer) throws {
    do { try body(input) } catch is RefxError {}
  }
}

/// What a reader did and must not do.
public struct FuzzViolation: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

func demand(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  if !condition { throw FuzzViolation(what()) }
}

/// The parts of an input: numbers at its front, the rest behind.
struct FuzzInput {
  private var left: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) {
    left = bytes
  }

  var count: Int { left.count }

  /// The next byte; 0 where there is none.
  mutating func byte() -> Int { Int(bytes(1).first ?? 0) }

  /// The next two bytes, little-endian.
  mutating func short() -> Int { byte() | byte() << 8 }

  /// The next bytes, as many as there are up to `count`.
  mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer {
    let taken = UnsafeRawBufferPointer(rebasing: left.prefix(count))
    left = UnsafeRawBufferPointer(rebasing: left.dropFirst(count))
    return taken
  }

  /// Everything that is left.
  mutating func rest() -> UnsafeRawBufferPointer { bytes(left.count) }
}

/// Inputs as they are and as text.
func memory(_ bytes: UnsafeRawBufferPointer) -> MemoryBytes {
  MemoryBytes(count: bytes.count) { $0.copyMemory(from: bytes) }
}

/// The text of an input; nil where it is not UTF-8, as no argument of a command is.
func text(_ bytes: UnsafeRawBufferPointer) -> String? {
  String(validating: bytes, as: UTF8.self)
}

func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian, Array.init)
}

extension Leaf {
  /// The logical bytes, read whole.
  func whole() throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      try source.read(
        at: 0,
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<byteCount]))
      filled = byteCount
    }
  }
}
