/// What a worker is asked.
enum WorkerRequest {
  case geometry
  case object(address: UInt)
  case elementType(address: UInt)
  case compactBytes(address: UInt, count: Int)
  case chunk(WantedChunk)

  var bytes: [UInt8] {
    var writer = WireWriter()
    switch self {
    case .geometry: writer.add(0)
    case .object(let address):
      writer.add(1)
      writer.add(UInt64(address))
    case .elementType(let address):
      writer.add(2)
      writer.add(UInt64(address))
    case .compactBytes(let address, let count):
      writer.add(3)
      writer.add(UInt64(address))
      writer.add(count)
    case .chunk(let wanted):
      writer.add(4)
      writer.add(UInt64(wanted.address))
      writer.add(wanted.origin) { $0.add($1) }
      writer.add(wanted.byteCount)
      writer.add(wanted.isFiltered)
    }
    return writer.bytes
  }

  init(_ bytes: [UInt8]) throws {
    var reader = WireReader(bytes)
    switch try reader.choice(below: 5) {
    case 1: self = .object(address: UInt(try reader.number()))
    case 2: self = .elementType(address: UInt(try reader.number()))
    case 3: self = .compactBytes(address: UInt(try reader.number()), count: try reader.count())
    case 4:
      self = .chunk(
        WantedChunk(
          address: UInt(try reader.number()), origin: try reader.list { try $0.number() },
          byteCount: try reader.count(), isFiltered: try reader.answer()))
    default: self = .geometry
    }
  }
}
