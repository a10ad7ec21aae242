#include "refx_bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_t watcher;
static atomic_bool watching;
static atomic_llong peak;

/* The third number of statm is what is resident and comes from files or shared memory. */
static int64_t anonymous(int statm) {
  char text[128];
  ssize_t length = pread(statm, text, sizeof text - 1, 0);
  if (length <= 0) return -1;
  text[length] = 0;
  long long resident, shared;
  if (sscanf(text, "%*d %lld %lld", &resident, &shared) != 2) return -1;
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

static void look(int statm) {
  int64_t now = anonymous(statm);
  if (now > atomic_load_explicit(&peak, memory_order_relaxed)) atomic_store(&peak, now);
}

static void *watch(void *unused) {
  (void)unused;
  int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = 200000};
  while (atomic_load(&watching)) {
    look(statm);
    nanosleep(&pause, NULL);
  }
  look(statm);
  close(statm);
  return NULL;
}

int64_t refx_bench_anonymous_bytes(void) {
  int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (statm < 0) return -1;
  int64_t now = anonymous(statm);
  close(statm);
  return now;
}

int refx_bench_watch_memory(void) {
  atomic_store(&peak, 0);
  atomic_store(&watching, true);
  return pthread_create(&watcher, NULL, watch, NULL);
}

int64_t refx_bench_peak_anonymous_bytes(void) {
  atomic_store(&watching, false);
  pthread_join(watcher, NULL);
  return atomic_load(&peak);
}
