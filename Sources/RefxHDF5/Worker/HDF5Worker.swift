import CConfine
import Glibc
import Refx
import RefxStore

/// The process in which libhdf5 reads a file that nobody vouches for.
///
/// It is given the open file, read-only, and one end of a connection; its environment is empty but for where
/// libraries lie. It cannot open another file, start another process, connect to anything or write anywhere
/// else, as far as the system lets a process give that up; its memory and its time are limited. What it answers
/// is checked like the file itself.
public enum HDF5Worker {
  /// Where the worker finds what it works with.
  enum Descriptor {
    static let connection: Int32 = 0
    static let file: Int32 = 3
  }

  /// The argument that makes a program a worker.
  static let argument = "--refx-hdf5-worker"

  /// Becomes a worker where this program was started as one, and never returns then. To be called before
  /// anything else by a program that ``LibraryAccess/worker(executable:)`` names.
  public static func serveIfAsked() {
    guard CommandLine.argc == 2, let argument = CommandLine.unsafeArgv[1],
      strcmp(argument, self.argument) == 0
    else { return }
    serve()
  }

  private static func serve() -> Never {
    refx_close_from(Descriptor.file + 1)
    guard let file = try? InputFile(descriptor: Descriptor.file, name: "") else { _exit(2) }
    WorkerLimits(file).apply()
    refx_confine(1)
    var session = WorkerSession(file)
    while let request = Wire.receive(from: Descriptor.connection, most: 1 << 16) {
      session.answer(request)
    }
    _exit(0)
  }
}

/// What one worker does: it opens its file when it is first asked, and answers until nobody asks any more.
private struct WorkerSession {
  private let file: InputFile
  private var opened: LibraryFile?
  private let buffer = ByteBuffer()
  private let limits: WorkerLimits

  init(_ file: InputFile) {
    self.file = file
    limits = WorkerLimits(file)
  }

  mutating func answer(_ request: [UInt8]) {
    var writer = WireWriter()
    var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    limits.startClock()
    do {
      let request = try WorkerRequest(request)
      writer.add(Wire.Outcome.answer)
      payload = try answer(request, &writer)
    } catch {
      let said = error as? RefxError ?? RefxError.workerMisunderstood(file: "")
      writer = WireWriter()
      writer.add(Wire.Outcome.error)
      said.write(to: &writer)
    }
    limits.stopClock()
    guard Wire.send(writer.bytes, to: HDF5Worker.Descriptor.connection),
      Wire.send(payload, to: HDF5Worker.Descriptor.connection)
    else { _exit(0) }
  }

  /// - Returns: stored bytes that follow the answer.
  private mutating func answer(
    _ request: WorkerRequest, _ writer: inout WireWriter
  ) throws -> UnsafeRawBufferPointer {
    let library = try open()
    switch request {
    case .geometry: library.geometry().write(to: &writer)
    case .object(let address): try library.object(at: address, "").write(to: &writer)
    case .elementType(let address):
      writer.add(try library.elementType(of: address, "")) { $1.write(to: &$0) }
    case .compactBytes(let address, let count):
      writer.add(try library.compactBytes(of: address, count: count, ""))
    case .chunk(let wanted):
      let chunk = try library.chunk(wanted, into: buffer, "")
      writer.add(chunk) { writer, chunk in
        writer.add(chunk.byteCount)
        writer.add(UInt64(chunk.mask))
      }
      if let chunk { return UnsafeRawBufferPointer(buffer.room(for: chunk.byteCount)) }
    }
    return UnsafeRawBufferPointer(start: nil, count: 0)
  }

  private mutating func open() throws -> LibraryFile {
    if let opened { return opened }
    let library = try LibraryFile(file)
    opened = library
    // From here on nothing needs to be opened any more.
    limits.closeDoors()
    refx_confine(0)
    return library
  }
}
