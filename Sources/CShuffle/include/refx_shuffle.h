// HDF5's byte shuffle with the vector instructions of x86-64, which Swift cannot ask for at run time.
#ifndef REFX_SHUFFLE_H
#define REFX_SHUFFLE_H

#include <stddef.h>

// Puts the bytes of the first of `count` elements of 2, 4 or 8 bytes into planes that begin every `stride` bytes.
// Returns how many elements it took: as many whole vectors as there are, and 0 where the processor has no AVX2.
size_t refx_shuffle(const void *elements, void *planes, size_t count, size_t stride, size_t item);

// Puts the first of `count` elements together from planes that begin every `stride` bytes. Returns as above.
size_t refx_unshuffle(const void *planes, void *elements, size_t count, size_t stride, size_t item);

#endif
