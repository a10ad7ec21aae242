#include "refx_mpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef REFX_MPI
#include <mpi.h>

static MPI_Comm ours = MPI_COMM_NULL;
static int is_ours_to_finish = 0;
static int64_t most_bytes = (int64_t)1 << 30;

int refx_mpi_is_built(void) { return 1; }

int refx_mpi_start(int *rank, int *size) {
  int is_started = 0;
  int error = MPI_Initialized(&is_started);
  if (!error && !is_started) {
    int level = 0;
    // Of the ways in which Open MPI 4.1 writes together, the one that it chooses by itself (vulcan) leaves the other
    // ranks waiting for ever when one cannot write, and another (individual) says nothing of it; this one says so. Who
    // has chosen one keeps it.
    setenv("OMPI_MCA_fcoll", "two_phase", 0);
    error = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    is_ours_to_finish = !error;
  }
  if (error) return error;
  if (ours == MPI_COMM_NULL) {
    error = MPI_Comm_dup(MPI_COMM_WORLD, &ours);
    if (error) return error;
    error = MPI_Comm_set_errhandler(ours, MPI_ERRORS_RETURN);
    if (error) return error;
    error = MPI_File_set_errhandler(MPI_FILE_NULL, MPI_ERRORS_RETURN);
    if (error) return error;
  }
  error = MPI_Comm_rank(ours, rank);
  return error ? error : MPI_Comm_size(ours, size);
}

