import Refx
import RefxStore

/// What the elements of a dataset are in the file.
enum ElementType: Hashable, Sendable {
  /// Elements of a dtype, in the file's byte order.
  case number(DType, isBigEndian: Bool)
  /// Text in a fixed number of bytes.
  case fixedText(size: Int, padding: TextPadding)
  /// Text in the file's global heap.
  case heapText
  /// Anything else, by its name and why it cannot be represented.
  case unsupported(UnsupportedLeaf)

  enum TextPadding: Hashable, Sendable { case nullTerminated, nullPadded, spacePadded }
}
