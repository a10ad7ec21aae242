/// One component of a ``Path``: the name of a dictionary's member or the decimal position in a list.
///
/// Keys are compared **by bytes**, never by Unicode equivalence: a composed "é" and a decomposed one are
/// two keys, as they are in every file format. Byte order of UTF-8 is code-point order, which is the order
/// of the members of a dictionary everywhere in this library.
public struct Key: Sendable {
  /// The key as text.
  public let string: String

  /// The key with this text.
  @inlinable
  public init(_ string: String) {
    self.string = string
  }

  /// The key of the `position`-th member of a list or tuple.
  @inlinable
  public init(_ position: Int) {
    self.string = String(position)
  }
}

extension Key: Hashable {
  public static func == (a: Key, b: Key) -> Bool {
    guard a.string.utf8.count == b.string.utf8.count else { return false }
    return a.withBytes { a in b.withBytes { b in firstDifference(a, b) == a.count } }
  }

  public func hash(into hasher: inout Hasher) {
    withBytes { hasher.combine(bytes: $0) }
    hasher.combine(0xFF as UInt8)
  }
}

extension Key: Comparable {
  public static func < (a: Key, b: Key) -> Bool {
    a.withBytes { a in
      b.withBytes { b in
        let place = firstDifference(a, b)
        return place < a.count && place < b.count ? a[place] < b[place] : a.count < b.count
      }
    }
  }
}

extension Key {
  private func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    var copy = string
    return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}

extension Key: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, CustomStringConvertible {
  public init(stringLiteral value: String) {
    self.init(value)
  }

  public init(integerLiteral position: Int) {
    self.init(position)
  }

  public var description: String { string }
}
