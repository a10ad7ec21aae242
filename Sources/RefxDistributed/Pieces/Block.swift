/// A block of an array: where it begins, and how far it reaches on each axis.
public struct Block: Hashable, Sendable {
  /// The position of its first element on each axis, outermost first.
  public let offset: [Int]
  /// Its extents.
  public let shape: [Int]

  /// - Precondition: as many offsets as extents.
  public init(offset: [Int], shape: [Int]) {
    precondition(offset.count == shape.count, "a block has an offset and an extent for each axis")
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
  func intersection(_ other: Block) -> Block? {
    var start: [Int] = []
    var extents: [Int] = []
    for axis in shape.indices {
      let from = max(offset[axis], other.offset[axis])
      let to = min(offset[axis] + shape[axis], other.offset[axis] + other.shape[axis])
      guard from < to else { return nil }
      start.append(from)
      extents.append(to - from)
    }
    return Block(offset: start, shape: extents)
  }
}

/// A block of an array as its elements lie in the array's memory, in C order: runs, each contiguous in both.
///
/// Elements are counted in two ways: by their place in the array, and by their place in the block.
struct BlockLayout {
  let block: Block
  private let whole: [Int]
  /// How many elements of the array, and of the block, lie inside one step of each axis.
  private let strides: [Int]
  private let ownStrides: [Int]
  /// How many elements of the block lie side by side in the array.
  let runLength: Int
  let count: Int

  /// - Precondition: the block fits in the array, whose elements can be counted.
  init(_ block: Block, in whole: [Int]) {
    self.block = block
    self.whole = whole
    strides = BlockLayout.strides(of: whole)
    ownStrides = BlockLayout.strides(of: block.shape)
    // Of a block without elements nothing is counted: its other extents may be any.
    count = block.shape.contains(0) ? 0 : block.shape.reduce(1, *)
    var run = 1
    guard count > 0 else {
      runLength = run
      return
    }
    for axis in whole.indices.reversed() {
      run *= block.shape[axis]
      if block.shape[axis] != whole[axis] { break }
    }
    runLength = run
  }

  private static func strides(of shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    guard !shape.contains(0) else { return strides }
    var stride = 1
    for axis in shape.indices.reversed() {
      strides[axis] = stride
      stride *= shape[axis]
    }
    return strides
  }

  /// How many elements of the block stand before the array's `place`-th.
  func elements(before place: Int) -> Int {
    guard count > 0, let outer = whole.first else { return count > 0 && place > 0 ? 1 : 0 }
    if place >= outer * strides[0] { return count }
    var rest = place
    var before = 0
    for axis in whole.indices {
      let position: Int
      (position, rest) = rest.quotientAndRemainder(dividingBy: strides[axis])
      let inside = position - block.offset[axis]
      before += min(max(inside, 0), block.shape[axis]) * ownStrides[axis]
      if inside < 0 || inside >= block.shape[axis] { return before }
    }
    return before
  }

  /// Where the block's `element`-th stands in the array.
  func place(of element: Int) -> Int {
    var rest = element
    var place = 0
    for axis in whole.indices {
      let position: Int
      (position, rest) = rest.quotientAndRemainder(dividingBy: ownStrides[axis])
      place += (position + block.offset[axis]) * strides[axis]
    }
    return place
  }

  /// Calls `body` with each run of the block's `elements`: where it begins in the block, where in the array, and how long
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
