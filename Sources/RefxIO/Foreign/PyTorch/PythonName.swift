/// The classes and functions that a pickle may name. Nothing is imported and nothing called: each stands for
/// something that this reader knows how to build.
enum PythonName: Hashable {
  // Python's own.
  case ordered, defaultDictionary, counter, dictionary, list, tuple, set, frozenSet
  case bytes, byteArray, complex, encode, type, integerType, floatType, textType, boolType

  // Of torch.
  case tensor, tensorV2, tensorV3, parameter, parameterWithState, parameterClass, variable, tensorClass
  case deviceTensorFromArray, deviceTensorFromTensor, metaTensor
  case quantized, sparse, nested, fromType
  case size, device, layout
  case storage(TorchElement), untypedStorage
  case element(TorchElement)
  /// A constant, which is its own name.
  case constant(String)

  // Of NumPy.
  case arrayMaker, arrayClass, arrayType, arrayScalar, arrayFromBuffer

  init?(module: String, name: String) {
    switch module {
    case "collections", "builtins", "__builtin__", "_codecs":
      guard let found = PythonName.python(module == "__builtin__" ? "builtins" : module, name) else {
        return nil
      }
      self = found
    case "torch", "torch.cuda", "torch.storage", "torch._utils", "torch._tensor", "torch.nn.parameter",
      "torch.autograd.variable", "torch.serialization":
      guard let found = PythonName.torch(module, name) else { return nil }
      self = found
    case "numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric",
      "numpy._core.numeric":
      guard let found = PythonName.numpy(module, name) else { return nil }
      self = found
    default: return nil
    }
  }

  private static func python(_ module: String, _ name: String) -> PythonName? {
    switch (module, name) {
    case ("collections", "OrderedDict"): .ordered
    case ("collections", "defaultdict"): .defaultDictionary
    case ("collections", "Counter"): .counter
    case ("_codecs", "encode"): .encode
    case ("builtins", "dict"): .dictionary
    case ("builtins", "list"): .list
    case ("builtins", "tuple"): .tuple
    case ("builtins", "set"): .set
    case ("builtins", "frozenset"): .frozenSet
    case ("builtins", "bytes"): .bytes
    case ("builtins", "bytearray"): .byteArray
    case ("builtins", "complex"): .complex
    case ("builtins", "object"): .type
    case ("builtins", "int"), ("builtins", "long"): .integerType
    case ("builtins", "float"): .floatType
    case ("builtins", "str"), ("builtins", "unicode"): .textType
    case ("builtins", "bool"): .boolType
    default: nil
    }
  }

  private static func torch(_ module: String, _ name: String) -> PythonName? {
    switch (module, name) {
    case ("torch._utils", "_rebuild_tensor"): return .tensor
    case ("torch._utils", "_rebuild_tensor_v2"): return .tensorV2
    case ("torch._utils", "_rebuild_tensor_v3"): return .tensorV3
    case ("torch._utils", "_rebuild_parameter"): return .parameter
    case ("torch._utils", "_rebuild_parameter_with_state"): return .parameterWithState
    case ("torch._utils", "_rebuild_device_tensor_from_numpy"), ("torch._utils", "_rebuild_xla_tensor"):
      return .deviceTensorFromArray
    case ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"): return .deviceTensorFromTensor
    case ("torch._utils", "_rebuild_meta_tensor_no_storage"): return .metaTensor
    case ("torch._utils", "_rebuild_qtensor"): return .quantized
    case ("torch._utils", "_rebuild_sparse_tensor"), ("torch._utils", "_rebuild_sparse_csr_tensor"):
      return .sparse
    case ("torch._utils", "_rebuild_nested_tensor"): return .nested
    case ("torch._tensor", "_rebuild_from_type_v2"): return .fromType
    case ("torch.nn.parameter", "Parameter"), ("torch.nn.parameter", "Buffer"): return .parameterClass
    case ("torch.autograd.variable", "Variable"): return .variable
    case ("torch", "Tensor"), ("torch._tensor", "Tensor"): return .tensorClass
    case ("torch", "Size"): return .size
    case ("torch", "device"): return .device
    case ("torch.serialization", "_get_layout"): return .layout
    case ("torch", "strided"), ("torch", "sparse_coo"), ("torch", "sparse_csr"), ("torch", "sparse_csc"),
      ("torch", "sparse_bsr"), ("torch", "sparse_bsc"), ("torch", "contiguous_format"),
      ("torch", "channels_last"), ("torch", "channels_last_3d"), ("torch", "preserve_format"),
      ("torch", "per_tensor_affine"), ("torch", "per_channel_affine"), ("torch", "per_tensor_symmetric"),
      ("torch", "per_channel_symmetric"), ("torch", "per_channel_affine_float_qparams"):
      return .constant("torch." + name)
    case ("torch", "UntypedStorage"), ("torch.storage", "UntypedStorage"),
      ("torch.storage", "_UntypedStorage"),
      ("torch.storage", "TypedStorage"), ("torch.storage", "_TypedStorage"), ("torch.cuda", "UntypedStorage"):
      return .untypedStorage
    case ("torch", _), ("torch.cuda", _):
      if let element = TorchElement(storageClass: name) { return .storage(element) }
      return module == "torch" ? TorchElement(name: name).map { .element($0) } : nil
    default: return nil
    }
  }

  private static func numpy(_ module: String, _ name: String) -> PythonName? {
    switch (module, name) {
    case ("numpy", "ndarray"): .arrayClass
    case ("numpy", "dtype"): .arrayType
    case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"): .arrayMaker
    case ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"): .arrayScalar
    case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"): .arrayFromBuffer
    default: nil
    }
  }
}
