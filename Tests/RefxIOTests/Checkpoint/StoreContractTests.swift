import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// Every format that is written keeps the store contract: a new one is tested by standing in `Formats.all`.
@Suite struct StoreContractTests {
  private static let formats = Formats.all.stores.filter { $0.format.canWrite }.map { $0.format.name }

  /// What a format has no place for, and its words for that: exactly this is refused, and all else is held.
  private static let rooms: [String: StoreContract.Room] = [
    "safetensors": StoreContract.Room(lacks: [.complex128, .int4, .uint4, .string]) {
      "safetensors cannot hold a leaf of \($0.name)"
    },
    "npy": StoreContract.Room(
      lacks: [.bfloat16, .float8E4M3FN, .float8E5M2, .int4, .uint4],
      words: { "NumPy has no type for \($0.name)" },
      oneArray: "expected one array as the whole tree"),
  ]

  @Test(arguments: formats, StoreContract.cases)
  func everyFormatKeepsIt(_ format: String, _ one: StoreContract.Case) throws {
    try one.run(
      on: Formats.all.named(FormatName(rawValue: format)), room: Self.rooms[format] ?? StoreContract.Room())
  }

  @Test func noRoomIsThatOfAnotherFormat() {
    #expect(Set(Self.rooms.keys).isSubset(of: Self.formats))
  }
}
