#include "refx_mpi.h"

#ifdef REFX_MPI
#include <mpi.h>

int refx_mpi_is_built(void) { return 1; }

int refx_mpi_start(void) {
  int done = 0;
  int given = 0;
  int error = MPI_Initialized(&done);
  if (error || done) return error;
  return MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &given);
}

#else

int refx_mpi_is_built(void) { return 0; }
int refx_mpi_start(void) { return 0; }

#endif
