import CMPI

@main
enum Main {
  static func main() {
    print(refx_mpi_is_built(), refx_mpi_start())
  }
}
