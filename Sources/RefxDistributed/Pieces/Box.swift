/// A block of an array: where it begins, and how far it reaches on each axis.
public struct Box: Hashable, Sendable {
  /// The position of its first element on each axis, outermost first.
  public let offset: [Int]
  /// Its extents.
  public let shape: [Int]

  /// - Precondition: as many offsets as extents.
  public init(offset: [Int], shape: [Int]) {
    precondition(offset.count == shape.count, "a box has an offset and an extent for each axis")
    self.offset = offset
    self.shape = shape
  }

  /// All of an array.
  public init(allOf shape: [Int]) {
    self.init(offset: Array(repeating: 0, count: shape.count), shape: shape)
  }

  /// The number of elements; nil where they cannot be counted.
  var count: Int? {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      count = product
    }
    return count
  }

  /// Whether every element of it is one of an array of `whole`.
  func fits(in whole: [Int]) -> Bool {
    guard shape.count == whole.count else { return false }
    return whole.indices.allSatisfy {
      offset[$0] >= 0 && shape[$0] >= 0 && offset[$0] <= whole[$0] && shape[$0] <= whole[$0] - offset[$0]
    }
  }

  /// The block that both have; nil where there is none.
  func intersection(_ other: Box) -> Box? {
    var start: [Int] = []
    var extents: [Int] = []
    for axis in shape.indices {
      let from = max(offset[axis], other.offset[axis])
      let to = min(offset[axis] + shape[axis], other.offset[axis] + other.shape[axis])
      guard from < to else { return nil }
      start.append(from)
      extents.append(to - from)
    }
    return Box(offset: start, shape: extents)
  }
}

/// A block of an array as its elements lie in the array's memory, in C order: runs, each contiguous in both.
///
/// Elements are counted in two ways: by their place in the array, and by their place in the box.
struct BoxLayout {
  let box: Box
  private let whole: [Int]
  /// How many elements of the array, and of the box, lie inside one step of each axis.
  private let strides: [Int]
  private let ownStrides: [Int]
  /// How many elements of the box lie side by side in the array.
  let runLength: Int
  let count: Int

  /// - Precondition: the box fits in the array, whose elements can be counted.
  init(_ box: Box, in whole: [Int]) {
    self.box = box
    self.whole = whole
    strides = BoxLayout.strides(of: whole)
    ownStrides = BoxLayout.strides(of: box.shape)
    count = box.shape.reduce(1, *)
    var run = 1
    for axis in whole.indices.reversed() {
      run *= box.shape[axis]
      if box.shape[axis] != whole[axis] { break }
    }
    runLength = run
  }

  private static func strides(of shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    var stride = 1
    for axis in shape.indices.reversed() {
      strides[axis] = stride
      stride *= shape[axis]
    }
    return strides
  }

  /// How many elements of the box stand before the array's `place`-th.
  func elements(before place: Int) -> Int {
    guard count > 0, let outer = whole.first else { return count > 0 && place > 0 ? 1 : 0 }
    if place >= outer * strides[0] { return count }
    var rest = place
    var before = 0
    for axis in whole.indices {
      let position: Int
      (position, rest) = rest.quotientAndRemainder(dividingBy: strides[axis])
      let inside = position - box.offset[axis]
      before += min(max(inside, 0), box.shape[axis]) * ownStrides[axis]
      if inside < 0 || inside >= box.shape[axis] { return before }
    }
    return before
  }

  /// Where the box's `element`-th stands in the array.
  func place(of element: Int) -> Int {
    var rest = element
    var place = 0
    for axis in whole.indices {
      let position: Int
      (position, rest) = rest.quotientAndRemainder(dividingBy: ownStrides[axis])
      place += (position + box.offset[axis]) * strides[axis]
    }
    return place
  }

  /// Calls `body` with each run of the box's `elements`: where it begins in the box, where in the array, and how long
  /// it is.
  func forEachRun(of elements: Range<Int>, _ body: (_ own: Int, _ place: Int, _ count: Int) throws -> Void)
    rethrows
  {
    var element = elements.lowerBound
    while element < elements.upperBound {
      let length = min(runLength - element % runLength, elements.upperBound - element)
      try body(element, place(of: element), length)
      element += length
    }
  }
}
