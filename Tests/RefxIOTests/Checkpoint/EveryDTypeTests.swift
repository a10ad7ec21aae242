import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// What a dtype needs beside what the compiler asks for: places that would go on in silence without it.
@Suite struct EveryDTypeTests {
  private static let sized = DType.allCases.filter { $0.itemSize != nil }

  private static func page(_ name: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "Documentation/\(name)"), encoding: .utf8)
    return text.components(separatedBy: "\n")
  }

  /// The words of a table's rows, cell by cell, where both are told apart by what is no letter, digit or `_`.
  private static func rows(of lines: [String]) -> [[[String]]] {
    lines.filter { $0.hasPrefix("|") }.map { line in
      line.split(separator: "|").map { cell in
        cell.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
      }
    }
  }

  @Test func theSpecificationGivesTheNumberOfEach() throws {
    var numbers: [String: UInt8] = [:]
    for row in EveryDTypeTests.rows(of: try EveryDTypeTests.page("refx-format.md")) where row.count >= 2 {
      let codes = row[0].compactMap { UInt8($0) }
      guard !codes.isEmpty, codes.count == row[0].count, row[1].count >= codes.count else { continue }
      for (name, code) in zip(row[1], codes) where DType(name: name) != nil { numbers[name] = code }
    }
    for dtype in DType.allCases where dtype != .unsupported {
      #expect(numbers[dtype.name] == RefxLayout.code(of: dtype), "refx-format.md on \(dtype)")
    }
  }

  @Test func theLayoutGivesTheTypeOfEach() throws {
    let rows = EveryDTypeTests.rows(of: try EveryDTypeTests.page("hdf5-layout.md"))
    for dtype in DType.allCases where dtype != .unsupported {
      #expect(rows.contains { $0.first?.contains(dtype.name) == true }, "hdf5-layout.md on \(dtype)")
    }
  }

  @Test func whatNumPyLacksIsNamed() throws {
    for page in ["numpy.md", "python.md"] {
      let text = try EveryDTypeTests.page(page).joined(separator: "\n")
      for dtype in EveryDTypeTests.sized where !dtype.hasNumPyType {
        #expect(text.contains(dtype.name), "\(page) on \(dtype)")
      }
    }
  }

  /// A golden file pins its bytes for ever.
  @Test func aGoldenFileHoldsEach() throws {
    var found: Set<DType> = []
    for golden in GoldenRefxFiles.all { golden.contents.tree.forEachLeaf { found.insert($0.dtype) } }
    let missing = Set(DType.allCases).subtracting(found).subtracting([.unsupported]).map(\.name).sorted()
    #expect(missing.isEmpty, "no golden .refx file holds \(missing)")
    found = []
    for golden in GoldenHDF5Tree.all { golden.contents.tree.forEachLeaf { found.insert($0.dtype) } }
    let lacking = Set(DType.allCases).subtracting(found).subtracting([.unsupported]).map(\.name).sorted()
    #expect(lacking.isEmpty, "no golden HDF5 file holds \(lacking)")
  }

  /// An attribute whose dtype its container has no type for goes another way, and keeps its dtype.
  @Test(arguments: [FormatName.refx, .hdf5, .npz]) func anAttributeKeepsEach(_ format: FormatName) throws {
    var contents = CheckpointContents(tree: ["w": .leaf(Leaf(Float(1)))])
    contents.attributes[["w"]] = EveryDTypeTests.sized.map { dtype in
      let bytes = [UInt8](repeating: 1, count: 2 * (dtype.itemSize ?? 0))
      return Attribute(Key(dtype.name), .numbers(dtype: dtype, shape: [2], bytes: bytes))
    }
    let bytes = try Checkpoint.encode(contents: contents, as: format)
    let opened = try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "a"))
    let found = opened.contents.attributes[["w"]]
    for attribute in contents.attributes[["w"]] {
      #expect(found.contains(attribute), "\(format.rawValue): \(attribute.name)")
    }
  }

  /// torch's names are NumPy's, as the ones here are.
  @Test func whatTorchCallsTheSameIsRead() {
    // It has these in other forms, or not at all.
    let lacking: Set<DType> = [.int4, .uint4]
    for dtype in EveryDTypeTests.sized where !lacking.contains(dtype) {
      let element = TorchElement(name: dtype.name)
      #expect(element?.dtype == dtype && element?.itemSize == dtype.itemSize, "\(dtype)")
    }
  }

  @Test func eachIsCastThereAndBack() throws {
    let one = Leaf(Float(1))
    for dtype in EveryDTypeTests.sized {
      guard Casts.isPossible(dtype, .float32) else {
        #expect(dtype == .complex64 || dtype == .complex128, "\(dtype) is cast to nothing")
        continue
      }
      let back = try one.cast(to: dtype, at: .root).cast(to: .float32, at: .root)
      #expect(try back.allBytes() == one.allBytes(), "\(dtype)")
    }
  }
}
