import Refx
import Testing

@testable import RefxHDF5
@testable import RefxStore

/// Our own readers of HDF5's metadata say of every file that h5py writes what libhdf5 says.
@Suite(.enabled(if: HDF5Python.isThere)) struct HDF5OwnReaderTests {
  private func files() throws -> [MetadataVariants.File] { try MetadataVariants.shared().files }

  @Test func superblocksOfEveryVersionAreRead() throws {
    var versions: Set<UInt8> = []
    for file in try files() {
      let input = try InputFile(path: file.path)
      guard case .known(let block) = Superblock.find(in: input) else {
        #expect(!file.sound, "\(file.name) is unknown")
        continue
      }
      try #require(file.sound, "\(file.name) is not for our readers")
      versions.insert(try input.bytes(at: block.userBlock + 8, count: 1)[0])
      #expect(block.userBlock == file.userBlock, "\(file.name)")
      #expect(block.addressSize == file.addressSize, "\(file.name)")
      #expect(block.lengthSize == file.lengthSize, "\(file.name)")
      #expect(block.root == file.root, "\(file.name)")
      #expect(block.end <= input.byteCount, "\(file.name)")
      // One byte less than there were.
      let bytes = try input.bytes(at: 0, count: block.end - 1)
      let cut = InputFile(MemoryBytes(sharing: bytes), name: "cut.h5")
      guard case .cut(let expected) = Superblock.find(in: cut) else {
        Issue.record("\(file.name) is cut, which is not seen")
        continue
      }
      #expect(expected == block.end)
    }
    #expect(versions.isSuperset(of: [0, 1, 2, 3]), "\(versions)")
  }

  @Test func groupsOfEveryKindAreListed() throws {
    var count = 0
    for file in try files() where file.sound {
      let view = MetadataView(try InputFile(path: file.path))
      #expect(view.front == "known")
      for group in file.groups ?? [] {
        guard case .some(.some(let links)) = view.groups[group.address] else {
          Issue.record("\(file.name): the group at \(group.address) is unknown")
          continue
        }
        #expect(links == group.links.map(\.text), "\(file.name), group at \(group.address)")
        count += links.count
      }
    }
    #expect(count > 30_000, "only \(count) links were compared")
  }

  @Test func elementsAreWhatLibhdf5SaysTheyAre() throws {
    var known: Set<String> = []
    for file in try files() where file.types?.isEmpty == false {
      let input = try InputFile(path: file.path)
      guard case .known(let block) = Superblock.find(in: input) else {
        Issue.record("\(file.name) is unknown")
        continue
      }
      let metadata = MetadataFile(
        input, userBlock: block.userBlock, addressSize: block.addressSize, lengthSize: block.lengthSize)
      let library = try LibraryFile(input)
      for type in file.types ?? [] {
        var message: [UInt8]?
        let isRead = HeaderMessages.forEach(at: type.address, in: metadata) {
          if $0.type == 3 { message = Array($0.body) }
          return true
        }
        #expect(isRead, "\(file.name), \(type.name)")
        let own = ElementType.described(by: try #require(message))
        // What libhdf5 refuses, we may not know either.
        guard let found = try? library.elementType(of: UInt(type.address), type.name) else {
          #expect(own == nil, "\(file.name), \(type.name): libhdf5 does not know it")
          continue
        }
        let expected = found.element
        guard let own else {
          Issue.record("\(file.name), \(type.name) is unknown: \(expected)")
          continue
        }
        // h5py writes the order of a VAX into a version that has none, so libhdf5 takes it for another.
        guard !type.name.hasPrefix("vax") else {
          guard case .unsupported(let leaf) = own.element, leaf.typeName.hasPrefix("float") else {
            Issue.record("\(file.name), \(type.name): \(own.element)")
            continue
          }
          continue
        }
        #expect(own.element == expected, "\(file.name), \(type.name)")
        switch expected {
        case .number, .fixedText: #expect(own.itemSize == found.itemSize, "\(file.name), \(type.name)")
        case .heapText: #expect(own.itemSize == 16)
        case .unsupported: break
        }
        known.insert(type.name)
      }
    }
    #expect(known.count > 80, "only \(known.sorted()) were compared")
  }

  @Test func chunksAreWhereLibhdf5SaysTheyAre() throws {
    var compared: [String: Int] = [:]
    for file in try files() {
      let input = try InputFile(path: file.path)
      guard case .known(let block) = Superblock.find(in: input) else { continue }
      let metadata = MetadataFile(
        input, userBlock: block.userBlock, addressSize: block.addressSize, lengthSize: block.lengthSize)
      for dataset in file.chunked ?? [] {
        let what = "\(file.name), \(dataset.name)"
        let header = ObjectHeader(at: dataset.address, in: metadata)
        guard let header, let listing = header.chunkListing else { continue }
        guard case .chunked(_, let shape, let itemSize)? = header.layout,
          case .simple(let extents)? = header.space
        else {
          Issue.record("\(what): no chunks")
          continue
        }
        let most = zip(extents, header.mostExtents).map { $1 ?? $0 }
        let reader = ChunkListReader(
          file: metadata, counts: zip(most, shape).map { ($0 - 1) / $1 + 1 },
          chunkBytes: shape.reduce(itemSize, *), isFiltered: !header.filters.isEmpty)
        var found: [[Int]] = []
        let isRead = reader.forEach(of: listing) { entry in
          found.append(entry.position + [entry.offset, entry.byteCount, Int(entry.mask)])
          return true
        }
        #expect(isRead, "\(what)")
        #expect(found == dataset.chunks, "\(what)")
        let kind =
          switch listing {
          case .single: "single"
          case .implicit: "implicit"
          case .fixedArray: "fixed array"
          case .tree: "tree"
          }
        compared[kind, default: 0] += 1
      }
    }
    for kind in ["single", "implicit", "fixed array", "tree"] {
      #expect(compared[kind] ?? 0 > 2, "\(compared)")
    }
  }
}
