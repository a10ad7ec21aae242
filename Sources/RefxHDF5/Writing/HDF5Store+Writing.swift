import Glibc
import Refx
import RefxStore

extension HDF5Store {
  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    if let path = target.temporaryPath {
      try write(contents, path: path, hasName: true, options: options)
      return
    }
    // libhdf5 seeks, so a pipe or memory takes a copy of a file that has no name.
    let file = try UnnamedFile()
    try write(contents, path: file.path, hasName: false, options: options)
    try file.copy(to: target)
  }

  private static func write(
    _ contents: CheckpointContents, path: String, hasName: Bool, options: WriteOptions
  ) throws {
    // Everything about the structure is checked before the first byte: an index without its value, for one.
    let structure = try contents.tree.structureDigest()
    let file = try FileWriter(path: path, hasName: hasName, contents: contents, options: options)
    let root = try file.openRoot()
    try file.attach(LayoutNames.format, text: LayoutNames.formatValue, to: root.id, at: .root)
    try file.attach(LayoutNames.version, number: 1 as Int64, dtype: .int64, to: root.id, at: .root)
    try file.attach(
      LayoutNames.codec, text: ChunkCodec(compression: options.compression).identity.text, to: root.id,
      at: .root)
    try file.attach(LayoutNames.structure, text: hexadecimal(structure.combined), to: root.id, at: .root)
    try TreeWriter(file).write(contents.tree)
    if !contents.metadata.isEmpty { try writeMetadata(contents.metadata, in: root, of: file) }
    try file.finish()
  }

  private static func writeMetadata(_ metadata: JSONObject, in root: HDF5Handle, of file: FileWriter) throws {
    let (type, bytes) = try file.textAndType(JSON.object(metadata).bytes())
    let dataset = try file.makeScalar(LayoutNames.metadata, in: root.id, type: type, bytes: bytes, at: .root)
    try file.attach(
      LayoutNames.checksum, number: bytes.withUnsafeBytes(CRC32.of), dtype: .uint32, to: dataset.id, at: .root
    )
  }
}

/// A file on disk without a name, for a library that insists on a path.
private final class UnnamedFile {
  private let descriptor: Int32

  init() throws {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var name = Array("\(folder)/refx-hdf5-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    guard descriptor >= 0 else {
      throw RefxError.system("cannot make a temporary file", errno: errno, file: folder)
    }
    unlink(name)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit {
    close(descriptor)
  }

  var path: String { "/proc/self/fd/\(descriptor)" }

  func copy(to target: any WriteTarget) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count < 0 {
        if errno == EINTR { continue }
        throw RefxError.system("cannot read the temporary file", errno: errno, file: path)
      }
      if count == 0 { return }
      try target.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
  }
}
