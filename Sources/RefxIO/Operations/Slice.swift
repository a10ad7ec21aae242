import Refx
import RefxStore

/// Which part of an array is wanted, as `0:10,:,3` says: for each axis a range, or a position, which takes
/// the axis away. Negative numbers count from the end. Axes that are not named are taken whole.
public struct Slice: Sendable, Hashable {
  /// What is wanted of one axis.
  public enum Axis: Sendable, Hashable {
    /// One position, from 0; negative ones count from the end. The axis goes away.
    case position(Int)
    /// Positions from `start` up to `end`, which is left out, every `step`th; nil for all on that side.
    case range(start: Int?, end: Int?, step: Int)
  }

  /// As it was written.
  public let text: String
  /// What is wanted of the axes that are named, outermost first.
  public let axes: [Axis]

  /// These positions of each axis.
  public init(_ ranges: [Range<Int>]) {
    text = ranges.map { "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ",")
    axes = ranges.map { .range(start: $0.lowerBound, end: $0.upperBound, step: 1) }
  }

  /// - Throws: ``RefxError`` where an axis is neither a position nor a range.
  public init(text: String) throws {
    self.text = text
    axes = try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let pieces = part.split(separator: ":", omittingEmptySubsequences: false).map(Slice.trimmed)
      func number(_ piece: String) throws -> Int? {
        if piece.isEmpty { return nil }
        guard let number = Int(piece) else {
          throw RefxError.unreadableSlice(text, reason: "'\(piece)' is no number")
        }
        return number
      }
      switch pieces.count {
      case 1:
        guard let position = try number(pieces[0]) else {
          throw RefxError.unreadableSlice(text, reason: "an axis is empty")
        }
        return .position(position)
      case 2, 3:
        let step = pieces.count == 3 ? try number(pieces[2]) ?? 1 : 1
        guard step > 0 else { throw RefxError.unreadableSlice(text, reason: "a step is not positive") }
        return .range(start: try number(pieces[0]), end: try number(pieces[1]), step: step)
      default: throw RefxError.unreadableSlice(text, reason: "an axis has more than two colons")
      }
    }
  }

  private static func trimmed(_ piece: Substring) -> String {
    var piece = piece
    while piece.first == " " { piece = piece.dropFirst() }
    while piece.last == " " { piece = piece.dropLast() }
    return String(piece)
  }

  /// The positions wanted on each axis of an array of `shape`, and whether the axis stays.
  ///
  /// - Throws: ``RefxError`` where there are too many axes or one is out of range.
  func resolve(_ shape: [Int]) throws -> [(start: Int, count: Int, step: Int, stays: Bool)] {
    guard axes.count <= shape.count else {
      throw RefxError.badSlice(
        text,
        reason: "it names \(axes.count) \(axes.count == 1 ? "axis" : "axes"), "
          + "and the array has \(shape.isEmpty ? "none" : "\(shape.count)")")
    }
    return try shape.indices.map { axis in
      let extent = shape[axis]
      guard axis < axes.count else { return (0, extent, 1, true) }
      func outOfRange(_ number: Int) -> RefxError {
        .badSlice(text, reason: "\(number) is out of range on axis \(axis), which has \(extent)")
      }
      switch axes[axis] {
      case .position(let position):
        let place = position < 0 && position >= -extent ? position + extent : position
        guard place >= 0, place < extent else { throw outOfRange(position) }
        return (place, 1, 1, false)
      case .range(let start, let end, let step):
        func bound(_ number: Int) throws -> Int {
          let place = number < 0 && number >= -extent ? number + extent : number
          guard place >= 0, place <= extent else { throw outOfRange(number) }
          return place
        }
        let from = try start.map(bound) ?? 0
        let to = try end.map(bound) ?? extent
        let span = Swift.max(0, to - from)
        return (from, span == 0 ? 0 : (span - 1) / step + 1, step, true)
      }
    }
  }
}

