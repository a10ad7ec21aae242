/// A block of an array: from `low` on, up to and without `high`, in each dimension.
package struct Box {
  package var low: [Int]
  package var high: [Int]

  /// Calls `body` with blocks that hold the elements `start ..< end` of an array in C order.
  package static func forEach(of shape: [Int], from start: Int, to end: Int, _ body: (Box) throws -> Void)
    rethrows
  {
    guard start < end else { return }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    var box = Box(low: [Int](repeating: 0, count: shape.count), high: shape)

    // Below `axis` everything up to it is fixed; the range is relative to that.
    func split(_ axis: Int, _ start: Int, _ end: Int) throws {
      let stride = strides[axis]
      var first = start / stride
      let last = end / stride
      func one(_ position: Int, _ start: Int, _ end: Int) throws {
        box.low[axis] = position
        box.high[axis] = position + 1
        try split(axis + 1, start, end)
      }
      if start % stride != 0 {
        if first == last { return try one(first, start % stride, end % stride) }
        try one(first, start % stride, stride)
        first += 1
      }
      if first < last {
        box.low[axis] = first
        box.high[axis] = last
        for inner in (axis + 1)..<max(shape.count, axis + 1) {
          box.low[inner] = 0
          box.high[inner] = shape[inner]
        }
        try body(box)
      }
      if end % stride != 0 { try one(last, 0, end % stride) }
    }
    try split(0, start, end)
  }
}
