// Tells ThreadSanitizer what it cannot see: where several threads want Swift's Mutex at once, the standard library
// takes it and hands it on in code without instruments. So it is with the count of who holds an object: whoever finds
// that it holds an array alone, and writes to it, comes after all who let go of it. Tools/checks/stress preloads this.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

// Synchronization._MutexHandle._lockSlow(UInt32) and ._unlockSlow(), whose first field is the lock itself.
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void refx_lock(uint32_t thread, SELF void *lock) __asm__(LOCK);
SWIFT void refx_unlock(SELF void *lock) __asm__(UNLOCK);

typedef SWIFT void (*Lock)(uint32_t, SELF void *);
typedef SWIFT void (*Unlock)(SELF void *);

static Lock lock_slowly;
static Unlock unlock_slowly;

// The runtime's own functions keep more registers than others do.
#define KEEPING __attribute__((preserve_most))

typedef KEEPING void (*Release)(void *);
typedef bool (*IsUnique)(const void *);

static Release release_object;
static IsUnique is_unique, is_unique_object;

__attribute__((constructor)) static void find(void) {
  release_object = (Release)dlsym(RTLD_NEXT, "swift_release");
  is_unique = (IsUnique)dlsym(RTLD_NEXT, "swift_isUniquelyReferenced_nonNull_native");
  is_unique_object = (IsUnique)dlsym(RTLD_NEXT, "swift_isUniquelyReferenced_native");
  lock_slowly = (Lock)dlsym(RTLD_NEXT, LOCK);
  unlock_slowly = (Unlock)dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void refx_lock(uint32_t thread, SELF void *lock) {
  lock_slowly(thread, lock);
  __tsan_acquire(lock);
}

SWIFT void refx_unlock(SELF void *lock) {
  __tsan_release(lock);
  unlock_slowly(lock);
}

KEEPING void swift_release(void *object) {
  if (object) __tsan_release(object);
  release_object(object);
}

bool swift_isUniquelyReferenced_nonNull_native(const void *object) {
  bool is = is_unique(object);
  if (is) __tsan_acquire((void *)object);
  return is;
}

bool swift_isUniquelyReferenced_native(const void *object) {
  bool is = is_unique_object(object);
  if (is && object) __tsan_acquire((void *)object);
  return is;
}
