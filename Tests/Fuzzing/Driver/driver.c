// The functions that libFuzzer, which has a `main` of its own, looks for. What they do is said in Swift.
#include <stddef.h>
#include <stdint.h>

extern int refx_fuzz_start(int *count, char ***arguments);
extern int refx_fuzz_one(const uint8_t *bytes, size_t count);

int LLVMFuzzerInitialize(int *count, char ***arguments) { return refx_fuzz_start(count, arguments); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) { return refx_fuzz_one(bytes, count); }
