// Tells ThreadSanitizer what it cannot see: where several threads want Swift's Mutex at once, the standard library
// takes it and hands it on in code without instruments. Tools/checks/stress preloads this.
#define _GNU_SOURCE
#include <dlfcn.h>
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

__attribute__((constructor)) static void find(void) {
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
