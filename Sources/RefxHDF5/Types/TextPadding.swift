extension ElementType.TextPadding {
  /// The text in a field of fixed size.
  func unpadded(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    switch self {
    case .nullTerminated: field.prefix { $0 != 0 }
    case .nullPadded: field.dropLast { $0 == 0 }
    case .spacePadded: field.dropLast { $0 == 0x20 }
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func dropLast(while matches: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    var end = endIndex
    while end > startIndex, matches(self[end - 1]) { end -= 1 }
    return self[startIndex..<end]
  }
}
