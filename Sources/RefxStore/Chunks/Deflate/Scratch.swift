/// Memory for `count` trivial elements, kept as long as its owner.
struct Scratch<Element: BitwiseCopyable>: ~Copyable {
  let start: UnsafeMutablePointer<Element>
  let count: Int

  init(_ count: Int, of element: Element) {
    start = .allocate(capacity: count)
    start.initialize(repeating: element, count: count)
    self.count = count
  }

  deinit {
    start.deallocate()
  }

  /// The elements; valid as long as this is.
  var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: start, count: count) }
}