extension Leaf {
  /// The wanted part as a leaf of its own; reads nothing yet, and later no more than the grid's chunks that
  /// hold a wanted element. Of text, whose elements have no fixed size, all is read up to the last wanted one.
  ///
  /// - Parameter path: where the leaf stands, for errors in its text.
  /// - Throws: ``RefxError`` where the slice does not fit the shape, or the leaf cannot be represented.
  public func sliced(_ slice: Slice, at path: Path = .root) throws -> Leaf {
    if let reason = source.unsupported { throw RefxError.unsupportedLeafAlone(reason) }
    let axes = try slice.resolve(shape)
    let result = axes.filter(\.stays).map(\.count)
    // Nothing to gather, and extents beside an axis of 0 may be of any size: their strides need not fit.
    if axes.contains(where: { $0.count == 0 }) {
      return Leaf(dtype: dtype, shape: result, source: MemoryBytes(count: 0) { _ in })
    }
    let wanted = axes.map { (start: $0.start, count: $0.count, step: $0.step) }
    guard let itemSize = dtype.itemSize else {
      return Leaf(dtype: dtype, shape: result, source: try SlicedText(self, at: path, axes: wanted))
    }
    let source = SlicedSource(self, itemSize: itemSize, axes: wanted)
    return Leaf(dtype: dtype, shape: result, source: source)
  }
}

/// A part of an array, gathered run by run.
private final class SlicedSource: LeafSource {
  private let leaf: Leaf
  private let grid: ChunkGrid
  private let axes: [Axis]
  private let runBytes: Int
  let byteCount: Int

  private struct Axis {
    /// Bytes from one wanted position to the next, of the first, and how many there are.
    let stride: Int
    let offset: Int
    let count: Int
  }

  init(_ leaf: Leaf, itemSize: Int, axes: [(start: Int, count: Int, step: Int)]) {
    self.leaf = leaf
    grid = ChunkGrid(of: leaf)
    // Without elements there is nothing to gather, and the other extents may be any numbers.
    guard leaf.byteCount > 0 else {
      self.axes = []
      runBytes = 0
      byteCount = 0
      return
    }
    var outer: [Axis] = []
    var run = itemSize
    var width = itemSize
    var isWhole = true
    for (axis, extent) in zip(axes, leaf.shape).reversed() {
      if isWhole && axis.step == 1 {
        // Everything inside is contiguous: this axis makes the run longer.
        outer.insert(Axis(stride: 0, offset: axis.start * width, count: 1), at: 0)
        run = axis.count * width
        isWhole = axis.start == 0 && axis.count == extent
      } else {
        outer.insert(
          Axis(stride: axis.count > 1 ? axis.step * width : 0, offset: axis.start * width, count: axis.count),
          at: 0)
        isWhole = false
      }
      width *= extent
    }
    self.axes = outer
    runBytes = run
    byteCount = outer.reduce(run) { $0 * $1.count }
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var window: [UInt8] = []
    var windowStart = 0
    var done = 0
    while done < buffer.count {
      let (run, inside) = (offset + done).quotientAndRemainder(dividingBy: runBytes)
      var place = start(ofRun: run) + inside
      var left = min(runBytes - inside, buffer.count - done)
      while left > 0 {
        if place < windowStart || place >= windowStart + window.count {
          let end = grid.range(of: grid.position(ofByte: place)).upperBound
          // The last wanted byte bounds what is read.
          let last = offset + buffer.count - 1
          let lastPlace = start(ofRun: last / runBytes) + last % runBytes
          let wanted = min(end, lastPlace + 1) - place
          windowStart = place
          window = try [UInt8](unsafeUninitializedCapacity: wanted) { bytes, filled in
            try leaf.source.read(at: place, into: UnsafeMutableRawBufferPointer(bytes))
            filled = wanted
          }
        }
        let from = place - windowStart
        let count = min(left, window.count - from)
        window.withUnsafeBytes { bytes in
          UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<(from + count)]))
        }
        done += count
        place += count
        left -= count
      }
    }
  }

  private func start(ofRun run: Int) -> Int {
    var run = run
    var place = 0
    for axis in axes.reversed() {
      place += axis.offset + run % axis.count * axis.stride
      run /= axis.count
    }
    return place
  }
}
