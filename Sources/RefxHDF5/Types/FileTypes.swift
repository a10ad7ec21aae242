import CHDF5
import Refx
import RefxStore

/// The HDF5 datatypes and dataspaces in which leaves are written, each made once for a file.
final class FileTypes {
  private let context: HDF5Context
  private var numbers: [DType: HDF5Handle] = [:]
  private var fixedTexts: [FixedText: HDF5Handle] = [:]
  private var heapText: HDF5Handle?
  private(set) lazy var scalar = Result { try context.open("H5Screate", at: "/", H5Screate(H5S_SCALAR)) }
  private(set) lazy var null = Result { try context.open("H5Screate", at: "/", H5Screate(H5S_NULL)) }

  private struct FixedText: Hashable {
    let size: Int
    let padding: H5T_str_t.RawValue
  }

  init(_ context: HDF5Context) {
    self.context = context
  }

  /// The type of a dtype's elements; of one byte each where HDF5 has no such type.
  func number(_ dtype: DType) throws -> hid_t {
    if let made = numbers[dtype] { return made.id }
    let made = try HDF5Library.shared.withLock { try make(dtype) }
    numbers[dtype] = made
    return made.id
  }

  /// UTF-8 in `size` bytes.
  func fixedText(size: Int, padding: H5T_str_t = H5T_STR_NULLPAD) throws -> hid_t {
    let key = FixedText(size: size, padding: padding.rawValue)
    if let made = fixedTexts[key] { return made.id }
    let type = try text(size: size)
    try context.check("H5Tset_strpad", at: "/", H5Tset_strpad(type.id, padding))
    if fixedTexts.count < 1024 { fixedTexts[key] = type } else { fixedTexts = [key: type] }
    return type.id
  }

  /// UTF-8 of any length, in the file's global heap.
  func variableText() throws -> hid_t {
    if let heapText { return heapText.id }
    let type = try text(size: refx_h5t_variable())
    heapText = type
    return type.id
  }

  private func text(size: Int) throws -> HDF5Handle {
    let type = try copy(refx_h5t_c_s1())
    try context.check("H5Tset_size", at: "/", H5Tset_size(type.id, size))
    try context.check("H5Tset_cset", at: "/", H5Tset_cset(type.id, H5T_CSET_UTF8))
    return type
  }

  private func copy(_ type: hid_t) throws -> HDF5Handle {
    try context.open("H5Tcopy", at: "/", H5Tcopy(type))
  }

  private func make(_ dtype: DType) throws -> HDF5Handle {
    switch dtype {
    case .int8: try copy(refx_h5t_std_i8le())
    case .int16: try copy(refx_h5t_std_i16le())
    case .int32: try copy(refx_h5t_std_i32le())
    case .int64: try copy(refx_h5t_std_i64le())
    case .uint8, .float8E4M3FN: try copy(refx_h5t_std_u8le())
    case .uint16: try copy(refx_h5t_std_u16le())
    case .uint32: try copy(refx_h5t_std_u32le())
    case .uint64: try copy(refx_h5t_std_u64le())
    case .float32: try copy(refx_h5t_ieee_f32le())
    case .float64: try copy(refx_h5t_ieee_f64le())
    case .float16, .bfloat16, .float8E5M2: try narrowFloat(dtype)
    case .bool: try boolean()
    case .complex64: try complex(of: .float32, size: 8)
    case .complex128: try complex(of: .float64, size: 16)
    case .string, .unsupported: throw RefxError.hdf5CannotHold(dtype.name, file: context.file)
    }
  }

  private func narrowFloat(_ dtype: DType) throws -> HDF5Handle {
    guard let fields = FloatFields.known.first(where: { $0.dtype == dtype })?.fields,
      let size = dtype.itemSize
    else {
      throw RefxError.hdf5CannotHold(dtype.name, file: context.file)
    }
    // The fields must lie within the size at every step, so they move first.
    let type = try copy(refx_h5t_ieee_f32le())
    try context.check(
      "H5Tset_fields", at: "/",
      H5Tset_fields(
        type.id, fields.sign, fields.exponent, fields.exponentBits, fields.mantissa, fields.mantissaBits))
    try context.check("H5Tset_size", at: "/", H5Tset_size(type.id, size))
    try context.check("H5Tset_ebias", at: "/", H5Tset_ebias(type.id, fields.bias))
    return type
  }

  private func boolean() throws -> HDF5Handle {
    let type = try context.open("H5Tenum_create", at: "/", H5Tenum_create(refx_h5t_std_i8le()))
    for (name, number) in [("FALSE", 0 as Int8), ("TRUE", 1)] {
      var value = number
      try context.check("H5Tenum_insert", at: "/", H5Tenum_insert(type.id, name, &value))
    }
    return type
  }

  private func complex(of part: DType, size: Int) throws -> HDF5Handle {
    let type = try context.open("H5Tcreate", at: "/", H5Tcreate(H5T_COMPOUND, size))
    let number = try number(part)
    try context.check("H5Tinsert", at: "/", H5Tinsert(type.id, "r", 0, number))
    try context.check("H5Tinsert", at: "/", H5Tinsert(type.id, "i", size / 2, number))
    return type
  }

  /// The dataspace of `shape`.
  func space(_ shape: [Int]) throws -> HDF5Handle {
    if shape.isEmpty { return try scalar.get() }
    let extents = shape.map { hsize_t($0) }
    return try context.open("H5Screate_simple", at: "/", H5Screate_simple(Int32(shape.count), extents, nil))
  }
}
