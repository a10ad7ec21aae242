import Refx
import RefxStore
import Synchronization

/// An HDF5 file that is read: its bytes, and libhdf5 for what our own code does not know.
final class HDF5Input: Sendable {
  let bytes: InputFile
  let geometry: FileGeometry
  /// Chunks that were decoded lately.
  let chunks = ChunkCache()
  /// Memory for chunks as they are stored, one for each thread that reads at the same time.
  let scratch = Pool { ByteBuffer() }
  /// What undoes deflate, each for one thread: an object of 90 KB, which is not made anew for each chunk.
  let decoders = Pool { ChunkDecoder() }
  /// The same for slabs of leaves.
  let slabs = Pool { ByteBuffer() }
  let options: OpenOptions
  private let opened: Mutex<(any LibraryReader)?>

  /// What every address in the file is relative to.
  var userBlock: Int { geometry.userBlock }
  /// Bytes of an address and of a length in the file.
  var addressSize: Int { geometry.addressSize }
  var lengthSize: Int { geometry.lengthSize }

  /// - Throws: ``RefxError`` where the file cannot be opened.
  init(_ file: InputFile, options: OpenOptions) throws {
    self.options = options
    bytes = file
    switch Superblock.find(in: file) {
    case .known(let superblock):
      geometry = superblock.geometry
      opened = Mutex(nil)
    case .cut(let expected):
      throw RefxError.cut(file: file.name, offset: 0, wanted: expected, size: file.byteCount)
    case .unknown:
      let reader = try HDF5Input.reader(of: file, options)
      geometry = try reader.geometry()
      opened = Mutex(reader)
    }
  }

  /// libhdf5, which is asked for the first time now, or was asked before.
  func library() throws -> any LibraryReader {
    try opened.withLock { opened in
      if let opened { return opened }
      let reader = try HDF5Input.reader(of: bytes, options)
      // Our own code has looked at the file as it understands it; both must speak of the same.
      guard try reader.geometry() == geometry else {
        throw damaged("the superblock can be understood in two ways", at: "/")
      }
      opened = reader
      return reader
    }
  }

  private static func reader(of file: InputFile, _ options: OpenOptions) throws -> any LibraryReader {
    switch options.libraries {
    case .inProcess: try LibraryFile(file)
    case .worker(let executable): try WorkerReader(file, executable: executable)
    }
  }

  func damaged(_ what: String, at object: String) -> RefxError {
    .hdf5Damaged(what, object: object, file: bytes.name)
  }

  func limit(_ expected: String, found: String, at object: String, advice: String? = nil) -> RefxError {
    .hdf5Limit(expected, found: found, object: object, file: bytes.name, advice: advice)
  }
}
