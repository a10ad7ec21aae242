import RefxStore

/// Where the bytes of storages lie.
protocol TorchPayload {
  /// - Throws: ``RefxError`` where there are not as many bytes as the storage has.
  func place(of storage: TorchStorage, number: Int) throws -> StoragePlace
}

/// Where the bytes of one storage lie.
struct StoragePlace {
  let region: any FileRegion
  let start: Int
  let isBigEndian: Bool
}
