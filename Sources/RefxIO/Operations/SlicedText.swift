import Refx

/// The strings of an array that a slice wants, in C order, read through a small window: nothing but where some of
/// them begin is held.
final class SlicedText: LeafSource {
  private let leaf: Leaf
  private let path: Path
  private let axes: [Axis]
  let byteCount: Int
  /// Every window's worth of wanted strings one, so that no read starts far from where it is wanted.
  private let marks: [Mark]

  private struct Axis {
    /// Elements from one wanted position to the next, of the first, and how many there are.
    let stride: Int
    let offset: Int
    let count: Int
  }

  private struct Mark {
    /// Of a wanted string: where it begins here, how many come before it, its position in the array, and where it
    /// begins there.
    let offset: Int
    let wanted: Int
    let position: Int
    let source: Int
  }

  /// Reads the array up to its last wanted string.
  ///
  /// - Throws: ``RefxError`` where the array does not hold its strings.
  init(_ leaf: Leaf, at path: Path, axes: [(start: Int, count: Int, step: Int)]) throws {
    var (layers, width): ([Axis], Int) = ([], 1)
    for (axis, extent) in zip(axes, leaf.shape).reversed() {
      let stride = axis.count > 1 ? axis.step * width : 0
      layers.insert(Axis(stride: stride, offset: axis.start * width, count: axis.count), at: 0)
      width *= extent
    }
    var marks: [Mark] = []
    var reader = TextReader(leaf, at: path)
    var (position, offset) = (0, 0)
    for wanted in 0..<layers.reduce(1, { $0 * $1.count }) {
      let place = SlicedText.position(of: wanted, layers)
      while position < place {
        reader.skip(try reader.length())
        position += 1
      }
      if marks.last.map({ offset - $0.offset >= TextReader.windowBytes }) ?? true {
        marks.append(Mark(offset: offset, wanted: wanted, position: position, source: reader.offset))
      }
      let length = try reader.length()
      reader.skip(length)
      position += 1
      offset += 8 + length
    }
    self.leaf = leaf
    self.path = path
    self.axes = layers
    self.marks = marks
    byteCount = offset
  }

  private static func position(of wanted: Int, _ axes: [Axis]) -> Int {
    var (rest, place) = (wanted, 0)
    for axis in axes.reversed() {
      place += axis.offset + rest % axis.count * axis.stride
      rest /= axis.count
    }
    return place
  }

  /// The last one that is not beyond `offset`; the first is at 0.
  private func mark(before offset: Int) -> Mark {
    var (low, high) = (0, marks.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if marks[middle].offset <= offset { low = middle } else { high = middle }
    }
    return marks[low]
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if buffer.isEmpty { return }
    let mark = mark(before: offset)
    var reader = TextReader(leaf, at: path)
    reader.skip(mark.source)
    var (wanted, position, place, done) = (mark.wanted, mark.position, mark.offset, 0)
    while done < buffer.count {
      while position < SlicedText.position(of: wanted, axes) {
        reader.skip(try reader.length())
        position += 1
      }
      let start = reader.offset
      let count = 8 + (try reader.length())
      if place + count > offset + done {
        let from = offset + done - place
        reader.skip(start + from - reader.offset)
        try reader.pieces(min(count - from, buffer.count - done)) { bytes in
          UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyBytes(from: bytes)
          done += bytes.count
        }
      }
      reader.skip(start + count - reader.offset)
      place += count
      wanted += 1
      position += 1
    }
  }
}
