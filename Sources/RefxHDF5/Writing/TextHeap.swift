/// Text of any length on its way to a file: collections that hold it (a global heap), and for each element
/// where it lies.
struct TextHeap {
  /// The collections, of which the first lies where the heap starts.
  private(set) var collections = MetadataBuffer()
  /// The elements of the dataset: length, address of the collection, number in it.
  private(set) var elements = MetadataBuffer()
  private let start: UInt64
  /// The collection that is being filled, and where it will lie.
  private var objects = MetadataBuffer()
  private var count: UInt16 = 0

  private static let leastBytes = 4096
  private static let headBytes = 16

  /// - Parameter start: where the collections will lie.
  init(at start: UInt64) {
    self.start = start
  }

  mutating func add(_ text: ArraySlice<UInt8>) {
    elements.add(UInt32(text.count))
    guard !text.isEmpty else {
      elements.add(zeros: 12)
      return
    }
    let room = TextHeap.leastBytes - 2 * TextHeap.headBytes
    if count > 0, objects.bytes.count + TextHeap.headBytes + text.count + 7 > room { finishCollection() }
    count += 1
    elements.add(start + collections.address)
    elements.add(UInt32(count))
    objects.add(count)
    objects.add(0 as UInt16)
    objects.add(0 as UInt32)
    objects.add(UInt64(text.count))
    objects.add(text)
    objects.align()
  }

  mutating func finish() {
    if count > 0 { finishCollection() }
  }

  private mutating func finishCollection() {
    let used = TextHeap.headBytes + objects.bytes.count
    let size = max(TextHeap.leastBytes, used + TextHeap.headBytes)
    collections.add("GCOL")
    collections.add(1 as UInt8)
    collections.add(zeros: 3)
    collections.add(UInt64(size))
    collections.add(objects.bytes)
    // What is free is an object of number 0.
    collections.add(zeros: 8)
    collections.add(UInt64(size - used))
    collections.add(zeros: size - used - TextHeap.headBytes)
    objects = MetadataBuffer()
    count = 0
  }
}
