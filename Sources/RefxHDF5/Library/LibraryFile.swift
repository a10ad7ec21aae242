import CHDF5
import Glibc
import Refx
import RefxStore
import Synchronization

/// A file that libhdf5 has opened in this process.
///
/// What it says is trusted no more than the file, but libhdf5 itself may crash on a hostile one.
final class LibraryFile: LibraryReader {
  let context: HDF5Context
  let handle: HDF5Handle
  let byteCount: Int
  /// What libhdf5 calls the file; an object with another number is not in it.
  private let fileNumber: UInt
  private let known: FileGeometry
  /// The dataset whose chunks were looked up last.
  private let recent = Mutex<(address: UInt, handle: HDF5Handle)?>(nil)

  /// - Throws: ``RefxError`` where libhdf5 cannot open the file.
  init(_ file: InputFile) throws {
    byteCount = file.byteCount
    let context = HDF5Context(file: file.name)
    self.context = context
    handle = try LibraryFile.open(try file.standingAlone(), context)
    let creation = try context.open("H5Fget_create_plist", at: "/", H5Fget_create_plist(handle.id))
    var userBlock: hsize_t = 0
    try context.check("H5Pget_userblock", at: "/", H5Pget_userblock(creation.id, &userBlock))
    var sizes = (address: 0, length: 0)
    try context.check("H5Pget_sizes", at: "/", H5Pget_sizes(creation.id, &sizes.address, &sizes.length))
    guard let block = Int(exactly: userBlock), (2...8).contains(sizes.address), (2...8).contains(sizes.length)
    else { throw context.damaged("the superblock has sizes that are none", at: "/") }
    var info = H5O_info_t()
    try context.check("H5Oget_info2", at: "/", H5Oget_info2(handle.id, &info, UInt32(H5O_INFO_BASIC)))
    fileNumber = info.fileno
    known = FileGeometry(
      userBlock: block, addressSize: sizes.address, lengthSize: sizes.length, root: info.addr)
  }

  private static func open(_ file: InputFile, _ context: HDF5Context) throws -> HDF5Handle {
    let access = try context.open("H5Pcreate", at: "/", H5Pcreate(refx_h5p_file_access()))
    try context.check("H5Pset_file_locking", at: "/", H5Pset_file_locking(access.id, false, true))
    if let descriptor = file.descriptor { return try open(descriptor, access, context) }
    try context.check("H5Pset_fapl_core", at: "/", H5Pset_fapl_core(access.id, 1 << 20, false))
    try file.memory?.withBytes { image in
      _ = try context.check(
        "H5Pset_file_image", at: "/",
        H5Pset_file_image(access.id, UnsafeMutableRawPointer(mutating: image.baseAddress), image.count))
    }
    return try context.open("H5Fopen", at: "/", H5Fopen(nextImageName(), 0, access.id))
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

  func geometry() -> FileGeometry { known }

  // MARK: Objects

  func object(at address: UInt, _ name: String) throws -> LibraryObject {
    let object = try open(address, name)
    var info = H5O_info_t()
    try context.check("H5Oget_info2", at: name, H5Oget_info2(object.id, &info, UInt32(H5O_INFO_BASIC)))
    guard info.fileno == fileNumber else { throw context.damaged("an object of another file", at: name) }
    let content: StoredObject =
      switch info.type {
      case H5O_TYPE_GROUP: .group(try StoredLink.all(of: object, context, name))
      case H5O_TYPE_DATASET:
        .dataset(
          try DatasetHeader(of: object, at: address, in: known, context, name))
      case H5O_TYPE_NAMED_DATATYPE: .namedType
      default: .unknown
      }
    return LibraryObject(content: content, attributes: try LayoutAttributes(of: object, context, at: name))
  }

  func elementType(of address: UInt, _ name: String) throws -> StoredType? {
    let object = try open(address, name)
    guard HDF5Library.shared.withLock({ H5Iget_type(object.id) }) == H5I_DATASET else { return nil }
    let type = try context.open("H5Dget_type", at: name, H5Dget_type(object.id))
    let size = HDF5Library.shared.withLock { H5Tget_size(type.id) }
    guard size > 0 else { return nil }
    return StoredType(element: try ElementType(of: type.id, context, at: name), itemSize: size)
  }

  /// The object at an address that a hard link gave. No name is followed.
  private func open(_ address: UInt, _ name: String) throws -> HDF5Handle {
    try context.open("H5Oopen_by_addr", at: name, H5Oopen_by_addr(handle.id, address))
  }

  /// The same, kept open until another is asked for.
  func openDataset(at address: UInt, _ name: String) throws -> HDF5Handle {
    if let handle = recent.withLock({ $0?.address == address ? $0?.handle : nil }) { return handle }
    let handle = try open(address, name)
    recent.withLock { $0 = (address, handle) }
    return handle
  }
}

extension HDF5Context {
  func damaged(_ what: String, at object: String) -> RefxError {
    .hdf5Damaged(what, object: object, file: file)
  }

  func limit(_ expected: String, found: String, at object: String) -> RefxError {
    .hdf5Limit(expected, found: found, object: object, file: file)
  }
}
