import CHDF5
import Refx

extension ElementType {
  /// Looks at an HDF5 datatype.
  init(of type: hid_t, _ context: HDF5Context, at object: String) throws {
    let size = HDF5Library.shared.withLock { H5Tget_size(type) }
    switch HDF5Library.shared.withLock({ H5Tget_class(type) }) {
    case H5T_INTEGER:
      self = try HDF5Library.shared.withLock { try ElementType.integer(type, size, context, object) }
    case H5T_FLOAT:
      self = try HDF5Library.shared.withLock { try ElementType.float(type, size, context, object) }
    case H5T_STRING:
      self = try HDF5Library.shared.withLock { try ElementType.text(type, size, context, object) }
    case H5T_ENUM:
      self = try HDF5Library.shared.withLock { try ElementType.enumeration(type, size, context, object) }
    case H5T_COMPOUND:
      self = try HDF5Library.shared.withLock { try ElementType.compound(type, size, context, object) }
    case H5T_VLEN: self = .sequences
    case H5T_REFERENCE: self = .references
    case H5T_OPAQUE: self = .opaque
    case H5T_BITFIELD: self = .bitfields
    case H5T_TIME: self = .times
    case H5T_ARRAY: self = .arrays
    default: self = .unsupported("unknown", "its type is of a class that this library does not know")
    }
  }

  /// Whether the elements are big-endian; nil for an order that is neither.
  private static func isBigEndian(_ type: hid_t) -> Bool? {
    switch H5Tget_order(type) {
    case H5T_ORDER_LE, H5T_ORDER_NONE: false
    case H5T_ORDER_BE: true
    default: nil
    }
  }

  private static func integer(
    _ type: hid_t, _ size: Int, _ context: HDF5Context, _ object: String
  ) throws -> ElementType {
    let isSigned = try context.check("H5Tget_sign", at: object, Int(H5Tget_sign(type).rawValue)) == 1
    return integer(
      isSigned: isSigned, bits: H5Tget_precision(type), offset: Int(H5Tget_offset(type)), size: size,
      isBigEndian: isBigEndian(type))
  }

  private static func float(
    _ type: hid_t, _ size: Int, _ context: HDF5Context, _ object: String
  ) throws -> ElementType {
    var fields = FloatFields()
    try context.check(
      "H5Tget_fields", at: object,
      H5Tget_fields(
        type, &fields.sign, &fields.exponent, &fields.exponentBits, &fields.mantissa, &fields.mantissaBits))
    fields.bias = H5Tget_ebias(type)
    fields.impliesLeadingBit = H5Tget_norm(type) == H5T_NORM_IMPLIED
    return float(
      fields, bits: H5Tget_precision(type), offset: Int(H5Tget_offset(type)), size: size,
      isBigEndian: isBigEndian(type))
  }

  private static func text(
    _ type: hid_t, _ size: Int, _ context: HDF5Context, _ object: String
  ) throws -> ElementType {
    if try context.check("H5Tis_variable_str", at: object, H5Tis_variable_str(type)) > 0 { return .heapText }
    switch H5Tget_strpad(type) {
    case H5T_STR_NULLTERM: return .fixedText(size: size, padding: .nullTerminated)
    case H5T_STR_NULLPAD: return .fixedText(size: size, padding: .nullPadded)
    case H5T_STR_SPACEPAD: return .fixedText(size: size, padding: .spacePadded)
    default: return unsupported("text", "its strings are padded in a way that this library does not know")
    }
  }

  /// A boolean is an enumeration of one byte with FALSE = 0 and TRUE = 1.
  private static func enumeration(
    _ type: hid_t, _ size: Int, _ context: HDF5Context, _ object: String
  ) throws -> ElementType {
    let count = try context.check("H5Tget_nmembers", at: object, H5Tget_nmembers(type))
    guard size == 1, count == 2 else { return .otherEnumeration }
    var values: [String: Int8] = [:]
    for member in 0..<UInt32(count) {
      guard let name = memberName(type, member) else {
        throw context.failure("H5Tget_member_name", at: object)
      }
      var value: Int8 = 0
      try context.check("H5Tget_member_value", at: object, H5Tget_member_value(type, member, &value))
      values[name] = value
    }
    guard values["FALSE"] == 0, values["TRUE"] == 1 else { return .otherEnumeration }
    return .number(.bool, isBigEndian: false)
  }

  /// A complex number is a compound of two equal floats, r and then i.
  private static func compound(
    _ type: hid_t, _ size: Int, _ context: HDF5Context, _ object: String
  ) throws -> ElementType {
    guard try context.check("H5Tget_nmembers", at: object, H5Tget_nmembers(type)) == 2,
      memberName(type, 0) == "r", memberName(type, 1) == "i", H5Tget_member_offset(type, 0) == 0,
      H5Tget_member_offset(type, 1) == size / 2
    else { return .otherCompound }
    let real = try context.open("H5Tget_member_type", at: object, H5Tget_member_type(type, 0))
    let imaginary = try context.open("H5Tget_member_type", at: object, H5Tget_member_type(type, 1))
    guard H5Tget_class(real.id) == H5T_FLOAT, H5Tget_class(imaginary.id) == H5T_FLOAT else {
      return .otherCompound
    }
    let part = try ElementType(of: real.id, context, at: object)
    guard try part == ElementType(of: imaginary.id, context, at: object) else { return .otherCompound }
    return complex(of: part, size: size)
  }

  private static func memberName(_ type: hid_t, _ member: UInt32) -> String? {
    guard let name = H5Tget_member_name(type, member) else { return nil }
    defer { H5free_memory(name) }
    return String(cString: name)
  }
}
