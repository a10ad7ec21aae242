/* What a benchmark needs of the C library: how often memory was asked for, and how much of it was in use. */
#pragma once
#include <stdint.h>

/* Starts to count the calls of malloc, calloc, realloc and their aligned relations, from 0. */
void refx_bench_count_allocations(void);

/* Ends the count and gives it. */
int64_t refx_bench_allocations(void);

/* The anonymous memory that the process has now, in bytes; -1 where the system does not say. */
int64_t refx_bench_anonymous_bytes(void);

/* Starts a thread that looks at the anonymous memory every fifth of a millisecond. 0 where it runs. */
int refx_bench_watch_memory(void);

/* Ends that thread and gives the most that it saw. */
int64_t refx_bench_peak_anonymous_bytes(void);
