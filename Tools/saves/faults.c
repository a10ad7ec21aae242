// Stands between a program and the C library (LD_PRELOAD): counts, logs and spoils the calls that change files
// in one folder. Built by faults.py, which says what each variable holds:
//
//   SAVES_FOLDER   the folder; calls on other files pass untouched
//   SAVES_LOG      where a line for each call goes, with the data
//   SAVES_AT       the number of the call to spoil, from 1
//   SAVES_DO       what happens there: kill, tear (half a write, then death), short, zero, error:N, signal:N
//   SAVES_ALWAYS   NAME:N,...: these calls fail with error N each time
//   SAVES_DRIBBLE  every other write is interrupted, and the rest write a few bytes at most

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 4096
static char folder[PATH_MAX];
static int log_descriptor = -1;
static long spoiled_call = 0;
static char deed[32];
static char always[256];
static long dribble = 0;
static char tracked[MOST];
static long calls = 0;
static long writes = 0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  const char *value = getenv("SAVES_FOLDER");
  if (value) snprintf(folder, sizeof folder, "%s", value);
  value = getenv("SAVES_LOG");
  if (value) {
    int opened = syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_descriptor = syscall(SYS_fcntl, opened, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, opened);
  }
  value = getenv("SAVES_AT");
  if (value) spoiled_call = atol(value);
  value = getenv("SAVES_DO");
  if (value) snprintf(deed, sizeof deed, "%s", value);
  value = getenv("SAVES_ALWAYS");
  if (value) snprintf(always, sizeof always, "%s", value);
  value = getenv("SAVES_DRIBBLE");
  if (value) dribble = atol(value);
}

// MARK: Which calls count

static int inside(const char *path) {
  char whole[2 * PATH_MAX];
  if (!folder[0] || !path) return 0;
  if (path[0] != '/') {
    if (!getcwd(whole, PATH_MAX)) return 0;
    strcat(whole, "/");
    strncat(whole, path, PATH_MAX - 1);
    path = whole;
  }
  size_t length = strlen(folder);
  return !strncmp(path, folder, length) && (path[length] == 0 || path[length] == '/');
}

static int is_tracked(int descriptor) {
  return descriptor >= 0 && descriptor < MOST && tracked[descriptor];
}

// MARK: The log

static void put(const char *bytes, size_t count) {
  while (count > 0) {
    long written = syscall(SYS_write, log_descriptor, bytes, count);
    if (written <= 0) _exit(99);
    bytes += written;
    count -= written;
  }
}

// One line: the call's name, its result, numbers, then names and data in hexadecimal digits.
static void note(const char *name, long result, long number, long other, const void *data, size_t count,
                 const char *second) {
  if (log_descriptor < 0) return;
  size_t more = second ? strlen(second) : 0;
  char *line = malloc(2 * (count + more) + 200), *end = line;
  end += sprintf(end, "%s %ld %ld %ld ", name, result, number, other);
  for (size_t i = 0; i < count; i++) end += sprintf(end, "%02x", ((const unsigned char *)data)[i]);
  *end++ = ' ';
  for (size_t i = 0; i < more; i++) end += sprintf(end, "%02x", (unsigned char)second[i]);
  *end++ = '\n';
  put(line, end - line);
  free(line);
}

// MARK: What happens

enum { go_on, fail, half, nothing, half_and_die };

static int always_fails(const char *name) {
  char *copy = strdup(always), *rest = copy, *part;
  int number = 0;
  while ((part = strsep(&rest, ",")))
    if (!strncmp(part, name, strlen(name)) && part[strlen(name)] == ':') number = atoi(part + strlen(name) + 1);
  free(copy);
  return number;
}

// To be called with the lock held. Sets errno for `fail`.
static int fate(const char *name, int is_write) {
  int number = always[0] ? always_fails(name) : 0;
  calls++;
  if (calls == spoiled_call) {
    if (!strcmp(deed, "kill")) kill(getpid(), SIGKILL);
    if (!strncmp(deed, "signal:", 7)) {
      pthread_mutex_unlock(&lock);
      kill(getpid(), atoi(deed + 7));
      pthread_mutex_lock(&lock);
    }
    if (!strcmp(deed, "tear")) {
      if (!is_write) kill(getpid(), SIGKILL);
      return half_and_die;
    }
    if (!strcmp(deed, "short") && is_write) return half;
    if (!strcmp(deed, "zero") && is_write) return nothing;
    if (!strncmp(deed, "error:", 6)) number = atoi(deed + 6);
  }
  if (!number && dribble && is_write && ++writes % 2) number = EINTR;
  if (number) {
    errno = number;
    return fail;
  }
  return go_on;
}

#define REAL(type, name, ...)                                   \
  static type (*real)(__VA_ARGS__) = NULL;                      \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

// MARK: Descriptors

static int opened(const char *name, int (*real)(const char *, int, ...), const char *path, int flags,
                  mode_t mode) {
  if (!inside(path)) return real(path, flags, mode);
  pthread_mutex_lock(&lock);
  int what = fate("open", 0), descriptor = -1;
  if (what != fail) descriptor = real(path, flags, mode);
  int reason = errno;
  if (descriptor >= 0 && descriptor < MOST) tracked[descriptor] = 1;
  note(name, descriptor, flags, mode, path, strlen(path), NULL);
  pthread_mutex_unlock(&lock);
  errno = reason;
  return descriptor;
}

