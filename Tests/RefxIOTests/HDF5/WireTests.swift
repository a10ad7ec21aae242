import Refx
import RefxTestSupport
import Testing

@testable import RefxHDF5

/// What a worker says is checked like a file.
@Suite struct WireTests {
  private static let geometry = FileGeometry(userBlock: 512, addressSize: 8, lengthSize: 8, root: 96)

  /// One object of every kind that an answer can describe.
  private static let objects: [LibraryObject] = {
    var attributes = LayoutAttributes()
    attributes.add("refx_index", .number(-7))
    attributes.add("refx_node", .text("dictionary"))
    attributes.add("refx_large", .largeNumber(.max))
    attributes.add("refx_other", .other)
    func dataset(
      _ element: ElementType, _ itemSize: Int, _ shape: [Int]?, _ layout: DatasetHeader.Layout,
      fill: [UInt8]? = nil, stored: Int? = nil
    ) -> LibraryObject {
      LibraryObject(
        content: .dataset(
          DatasetHeader(
            address: 800, element: element, itemSize: itemSize, shape: shape, layout: layout, fill: fill,
            storedByteCount: stored)), attributes: attributes)
    }
    let links = [
      StoredLink(name: LinkText("hard"), target: .hard(800)),
      StoredLink(name: LinkText("soft"), target: .soft("/a/b")),
      StoredLink(name: LinkText([0xFF, 0x41]), target: .external),
      StoredLink(name: LinkText("own"), target: .userDefined),
    ]
    let chunking = Chunking(
      shape: [4, 5], byteCount: 80, filters: [.shuffle(itemSize: 4), .deflate, .fletcher32])
    return [
      LibraryObject(content: .group(links), attributes: attributes),
      LibraryObject(content: .namedType, attributes: LayoutAttributes()),
      LibraryObject(content: .unknown, attributes: LayoutAttributes()),
      dataset(.number(.float32, isBigEndian: true), 4, [10, 10], .chunked(chunking), fill: [1, 2, 3, 4]),
      dataset(.number(.int8, isBigEndian: false), 1, [], .compact, stored: 1),
      dataset(.fixedText(size: 9, padding: .spacePadded), 9, [3], .contiguous(address: 4096), stored: 27),
      dataset(.heapText, 16, nil, .contiguous(address: nil)),
      dataset(.unsupported(UnsupportedLeaf(typeName: "time", reason: "why")), 1, [2], .compact),
    ]
  }()

  private static func bytes(_ object: LibraryObject) -> [UInt8] {
    var writer = WireWriter()
    object.write(to: &writer)
    return writer.bytes
  }

  private static func object(_ bytes: [UInt8]) throws -> LibraryObject {
    var reader = WireReader(bytes)
    let object = try LibraryObject(&reader, at: 800, in: geometry)
    guard reader.isAtEnd else { throw WireReader.Fault() }
    return object
  }

  @Test func whatIsSaidIsUnderstood() throws {
    for object in WireTests.objects {
      let bytes = WireTests.bytes(object)
      #expect(WireTests.bytes(try WireTests.object(bytes)) == bytes)
    }
    var writer = WireWriter()
    WireTests.geometry.write(to: &writer)
    var reader = WireReader(writer.bytes)
    #expect(try FileGeometry(&reader) == WireTests.geometry)
    let wanted = WantedChunk(address: 1 << 63, origin: [3, .max], byteCount: 12, isFiltered: true)
    let requests: [WorkerRequest] = [
      .geometry, .object(address: 1), .elementType(address: 2), .compactBytes(address: 3, count: 4),
      .chunk(wanted),
    ]
    for request in requests { #expect(try WorkerRequest(request.bytes).bytes == request.bytes) }
    #expect(Set(requests.map(\.bytes)).count == requests.count)
  }

  @Test func errorsKeepWhatTheySay() throws {
    let error = RefxError(
      .limit, "message", file: "worker's", expected: "e", found: nil, advice: "a", details: ["one", "two"])
    var writer = WireWriter()
    error.write(to: &writer)
    var reader = WireReader(writer.bytes)
    let read = try RefxError(&reader, at: "/w", file: "model.h5")
    #expect(read.code == .limit && read.file == "model.h5" && read.place == .object("/w"))
    #expect(read.message == "message" && read.expected == "e" && read.found == nil && read.advice == "a")
    #expect(read.details == ["one", "two"] && reader.isAtEnd)
  }

  /// Every field, set to every number that a lie would use; every cut; many random changes.
  @Test func liesAreRefusedOrHarmless() {
    var tried = 0
    var refused = 0
    func look(_ bytes: [UInt8]) {
      tried += 1
      guard let object = try? WireTests.object(bytes) else { return refused += 1 }
      guard case .dataset(let header) = object.content else { return }
      // What the readers rely on.
      #expect(header.itemSize > 0)
      if case .number(let dtype, _) = header.element { #expect(dtype.itemSize == header.itemSize) }
      if case .chunked(let chunking) = header.layout {
        #expect(chunking.shape.count == header.shape?.count && chunking.shape.allSatisfy { $0 > 0 })
        #expect(chunking.byteCount == chunking.shape.reduce(header.itemSize, *))
      }
      if let fill = header.fill { #expect(fill.count == header.itemSize) }
      #expect(header.shape?.allSatisfy { $0 >= 0 } ?? true)
    }
    let lies: [UInt64] = [0, 1, 2, 3, 5, 0xFF, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max, .max - 1]
    for object in WireTests.objects {
      let whole = WireTests.bytes(object)
      for count in whole.indices { look(Array(whole[..<count])) }
      look(whole + [0])
      for place in whole.indices.dropLast(7) {
        for lie in lies {
          var bytes = whole
          withUnsafeBytes(of: lie.littleEndian) { bytes.replaceSubrange(place..<(place + 8), with: $0) }
          look(bytes)
        }
      }
    }
    var random = SeededRandom(seed: 4)
    for _ in 0..<20_000 {
      var bytes = WireTests.bytes(WireTests.objects[random.below(WireTests.objects.count)])
      for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      look(bytes)
    }
    #expect(refused > tried / 2 && refused < tried)
  }

  @Test func aRequestIsCheckedAsWell() {
    var random = SeededRandom(seed: 5)
    var refused = 0
    for _ in 0..<5000 {
      let bytes = random.bytes(random.below(80))
      if (try? WorkerRequest(bytes)) == nil { refused += 1 }
    }
    #expect(refused > 4000)
  }
}