int refx_mpi_ranks_here(int *count) {
  MPI_Comm here = MPI_COMM_NULL;
  int error = MPI_Comm_split_type(ours, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  if (error) return error;
  error = MPI_Comm_size(here, count);
  int later = MPI_Comm_free(&here);
  return error ? error : later;
}

int refx_mpi_finish(void) {
  int is_finished = 0;
  int error = MPI_Finalized(&is_finished);
  if (error || is_finished) return error;
  if (ours != MPI_COMM_NULL) error = MPI_Comm_free(&ours);
  if (error || !is_ours_to_finish) return error;
  return MPI_Finalize();
}

void refx_mpi_abort(int code) {
  int is_started = 0;
  int is_finished = 0;
  MPI_Initialized(&is_started);
  MPI_Finalized(&is_finished);
  if (is_started && !is_finished) MPI_Abort(MPI_COMM_WORLD, code);
  _Exit(code);
}

void refx_mpi_text(int error, char *text, size_t capacity) {
  char words[MPI_MAX_ERROR_STRING + 1] = "";
  int length = 0;
  if (MPI_Error_string(error, words, &length)) snprintf(words, sizeof words, "error %d of MPI", error);
  snprintf(text, capacity, "%s", words);
}

void refx_mpi_set_most_bytes(int64_t count) { most_bytes = count < 1 ? 1 : count; }

int refx_mpi_barrier(void) { return MPI_Barrier(ours); }

// How many bytes go next, of so many that are left.
static int next_piece(int64_t left, int64_t most) { return (int)(left < most ? (left < 0 ? 0 : left) : most); }

int refx_mpi_broadcast(void *bytes, int64_t count, int root) {
  for (int64_t done = 0; done < count;) {
    int piece = next_piece(count - done, most_bytes);
    int error = MPI_Bcast((char *)bytes + done, piece, MPI_BYTE, root, ours);
    if (error) return error;
    done += piece;
  }
  return 0;
}

int refx_mpi_gather_counts(int64_t count, int64_t *counts) {
  return MPI_Allgather(&count, 1, MPI_INT64_T, counts, 1, MPI_INT64_T, ours);
}

int refx_mpi_gather(const void *mine, void *all, const int64_t *counts) {
  int rank = 0;
  int size = 0;
  int error = MPI_Comm_rank(ours, &rank);
  if (!error) error = MPI_Comm_size(ours, &size);
  if (error) return error;
  int64_t longest = 0;
  for (int r = 0; r < size; r++) longest = counts[r] > longest ? counts[r] : longest;
  // What all ranks give in one round stays below the limit.
  int64_t most = most_bytes / size < 1 ? 1 : most_bytes / size;
  int64_t room = 0;
  for (int r = 0; r < size; r++) room += counts[r] < most ? counts[r] : most;
  int *lengths = malloc(sizeof(int) * (size_t)size);
  int *places = malloc(sizeof(int) * (size_t)size);
  char *round = malloc(room ? (size_t)room : 1);
  if (!lengths || !places || !round) error = MPI_ERR_NO_MEM;
  for (int64_t done = 0; !error && done < longest; done += most) {
    int place = 0;
    for (int r = 0; r < size; r++) {
      lengths[r] = next_piece(counts[r] - done, most);
      places[r] = place;
      place += lengths[r];
    }
    const char *from = lengths[rank] ? (const char *)mine + done : (const char *)mine;
    error = MPI_Allgatherv(from, lengths[rank], MPI_BYTE, round, lengths, places, MPI_BYTE, ours);
    if (error) break;
    int64_t start = 0;
    for (int r = 0; r < size; r++) {
      if (lengths[r]) memcpy((char *)all + start + done, round + places[r], (size_t)lengths[r]);
      start += counts[r];
    }
  }
  free(lengths);
  free(places);
  free(round);
  return error;
}

int refx_mpi_exchange_counts(const int64_t *outgoing, int64_t *incoming) {
  return MPI_Alltoall(outgoing, 1, MPI_INT64_T, incoming, 1, MPI_INT64_T, ours);
}

static int64_t pieces(int64_t count) { return count / most_bytes + (count % most_bytes != 0); }

int refx_mpi_exchange(
    const void *const *outgoing, const int64_t *outgoing_counts, void *const *incoming,
    const int64_t *incoming_counts) {
  int rank = 0;
  int size = 0;
  int error = MPI_Comm_rank(ours, &rank);
  if (!error) error = MPI_Comm_size(ours, &size);
  if (error) return error;
  int64_t count = 0;
  for (int r = 0; r < size; r++) {
    if (r != rank) count += pieces(outgoing_counts[r]) + pieces(incoming_counts[r]);
  }
  if (count > INT32_MAX) return MPI_ERR_COUNT;
  MPI_Request *requests = malloc(sizeof(MPI_Request) * (size_t)(count ? count : 1));
  if (!requests) return MPI_ERR_NO_MEM;
  int begun = 0;
  for (int step = 0; step < size && !error; step++) {
    // Each begins with its neighbour, so that not all send to one at a time.
    int r = (rank + step) % size;
    if (r == rank) {
      if (outgoing_counts[r]) memcpy(incoming[r], outgoing[r], (size_t)outgoing_counts[r]);
      continue;
    }
    for (int64_t done = 0; done < incoming_counts[r] && !error;) {
      int piece = next_piece(incoming_counts[r] - done, most_bytes);
      error = MPI_Irecv((char *)incoming[r] + done, piece, MPI_BYTE, r, 0, ours, &requests[begun]);
      if (!error) begun++;
      done += piece;
    }
    for (int64_t done = 0; done < outgoing_counts[r] && !error;) {
      int piece = next_piece(outgoing_counts[r] - done, most_bytes);
      error = MPI_Isend((const char *)outgoing[r] + done, piece, MPI_BYTE, r, 0, ours, &requests[begun]);
      if (!error) begun++;
      done += piece;
    }
  }
  if (!error) error = MPI_Waitall(begun, requests, MPI_STATUSES_IGNORE);
  free(requests);
  return error;
}

// Files

struct refx_mpi_file {
  MPI_File file;
};

int refx_mpi_file_open(const char *path, refx_mpi_file **file) {
  refx_mpi_file *opened = malloc(sizeof *opened);
  int error = opened ? 0 : MPI_ERR_NO_MEM;
  // One that has no memory must not leave the others waiting.
  int worst = 0;
  int failed = MPI_Allreduce(&error, &worst, 1, MPI_INT, MPI_MAX, ours);
  if (!failed) failed = worst;
  if (!failed) failed = MPI_File_open(ours, path, MPI_MODE_WRONLY, MPI_INFO_NULL, &opened->file);
  if (failed) {
    free(opened);
    return failed;
  }
  *file = opened;
  return 0;
}

// What is written next of the ranges: as many of them, the last maybe in part, as one call takes.
struct round {
  MPI_Aint *offsets;
  int *lengths;
  int ranges;
  int64_t bytes;
};

static int write_round(refx_mpi_file *file, const char *bytes, const struct round *round) {
  MPI_Datatype view = MPI_BYTE;
  int64_t count = round->bytes;
  int failed = 0;
  if (round->ranges > 0) {
    failed = MPI_Type_create_hindexed(round->ranges, round->lengths, round->offsets, MPI_BYTE, &view);
    if (!failed) failed = MPI_Type_commit(&view);
  }
  if (failed) {
    // The others are on their way into what follows.
    view = MPI_BYTE;
    count = 0;
  }
  int error = MPI_File_set_view(file->file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL);
  MPI_Status status;
  int later = MPI_File_write_all(file->file, bytes, (int)count, MPI_BYTE, &status);
  if (view != MPI_BYTE) MPI_Type_free(&view);
  if (failed || error || later) return failed ? failed : error ? error : later;
  // A short write is no error to MPI.
  int written = 0;
  error = MPI_Get_count(&status, MPI_BYTE, &written);
  return error ? error : written == count ? 0 : MPI_ERR_IO;
}

int refx_mpi_file_write_all(
    refx_mpi_file *file, const void *bytes, const int64_t *offsets, const int64_t *counts, int64_t ranges) {
  int64_t left = 0;
  for (int64_t range = 0; range < ranges; range++) left += counts[range];
  // Every rank takes part in as many calls as the one that has most to write.
  const int64_t most_ranges = 1 << 16;
  int64_t rounds = left / most_bytes + (ranges + left / most_bytes) / most_ranges + 2;
  int64_t all_rounds = 0;
  int error = MPI_Allreduce(&rounds, &all_rounds, 1, MPI_INT64_T, MPI_MAX, ours);
  if (error) return error;
  struct round round = {malloc(sizeof(MPI_Aint) * most_ranges), malloc(sizeof(int) * most_ranges), 0, 0};
  int failed = round.offsets && round.lengths ? 0 : MPI_ERR_NO_MEM;
  const char *next = bytes;
  int64_t range = 0;
  int64_t done = 0;
  for (int64_t turn = 0; turn < all_rounds; turn++) {
    round.ranges = 0;
    round.bytes = 0;
    while (!failed && range < ranges && round.ranges < most_ranges && round.bytes < most_bytes) {
      int piece = next_piece(counts[range] - done, most_bytes - round.bytes);
      if (piece > 0) {
        round.offsets[round.ranges] = (MPI_Aint)(offsets[range] + done);
        round.lengths[round.ranges] = piece;
        round.ranges++;
        round.bytes += piece;
        done += piece;
      }
      if (done == counts[range]) {
        range++;
        done = 0;
      }
    }
    // Who has failed still takes part, with nothing.
    int now = write_round(file, next, &round);
    if (now && !failed) failed = now;
    next += round.bytes;
  }
  free(round.offsets);
  free(round.lengths);
  return failed ? failed : range < ranges ? MPI_ERR_INTERN : 0;
}

int refx_mpi_file_sync(refx_mpi_file *file) { return MPI_File_sync(file->file); }

int refx_mpi_file_close(refx_mpi_file *file) {
  int error = MPI_File_close(&file->file);
  free(file);
  return error;
}

#else

int refx_mpi_is_built(void) { return 0; }

#endif
