import Refx
import RefxIO
import RefxStore

/// A file in memory: the header's length, the header, the data.
func safetensors(_ header: String, data: [UInt8] = []) -> InputFile {
  safetensors(Array(header.utf8), data: data)
}

func safetensors(_ header: [UInt8], data: [UInt8] = []) -> InputFile {
  inMemory(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data)
}

func inMemory(_ bytes: [UInt8]) -> InputFile {
  InputFile(
    MemoryBytes(count: bytes.count) { buffer in buffer.copyBytes(from: bytes) }, name: "memory.safetensors")
}

func open(_ file: InputFile) throws -> OpenedCheckpoint {
  try SafetensorsStore.open(file, options: OpenOptions())
}

func written(
  _ tree: Tree<Leaf>, metadata: JSONObject = [:], _ options: WriteOptions = WriteOptions()
) throws -> [UInt8] {
  let target = MemoryTarget()
  try SafetensorsStore.write(CheckpointContents(tree: tree, metadata: metadata), to: target, options: options)
  return target.bytes
}

/// The header of a file as text.
func headerText(_ bytes: [UInt8]) -> String {
  let count = bytes.withUnsafeBytes { Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
  return String(decoding: bytes[8..<(8 + count)], as: UTF8.self)
}

/// The tree with each leaf's payload read, so that two can be compared.
func loaded(_ tree: Tree<Leaf>) throws -> Tree<Tensor> {
  try tree.map { try $0.tensor() }
}
