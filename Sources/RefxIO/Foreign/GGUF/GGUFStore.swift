import Refx
import RefxStore

/// GGUF, the format of llama.cpp and its kin: values under keys, and a row of named tensors, numbers or quantised
/// blocks. Versions 1 to 3 are read, in both orders of bytes.
///
/// A name is one key, whatever dots it has. See `Documentation/gguf.md`.
public enum GGUFStore: CheckpointStore {
  public static let format = FormatDescription(name: "gguf", suffixes: [".gguf"], canWrite: false)

  public static func recognises(_ file: InputFile) -> Bool {
    (try? file.bytes(at: 0, count: GGUFHeader.magic.count)) == GGUFHeader.magic
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    do {
      let header = try GGUFHeader(of: file, Budget(options.limits))
      var members: [(Key, Tree<Leaf>)] = []
      var attributes = NodeAttributes()
      members.reserveCapacity(header.tensors.count)
      for tensor in header.tensors {
        members.append((tensor.name, .leaf(leaf(of: tensor, in: file, header))))
        attributes[[tensor.name]] = self.attributes(of: tensor, header)
      }
      let contents = CheckpointContents(
        tree: .dictionary(members), metadata: JSONObject(header.metadata), attributes: attributes)
      return OpenedCheckpoint(
        contents: contents, format: format.name, version: Int(header.version), warnings: warnings(header),
        // There are no checksums: what can be found is what cannot be read.
        verifyLeaves: { try contents.tree.verify(threads: options.threads, of: $0, $1, $2) })
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  /// Numbers are numbers. A row of blocks is a row of bytes.
  private static func leaf(of tensor: GGUFHeader.Tensor, in file: InputFile, _ header: GGUFHeader) -> Leaf {
    guard let byteCount = tensor.byteCount else {
      return .unsupported(
        tensor.type.name, "it is not known how many bytes its elements take, or what they mean",
        shape: tensor.shape)
    }
    let start = header.dataStart.addingSaturated(tensor.start)
    if let dtype = tensor.type.dtype {
      let source = GGUFSource(
        file, start: start, byteCount: byteCount,
        swappedWordBytes: header.isBigEndian ? dtype.wordSize : 1)
      return Leaf(dtype: dtype, shape: tensor.shape, source: source)
    }
    let width = tensor.shape.last.flatMap(tensor.type.rowBytes(of:)) ?? byteCount
    return Leaf(
      dtype: .uint8, shape: tensor.shape.dropLast() + [width],
      source: GGUFSource(file, start: start, byteCount: byteCount, swappedWordBytes: 1))
  }

  /// What a row of bytes stands for.
  private static func attributes(of tensor: GGUFHeader.Tensor, _ header: GGUFHeader) -> [Attribute] {
    guard tensor.type.dtype == nil, tensor.type.isKnown else { return [] }
    let extents = tensor.shape.flatMap { extent in
      withUnsafeBytes(of: Int64(extent).littleEndian) { Array($0) }
    }
    var attributes = [
      Attribute("gguf_type", .one(.string(tensor.type.name))),
      Attribute("gguf_shape", .numbers(dtype: .int64, shape: [tensor.shape.count], bytes: extents)),
    ]
    // The numbers within a block stay as they are.
    if header.isBigEndian { attributes.append(Attribute("gguf_byte_order", .one(.string("big")))) }
    return attributes
  }

  private static func warnings(_ header: GGUFHeader) -> [String] {
    var warnings: [String] = []
    if let count = header.integer("split.count"), count > 1 {
      let number =
        header.integer("split.no").map { $0 < Int64.max ? "part \($0 + 1)" : "one part" } ?? "one part"
      let all = header.integer("split.tensors.count").map { " of \($0)" } ?? ""
      warnings.append(
        "the model is split into \(count) files, and this is \(number): it has \(header.tensors.count)\(all) tensors; "
          + "the other files are not read")
    }
    let unknown = header.tensors.filter { !$0.type.isKnown }
    if let first = unknown.first {
      warnings.append(
        "\(unknown.count == 1 ? "a tensor has" : "\(unknown.count) tensors have") a type that is not known here "
          + "(\"\(first.name)\": \(first.type.name)), so it was not checked where the data of such ends")
    }
    if header.unclaimedByteCount > 0 {
      warnings.append("\(header.unclaimedByteCount) bytes of the data belong to no tensor")
    }
    return warnings
  }
}
