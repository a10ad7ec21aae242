import Synchronization

/// Decoded chunks of one file, kept while they fit in 32 MiB; those used longest ago leave first. A slab of
/// the project's grid may cross many of another program's chunks, and each of these many slabs.
final class ChunkCache: Sendable {
  struct Key: Hashable {
    /// The dataset, and the chunk within it.
    let dataset: UInt
    let chunk: [Int]
  }

  private struct Entry {
    let bytes: [UInt8]
    var lastUse: Int
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var byteCount = 0
    var clock = 0
  }

  private let state = Mutex(State())
  private let byteLimit = 32 << 20
  /// The last of the chunks that are too large to be kept with others. One thread at a time decodes such.
  private let large = Mutex<(key: Key, bytes: [UInt8])?>(nil)

  /// The chunk of `byteCount` bytes, decoded unless it is kept.
  func chunk(_ key: Key, byteCount: Int, decode: () throws -> [UInt8]) rethrows -> [UInt8] {
    if byteCount > byteLimit / 2 {
      return try large.withLock { large in
        if let large, large.key == key { return large.bytes }
        large = nil
        let bytes = try decode()
        large = (key, bytes)
        return bytes
      }
    }
    let known = state.withLock { state -> [UInt8]? in
      state.clock += 1
      state.entries[key]?.lastUse = state.clock
      return state.entries[key]?.bytes
    }
    if let known { return known }
    let bytes = try decode()
    state.withLock { state in
      guard state.entries[key] == nil else { return }
      state.entries[key] = Entry(bytes: bytes, lastUse: state.clock)
      state.byteCount += bytes.count + 256
      if state.byteCount > byteLimit { makeRoom(&state) }
    }
    return bytes
  }

  /// Halves what is kept, so that looking for the oldest is paid for by many chunks.
  private func makeRoom(_ state: inout State) {
    for (key, entry) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
      if state.byteCount <= byteLimit / 2 { return }
      state.entries[key] = nil
      state.byteCount -= entry.bytes.count + 256
    }
  }
}
