import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// Every format that is written keeps the store contract: a new one is tested by standing in `Formats.all`.
@Suite struct StoreContractTests {
  private static let formats = Formats.all.stores.filter { $0.format.canWrite }.map { $0.format.name }

  /// How a format refuses what it has no place for: a demand about that ends with these words, and with no others.
  private static let refusals: [String: [String]] = [
    "safetensors": ["complex128", "int4", "string"].map { "safetensors cannot hold a leaf of \($0)" },
    "npy": ["expected one array as the whole tree", "NumPy has no type for"],
  ]

  @Test(arguments: formats, StoreContract.cases)
  func everyFormatKeepsIt(_ format: String, _ one: StoreContract.Case) throws {
    do {
      try one.run(on: Formats.all.named(FormatName(rawValue: format)))
    } catch {
      let refusals = Self.refusals[format] ?? []
      #expect(refusals.contains { "\(error)".contains($0) }, "\(error)")
    }
  }

  @Test func noRefusalIsThatOfAnotherFormat() {
    #expect(Set(Self.refusals.keys).isSubset(of: Self.formats))
  }
}
