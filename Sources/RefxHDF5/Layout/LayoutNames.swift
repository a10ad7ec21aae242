import Refx

/// The names that the layout gives to attributes, groups and kinds of nodes. See
/// `Documentation/hdf5-layout.md`.
enum LayoutNames {
  static let format = "refx_format"
  static let formatValue = "refx"
  static let version = "refx_version"
  /// The version of the layout that is written, and the one that is read.
  static let versionValue: Int64 = 1
  static let codec = "refx_codec"
  static let structure = "refx_structure"
  static let node = "refx_node"
  static let index = "refx_index"
  static let collection = "refx_collection"
  static let dtype = "refx_dtype"
  static let checksum = "refx_crc32"

  /// The CRC-32 of the object's attributes that are text in the heap, which HDF5 gives no checksum.
  static let textChecksum = "refx_texts_crc32"

  /// All names that objects may have in this version of the layout.
  static let attributes: Set<String> = [
    format, version, codec, structure, node, index, collection, dtype, checksum, textChecksum,
  ]

  static let tree = "tree"
  static let refs = "refs"
  static let metadata = "metadata"
  /// In the metadata: the attributes that no attribute of HDF5 can hold.
  static let attributesInMetadata: Key = "refx_attributes"
}

/// What `refx_node` says of an object. Plain leaves have no such attribute.
enum NodeKind: String {
  case dictionary = "dict"
  case list, tuple, none, nothing, hole
  case `static`
  /// A Ref whose value is another Ref, its one member "0".
  case reference = "ref"
}
