#include <xxhash.h>

// On x86 the plain functions use SSE2 alone; these look for what the processor has. The hash is the same.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#define XXH_DISPATCH_DISABLE_REPLACE
#include <xxh_x86dispatch.h>
static inline XXH128_hash_t refx_xxh3_128(const void *bytes, size_t count) {
  return XXH3_128bits_dispatch(bytes, count);
}
#else
static inline XXH128_hash_t refx_xxh3_128(const void *bytes, size_t count) { return XXH3_128bits(bytes, count); }
#endif
