import Refx
import RefxStore

extension TorchTree {
  /// The tree of a tensor, or of whatever else a call in the pickle made.
  mutating func object(_ number: Int) throws -> Tree<Leaf> {
    switch objects.made[number] {
    case .tensor(let view):
      return try shared(.view(view), sites: viewSites[view] ?? 0) { tree in
        tree.overlaps.met(view, at: tree.keys)
        return try tree.leaf(of: tree.objects.views[view])
      }
    case .array(let array):
      let make = { (tree: inout TorchTree) in try tree.leaves.leaf(array, tree.objects.heap) }
      return try shared(.object(number), sites: array.isScalar ? 0 : objectSites[number] ?? 0, make)
    case .listed(let reason, let shape):
      return try shared(.object(number), sites: objectSites[number] ?? 0) { _ in
        .unsupported(reason, shape: shape)
      }
    case .storage(let part):
      let isMeta = objects.storages[part.storage].isMeta
      return .leaf(
        isMeta
          ? .unsupported(.meta)
          : .unsupported(part.element.rawValue, "elements of that type stand for no dtype of this library"))
    case .refused(let error): throw error
    case .complex(let real, let imaginary): return .leaf(try leaves.complex(real, imaginary))
    case .emptyArray, .arrayType:
      return .leaf(.unsupported("numpy", "it is a type of NumPy, or an array that was not completed"))
    }
  }

  private mutating func shared(
    _ sight: Sight, sites: Int, _ make: (inout TorchTree) throws -> Leaf
  ) throws -> Tree<Leaf> {
    guard sites > 1 else { return .leaf(try make(&self)) }
    if let number = numbers[sight] { return .index(Index(number)) }
    let number = numbers.count
    numbers[sight] = number
    return .value(Value(.leaf(try make(&self)), index: number))
  }

  mutating func leaf(of view: TorchView) throws -> Leaf {
    let storage = objects.storages[view.storage]
    guard let dtype = view.element.dtype else {
      return .unsupported(view.element.rawValue, "elements of that type stand for no dtype of this library")
    }
    let byteCount = dtype.byteCount(of: view.shape)
    guard let byteCount, byteCount <= bytesLeft else {
      return .unsupported(
        "expanded", "it repeats its elements out of all proportion to the size of the file",
        shape: view.shape)
    }
    bytesLeft -= byteCount
    try budget.charge(bytes: byteCount)
    try budget.charge(metadataBytes: TorchTree.tensorBytes + 16 * view.shape.count)
    let place = try payload.place(of: storage, number: view.storage)
    func leaf(_ shape: [Int], _ strides: [Int]) -> Leaf {
      Leaf(
        dtype: dtype, shape: shape,
        source: StridedSource(
          place.region, start: place.start + view.byteStart, dtype: dtype, shape: shape, strides: strides,
          isBigEndian: place.isBigEndian))
    }
    guard let axes = view.axesInStorage else { return leaf(view.shape, view.strides) }
    // Of one piece of the storage, with its dimensions in another order.
    var back = Array(repeating: 0, count: axes.count)
    for (position, axis) in axes.enumerated() { back[axis] = position }
    return try leaf(axes.map { view.shape[$0] }, axes.map { view.strides[$0] })
      .transposed(back, windows: windows, at: .root)
  }
}

extension TorchView {
  /// The dimensions in the order in which they lie in the storage, where they fill one piece of it in another order than
  /// the view's; nil where they do not.
  fileprivate var axesInStorage: [Int]? {
    let axes = shape.indices.sorted { strides[$0] == strides[$1] ? $0 < $1 : strides[$0] > strides[$1] }
    let long = axes.filter { shape[$0] > 1 }
    if long == long.sorted() || shape.contains(0) { return nil }
    var expected = 1
    for axis in long.reversed() {
      guard strides[axis] == expected else { return nil }
      expected *= shape[axis]
    }
    return axes
  }
}
