import Refx
import RefxStore
import Synchronization

/// Asks libhdf5 in a process of its own.
final class WorkerReader: LibraryReader, @unchecked Sendable {
  private let file: InputFile
  private let executable: String
  private let known: FileGeometry
  /// Held while a question is open; it guards `state`.
  private let turn = Mutex(())
  private var state: State

  private struct State {
    var process: WorkerProcess?
    var deaths = 0
  }

  /// A file may crash a few workers, and what is sound in it be read all the same.
  private static let mostDeaths = 8

  /// - Throws: ``RefxError`` where there is no worker, it dies, or libhdf5 cannot open the file.
  init(_ file: InputFile, executable: String) throws {
    self.file = file
    self.executable = executable
    var state = State()
    known = try WorkerReader.ask(.geometry, "/", file, executable, &state) { reader, _ in
      try FileGeometry(&reader)
    }
    self.state = state
  }

  func geometry() -> FileGeometry { known }

  func object(at address: UInt, _ name: String) throws -> LibraryObject {
    try ask(.object(address: address), name) { reader, _ in
      try LibraryObject(&reader, at: address, in: known)
    }
  }

  func elementType(of address: UInt, _ name: String) throws -> StoredType? {
    try ask(.elementType(address: address), name) { reader, _ in
      try reader.optional { try StoredType(&$0) }
    }
  }

  func compactBytes(of address: UInt, count: Int, _ name: String) throws -> [UInt8] {
    try ask(.compactBytes(address: address, count: count), name) { reader, _ in
      let bytes = Array(try reader.piece())
      guard bytes.count == count else { throw WireReader.Fault() }
      return bytes
    }
  }

  func chunk(_ wanted: WantedChunk, into buffer: ByteBuffer, _ place: String) throws -> StoredChunk? {
    try ask(.chunk(wanted), place) { reader, process in
      let chunk = try reader.optional { reader in
        let byteCount = try reader.count()
        guard byteCount <= file.byteCount, let mask = UInt32(exactly: try reader.number()) else {
          throw WireReader.Fault()
        }
        return StoredChunk(byteCount: byteCount, mask: mask)
      }
      if let chunk, !process.receive(into: buffer.room(for: chunk.byteCount)) { throw WireReader.Fault() }
      return chunk
    }
  }

  private func ask<Value>(
    _ request: WorkerRequest, _ object: String,
    _ read: (inout WireReader, WorkerProcess) throws -> Value
  ) throws -> Value {
    try turn.withLock { _ in try WorkerReader.ask(request, object, file, executable, &state, read) }
  }

  private static func ask<Value>(
    _ request: WorkerRequest, _ object: String, _ file: InputFile, _ executable: String,
    _ state: inout State, _ read: (inout WireReader, WorkerProcess) throws -> Value
  ) throws -> Value {
    let process: WorkerProcess
    if let running = state.process {
      process = running
    } else {
      guard state.deaths < mostDeaths else { throw RefxError.readerDied(nil, file: file.name) }
      process = try WorkerProcess(file, executable: executable)
      state.process = process
    }
    guard let answer = process.ask(request) else {
      state.process = nil
      state.deaths += 1
      throw RefxError.workerDied(process.end(), file: file.name).atObject(object)
    }
    var reader = WireReader(answer)
    do {
      switch try reader.number() {
      case Wire.Outcome.answer:
        let value = try read(&reader, process)
        guard reader.isAtEnd else { throw WireReader.Fault() }
        return value
      case Wire.Outcome.error: throw try RefxError(&reader, at: object, file: file.name)
      default: throw WireReader.Fault()
      }
    } catch is WireReader.Fault {
      // Whoever says such things says nothing more.
      state.process = nil
      state.deaths += 1
      throw RefxError.workerDied(process.end(), file: file.name)
    }
  }
}
