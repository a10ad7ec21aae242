import RefxIO
import RefxTestSupport
import Testing

@Suite struct RefxContractTests {
  @Test(arguments: StoreContract.cases)
  func keepsTheStoreContract(_ one: StoreContract.Case) throws {
    try one.run(on: RefxFormat.self)
  }
}
