import CHDF5
import Glibc

extension StoredLink {
  /// The links of a group as libhdf5 lists them.
  static func all(of group: HDF5Handle, _ context: HDF5Context, _ place: String) throws -> [StoredLink] {
    final class Found {
      var all: [StoredLink] = []
      var softLinks: [(position: Int, size: Int)] = []
    }
    let found = Found()
    try withExtendedLifetime(found) {
      _ = try context.check(
        "H5Literate", at: place,
        H5Literate(
          group.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
          { _, name, info, list in
            guard let name, let info, let list else { return -1 }
            let found = Unmanaged<Found>.fromOpaque(list).takeUnretainedValue()
            let bytes = Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
            let target: Target
            switch info.pointee.type {
            case H5L_TYPE_HARD: target = .hard(info.pointee.u.address)
            case H5L_TYPE_SOFT:
              target = .soft("")
              found.softLinks.append((found.all.count, info.pointee.u.val_size))
            case H5L_TYPE_EXTERNAL: target = .external
            default: target = .userDefined
            }
            found.all.append(StoredLink(name: LinkText(bytes), target: target))
            return 0
          }, Unmanaged.passUnretained(found).toOpaque()))
    }
    for (position, size) in found.softLinks {
      let name = found.all[position].name
      guard size <= 1 << 16 else {
        throw context.limit("soft links of at most 65,536 bytes", found: "\(size)", at: place)
      }
      var value = [UInt8](repeating: 0, count: size + 1)
      var cName = name.bytes.map { CChar(bitPattern: $0) }
      cName.append(0)
      try context.check("H5Lget_val", at: place, H5Lget_val(group.id, cName, &value, size, 0))
      let path = value.prefix { $0 != 0 }
      found.all[position] = StoredLink(name: name, target: .soft(String(decoding: path, as: UTF8.self)))
    }
    return found.all
  }
}
