// MPI behind plain functions: its communicators and datatypes are macros that Swift cannot import, and without the
// package trait MPI there is no mpi.h. Every function returns 0, or the error class of MPI.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Whether this build has MPI.
int refx_mpi_is_built(void);

/// Starts MPI in this process, for calls from one thread at a time; a second call does nothing.
int refx_mpi_start(void);
