// MPI behind plain functions: its communicators and datatypes are macros that Swift cannot import, and without the
// package trait MPI there is no mpi.h. Every function that returns an int returns 0, or an error of MPI whose words
// `refx_mpi_text` knows. Counts are of bytes and may be beyond what an int holds: such messages go in pieces.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Whether this build has MPI.
int refx_mpi_is_built(void);

/// Starts MPI in this process, for calls from one thread at a time, unless it has been started; errors are returned
/// from then on instead of ending the process. The ranks talk apart from what else the program sends.
int refx_mpi_start(int *rank, int *size);

/// How many of the ranks are on this machine. Collective.
int refx_mpi_ranks_here(int *count);

/// Ends what `refx_mpi_start` started. Collective. Does nothing where something else started MPI, or it has ended.
int refx_mpi_finish(void);

/// Ends all ranks at once; the launcher gives `code` to whoever started it.
void refx_mpi_abort(int code) __attribute__((noreturn));

/// The words for an error, with a NUL at the end.
void refx_mpi_text(int error, char *text, size_t capacity);

/// The most bytes that go in one call of MPI: a GiB, unless a test makes it less.
void refx_mpi_set_most_bytes(int64_t count);

int refx_mpi_barrier(void);

/// Gives the `count` bytes of `root` to all; all know the count.
int refx_mpi_broadcast(void *bytes, int64_t count, int root);

/// Gives the number of each rank to all.
int refx_mpi_gather_counts(int64_t count, int64_t *counts);

/// Gives the bytes of each rank to all, one behind the other; `counts` says how many each has.
int refx_mpi_gather(const void *mine, void *all, const int64_t *counts);

/// Gives the number outgoing[r] to rank r.
int refx_mpi_exchange_counts(const int64_t *outgoing, int64_t *incoming);

/// Gives rank r the outgoing_counts[r] bytes at outgoing[r], and takes incoming_counts[r] bytes from it.
int refx_mpi_exchange(
    const void *const *outgoing, const int64_t *outgoing_counts, void *const *incoming,
    const int64_t *incoming_counts);

// Files that all ranks write together: MPI-IO.

typedef struct refx_mpi_file refx_mpi_file;

/// Opens a file that is there, for writing. Collective.
int refx_mpi_file_open(const char *path, refx_mpi_file **file);

/// Writes `ranges` ranges of the file, whose bytes lie one behind the other, in one collective call: every rank calls
/// it, with none if it has nothing. The offsets ascend, and no range overlaps another.
int refx_mpi_file_write_all(
    refx_mpi_file *file, const void *bytes, const int64_t *offsets, const int64_t *counts, int64_t ranges);

/// Brings all that was written to the disk. Collective.
int refx_mpi_file_sync(refx_mpi_file *file);

/// Closes the file, and forgets it. Collective.
int refx_mpi_file_close(refx_mpi_file *file);
