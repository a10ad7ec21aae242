import Refx

extension DType {
  /// The dtype whose HDF5 type the elements have in the file. Where it is another one, the attribute `refx_dtype`
  /// says what the bytes are: HDF5 has no such float, and integers of four bits would have other bytes there than
  /// here, so that neither checksums nor chunks would be those of the leaf.
  var inHDF5: DType {
    switch self {
    case .float8E4M3FN, .uint4: .uint8
    case .int4: .int8
    case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .bfloat16,
      .float32,
      .float64, .complex64, .complex128, .float8E5M2, .string, .unsupported:
      self
    }
  }
}
