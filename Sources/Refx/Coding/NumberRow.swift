/// Numbers of one type in a row, collected one by one or many at once: what an unkeyed container holds that
/// nothing else was written to. `Foundation.Data` and SIMD vectors write themselves like this.
struct NumberRow {
  let dtype: DType
  private let itemSize: Int
  private var bytes: [UInt8] = []

  init<E: TensorElement>(of type: E.Type) {
    dtype = E.dtype
    itemSize = MemoryLayout<E>.size
  }

  var count: Int { bytes.count / itemSize }

  mutating func append<E: TensorElement>(_ number: E) {
    withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
  }

  mutating func append<S: Sequence>(contentsOf numbers: S) where S.Element: TensorElement {
    let isDone: Void? = numbers.withContiguousStorageIfAvailable { numbers in
      bytes.append(contentsOf: UnsafeRawBufferPointer(numbers))
    }
    if isDone == nil { for number in numbers { append(number) } }
  }

  /// The row as one leaf.
  var leaf: Leaf { Leaf(dtype: dtype, shape: [count], source: MemoryBytes(sharing: bytes)) }

  /// Each number as a leaf of its own.
  var leaves: [Leaf] {
    (0..<count).map { position in
      let start = position * itemSize
      let number = MemoryBytes(count: itemSize) { $0.copyBytes(from: bytes[start..<(start + itemSize)]) }
      return Leaf(dtype: dtype, shape: [], source: number)
    }
  }
}
