#if MPI
  import CMPI
  import RefxDistributed
#endif
