import RefxHDF5
import RefxTestSupport
import Testing

@Suite struct HDF5ContractTests {
  @Test(arguments: StoreContract.cases)
  func keepsTheStoreContract(_ one: StoreContract.Case) throws {
    try one.run(on: HDF5Store.self)
  }
}
