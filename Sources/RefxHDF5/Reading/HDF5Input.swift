import CHDF5
import Glibc
import Refx
import RefxStore
import Synchronization

/// A file that libhdf5 has opened to read its metadata, and whose payload is read beside it.
final class HDF5Input: Sendable {
  let bytes: InputFile
  let context: HDF5Context
  let handle: HDF5Handle
  /// What every address in the file is relative to.
  let userBlock: Int
  /// Bytes of an address and of a length in the file.
  let addressSize: Int
  let lengthSize: Int
  /// What libhdf5 calls the file; an object with another number is not in it.
  let fileNumber: UInt
  /// Chunks that were decoded lately.
  let chunks = ChunkCache()
  /// Memory for chunks as they are stored, one for each thread that reads at the same time.
  let scratch = Pool { ByteBuffer() }
  /// The same for slabs of leaves.
  let slabs = Pool { ByteBuffer() }
  let options: OpenOptions
  /// The dataset whose chunks were looked up last.
  private let recent = Mutex<(address: haddr_t, handle: HDF5Handle)?>(nil)

  /// - Throws: ``RefxError`` where libhdf5 cannot open the file.
  init(_ file: InputFile, options: OpenOptions) throws {
    self.options = options
    bytes = file
    let context = HDF5Context(file: file.name)
    self.context = context
    let access = try context.open("H5Pcreate", at: "/", H5Pcreate(refx_h5p_file_access()))
    try context.check("H5Pset_file_locking", at: "/", H5Pset_file_locking(access.id, false, true))
    if let descriptor = file.descriptor {
      handle = try HDF5Input.open(descriptor, access, context)
    } else {
      try context.check("H5Pset_fapl_core", at: "/", H5Pset_fapl_core(access.id, 1 << 20, false))
      try file.memory?.withBytes { image in
        _ = try context.check(
          "H5Pset_file_image", at: "/",
          H5Pset_file_image(access.id, UnsafeMutableRawPointer(mutating: image.baseAddress), image.count))
      }
      handle = try context.open("H5Fopen", at: "/", H5Fopen(HDF5Input.nextImageName(), 0, access.id))
    }
    let creation = try context.open("H5Fget_create_plist", at: "/", H5Fget_create_plist(handle.id))
    var userBlock: hsize_t = 0
    try context.check("H5Pget_userblock", at: "/", H5Pget_userblock(creation.id, &userBlock))
    var sizes = (address: 0, length: 0)
    try context.check("H5Pget_sizes", at: "/", H5Pget_sizes(creation.id, &sizes.address, &sizes.length))
    guard let block = Int(exactly: userBlock), (2...8).contains(sizes.address), (2...8).contains(sizes.length)
    else {
      throw RefxError.hdf5Damaged("the superblock has sizes that are none", object: "/", file: file.name)
    }
    self.userBlock = block
    addressSize = sizes.address
    lengthSize = sizes.length
    var info = H5O_info_t()
    try context.check("H5Oget_info2", at: "/", H5Oget_info2(handle.id, &info, UInt32(H5O_INFO_BASIC)))
    fileNumber = info.fileno
  }

  /// Opens the descriptor's own file, whatever its name stands for by now.
  private static func open(
    _ descriptor: Int32, _ access: HDF5Handle, _ context: HDF5Context
  ) throws -> HDF5Handle {
    let path = "/proc/self/fd/\(descriptor)"
    try context.check("H5Pset_fapl_sec2", at: "/", H5Pset_fapl_sec2(access.id))
    do {
      // H5F_ACC_RDONLY is 0.
      return try context.open("H5Fopen", at: "/", H5Fopen(path, 0, access.id))
    } catch {
      // That driver wants to know the name, and a file that was replaced meanwhile has none.
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_nlink == 0 else { throw error }
      try context.check("H5Pset_fapl_stdio", at: "/", H5Pset_fapl_stdio(access.id))
      return try context.open("H5Fopen", at: "/", H5Fopen(path, 0, access.id))
    }
  }

  private static let images = Atomic<Int>(0)

  /// Files in memory have names too, which must differ.
  private static func nextImageName() -> String {
    "refx-image-\(images.add(1, ordering: .relaxed).newValue)"
  }

  /// The object at an address that a hard link gave. No name is followed.
  func openObject(at address: haddr_t, _ name: @autoclosure () -> String) throws -> HDF5Handle {
    try context.open("H5Oopen_by_addr", at: name(), H5Oopen_by_addr(handle.id, address))
  }

  /// The same, kept open until another is asked for.
  func openDataset(at address: haddr_t, _ name: String) throws -> HDF5Handle {
    if let handle = recent.withLock({ $0?.address == address ? $0?.handle : nil }) { return handle }
    let handle = try openObject(at: address, name)
    recent.withLock { $0 = (address, handle) }
    return handle
  }

  func damaged(_ what: String, at object: String) -> RefxError {
    .hdf5Damaged(what, object: object, file: bytes.name)
  }

  func limit(_ expected: String, found: String, at object: String) -> RefxError {
    .hdf5Limit(expected, found: found, object: object, file: bytes.name)
  }
}
