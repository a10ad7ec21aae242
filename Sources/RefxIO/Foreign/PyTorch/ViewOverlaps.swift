import Refx

/// Which tensors view some elements in common without being one value.
struct ViewOverlaps {
  /// For each storage of which several views overlap, these views, and where they are met first.
  private var groups: [(views: [Int], paths: [Path])] = []
  private var groupOfView: [Int: Int] = [:]

  /// Elements that are looked at one by one in all; where there are more, what lies between the first and the last
  /// element of a view counts as viewed.
  private static let mostElements = 1 << 22
  private static let mostWarnings = 20
  private static let mostPaths = 8

  init() {}

  init(of views: [(number: Int, view: TorchView)]) {
    var byStorage: [Int: [(number: Int, view: TorchView)]] = [:]
    for entry in views where !entry.view.shape.contains(0) {
      byStorage[entry.view.storage, default: []].append(entry)
    }
    var elementsLeft = ViewOverlaps.mostElements
    for storage in byStorage.keys.sorted() {
      guard let entries = byStorage[storage], entries.count > 1 else { continue }
      let overlapping = ViewOverlaps.overlapping(entries, &elementsLeft)
      if overlapping.isEmpty { continue }
      for view in overlapping { groupOfView[view] = groups.count }
      groups.append((overlapping, []))
    }
  }

  /// Notes where a view is met first.
  mutating func met(_ view: Int, at keys: [Key]) {
    guard let group = groupOfView[view], groups[group].paths.count < ViewOverlaps.mostPaths else { return }
    groups[group].paths.append(Path(keys))
  }

  var warnings: [String] {
    var warnings = groups.prefix(ViewOverlaps.mostWarnings).map { views, paths in
      let names = paths.map { "\"\($0.text)\"" }.joined(separator: ", ")
      let more = views.count > paths.count ? " and \(views.count - paths.count) more" : ""
      return
        "\(names)\(more) view overlapping parts of one storage, each in its own way: they become values of "
        + "their own"
    }
    if groups.count > warnings.count {
      warnings.append("so do the tensors of \(groups.count - warnings.count) further storages")
    }
    return warnings
  }

  // MARK: Finding them

  private typealias Entry = (number: Int, view: TorchView)

  /// The views of one storage that have an element in common with another one.
  private static func overlapping(_ entries: [Entry], _ elementsLeft: inout Int) -> [Int] {
    var found: Set<Int> = []
    let sorted = entries.sorted { $0.view.byteStart < $1.view.byteStart }
    var cluster: [Entry] = []
    var end = 0
    func settle(_ elementsLeft: inout Int) {
      guard cluster.count > 1 else { return }
      found.formUnion(together(cluster, end: end, &elementsLeft))
    }
    for entry in sorted {
      if entry.view.byteStart >= end {
        settle(&elementsLeft)
        cluster = []
      }
      cluster.append(entry)
      end = max(end, entry.view.byteEnd)
    }
    settle(&elementsLeft)
    return found.sorted()
  }

  /// The views of a row whose extents overlap that have an element in common with another one.
  private static func together(_ cluster: [Entry], end: Int, _ elementsLeft: inout Int) -> [Int] {
    let start = cluster[0].view.byteStart
    var cost = end - start
    for entry in cluster { cost = cost.addingReportingOverflow(entry.view.distinctByteCount).partialValue }
    guard cost >= 0, cost <= elementsLeft else { return cluster.map(\.number) }
    elementsLeft -= cost
    var owners = [Int32](repeating: -1, count: end - start)
    var isFound = [Bool](repeating: false, count: cluster.count)
    for (position, entry) in cluster.enumerated() {
      entry.view.forEachElement { place in
        for byte in (place - start)..<(place - start + entry.view.element.itemSize) {
          let owner = Int(owners[byte])
          if owner >= 0, owner != position {
            isFound[owner] = true
            isFound[position] = true
          }
          owners[byte] = Int32(position)
        }
      }
    }
    return cluster.indices.filter { isFound[$0] }.map { cluster[$0].number }
  }
}

extension TorchView {
  /// Where its last element ends. The view was found to lie in its storage, so nothing overflows.
  fileprivate var byteEnd: Int {
    zip(shape, strides).reduce(byteStart + element.itemSize) { $0 + ($1.0 - 1) * $1.1 * element.itemSize }
  }

  /// The bytes it has without those that a stride of zero repeats.
  fileprivate var distinctByteCount: Int {
    zip(shape, strides).reduce(element.itemSize) { count, axis in
      let (product, overflow) = count.multipliedReportingOverflow(by: axis.1 == 0 ? 1 : axis.0)
      return overflow ? .max / 2 : product
    }
  }

  /// Calls `body` with the place of every element, those that a stride of zero repeats once.
  fileprivate func forEachElement(_ body: (Int) -> Void) {
    let axes = zip(shape, strides).filter { $0.1 != 0 }
    var index = [Int](repeating: 0, count: axes.count)
    var place = byteStart
    while true {
      body(place)
      var axis = axes.count - 1
      while axis >= 0 {
        index[axis] += 1
        place += axes[axis].1 * element.itemSize
        if index[axis] < axes[axis].0 { break }
        place -= axes[axis].0 * axes[axis].1 * element.itemSize
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