int open(const char *path, int flags, ...) {
  REAL(int, "open", const char *, int, ...);
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
  va_end(list);
  return opened("open", real, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  REAL(int, "open64", const char *, int, ...);
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
  va_end(list);
  return opened("open", real, path, flags, mode);
}

int close(int descriptor) {
  REAL(int, "close", int);
  if (!is_tracked(descriptor)) return real(descriptor);
  pthread_mutex_lock(&lock);
  int what = fate("close", 0), spoiled = errno;
  // As the system does: closed, whatever it says.
  int result = real(descriptor), reason = errno;
  if (what == fail) {
    result = -1;
    reason = spoiled;
  }
  tracked[descriptor] = 0;
  note("close", result, descriptor, 0, NULL, 0, NULL);
  pthread_mutex_unlock(&lock);
  errno = reason;
  return result;
}

// Writes what fate lets it: to `offset`, or at the end of what was written where that is negative.
static ssize_t written(const char *name, int descriptor, const void *bytes, size_t count, off_t offset) {
  pthread_mutex_lock(&lock);
  int what = fate(name, 1);
  ssize_t result = -1;
  if (what != fail) {
    size_t wanted = count;
    if (what == nothing) wanted = 0;
    if ((what == half || what == half_and_die) && count > 1) wanted = count / 2;
    if (what == go_on && dribble && wanted > (size_t)dribble) wanted = dribble;
    result = wanted == 0 && count > 0 ? 0
             : offset < 0             ? syscall(SYS_write, descriptor, bytes, wanted)
                                      : syscall(SYS_pwrite64, descriptor, bytes, wanted, offset);
    if (what == half_and_die) kill(getpid(), SIGKILL);
  }
  int reason = errno;
  note(name, result, descriptor, offset, bytes, result > 0 ? result : 0, NULL);
  pthread_mutex_unlock(&lock);
  errno = reason;
  return result;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return is_tracked(descriptor) ? written("write", descriptor, bytes, count, -1)
                                : real(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return is_tracked(descriptor) ? written("pwrite", descriptor, bytes, count, offset)
                                : real(descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}

// A call on a descriptor that is made or fails.
#define ON_DESCRIPTOR(name, parameters, types, arguments, number)    \
  int name parameters {                                             \
    REAL(int, #name, types);                                        \
    if (!is_tracked(descriptor)) return real arguments;             \
    pthread_mutex_lock(&lock);                                      \
    int result = fate(#name, 0) == fail ? -1 : real arguments;      \
    int reason = errno;                                             \
    note(#name, result, descriptor, number, NULL, 0, NULL);         \
    pthread_mutex_unlock(&lock);                                    \
    errno = reason;                                                 \
    return result;                                                  \
  }
#define LIST(...) __VA_ARGS__

ON_DESCRIPTOR(fsync, (int descriptor), int, (descriptor), 0)
ON_DESCRIPTOR(fdatasync, (int descriptor), int, (descriptor), 0)
ON_DESCRIPTOR(fchmod, (int descriptor, mode_t mode), LIST(int, mode_t), (descriptor, mode), mode)
ON_DESCRIPTOR(fchown, (int descriptor, uid_t owner, gid_t group), LIST(int, uid_t, gid_t),
              (descriptor, owner, group), owner)
ON_DESCRIPTOR(ftruncate, (int descriptor, off_t size), LIST(int, off_t), (descriptor, size), size)

int ftruncate64(int descriptor, off_t size) { return ftruncate(descriptor, size); }

// MARK: Names

#define ON_NAMES(name, parameters, types, arguments, first, second)          \
  int name parameters {                                                     \
    REAL(int, #name, types);                                                \
    if (!inside(first) && !inside(second)) return real arguments;           \
    pthread_mutex_lock(&lock);                                              \
    int result = fate(#name, 0) == fail ? -1 : real arguments;              \
    int reason = errno;                                                     \
    note(#name, result, 0, 0, first, strlen(first), second);                \
    pthread_mutex_unlock(&lock);                                            \
    errno = reason;                                                         \
    return result;                                                          \
  }

ON_NAMES(rename, (const char *from, const char *to), LIST(const char *, const char *), (from, to), from, to)
ON_NAMES(renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
         LIST(int, const char *, int, const char *, unsigned), (a, from, b, to, flags), from, to)
ON_NAMES(link, (const char *from, const char *to), LIST(const char *, const char *), (from, to), from, to)
ON_NAMES(unlink, (const char *path), const char *, (path), path, NULL)
ON_NAMES(rmdir, (const char *path), const char *, (path), path, NULL)
ON_NAMES(mkdir, (const char *path, mode_t mode), LIST(const char *, mode_t), (path, mode), path, NULL)
ON_NAMES(truncate, (const char *path, off_t size), LIST(const char *, off_t), (path, size), path, NULL)
ON_NAMES(chmod, (const char *path, mode_t mode), LIST(const char *, mode_t), (path, mode), path, NULL)
