#include "refx_shuffle.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

#define AVX2 __attribute__((target("avx2")))
#define LOW 0x20
#define HIGH 0x31

// Always 32 elements at once, so that each plane gets a whole vector.

AVX2 static inline __m256i load(const uint8_t *from) { return _mm256_loadu_si256((const __m256i *)from); }

AVX2 static inline void store(uint8_t *to, __m256i v) { _mm256_storeu_si256((__m256i *)to, v); }

AVX2 static size_t shuffle2(const uint8_t *from, uint8_t *to, size_t count, size_t stride) {
  const __m256i split = _mm256_setr_epi8(
      0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(load(from + 2 * i), split), 0xD8);
    __m256i b = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(load(from + 2 * i + 32), split), 0xD8);
    store(to + i, _mm256_permute2x128_si256(a, b, LOW));
    store(to + stride + i, _mm256_permute2x128_si256(a, b, HIGH));
  }
  return i;
}

AVX2 static size_t unshuffle2(const uint8_t *from, uint8_t *to, size_t count, size_t stride) {
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a = load(from + i), b = load(from + stride + i);
    __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
    store(to + 2 * i, _mm256_permute2x128_si256(low, high, LOW));
    store(to + 2 * i + 32, _mm256_permute2x128_si256(low, high, HIGH));
  }
  return i;
}

AVX2 static size_t shuffle4(const uint8_t *from, uint8_t *to, size_t count, size_t stride) {
  const __m256i split = _mm256_setr_epi8(
      0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i v[4];
    for (int k = 0; k < 4; k++) {
      // Eight bytes of each plane in a row.
      v[k] = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(load(from + 4 * i + 32 * k), split), order);
    }
    __m256i a = _mm256_unpacklo_epi64(v[0], v[1]), b = _mm256_unpackhi_epi64(v[0], v[1]);
    __m256i c = _mm256_unpacklo_epi64(v[2], v[3]), d = _mm256_unpackhi_epi64(v[2], v[3]);
    store(to + i, _mm256_permute2x128_si256(a, c, LOW));
    store(to + stride + i, _mm256_permute2x128_si256(b, d, LOW));
    store(to + 2 * stride + i, _mm256_permute2x128_si256(a, c, HIGH));
    store(to + 3 * stride + i, _mm256_permute2x128_si256(b, d, HIGH));
  }
  return i;
}

AVX2 static size_t unshuffle4(const uint8_t *from, uint8_t *to, size_t count, size_t stride) {
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a = load(from + i), b = load(from + stride + i);
    __m256i c = load(from + 2 * stride + i), d = load(from + 3 * stride + i);
    __m256i ab = _mm256_unpacklo_epi8(a, b), cd = _mm256_unpacklo_epi8(c, d);
    __m256i p = _mm256_unpacklo_epi16(ab, cd), q = _mm256_unpackhi_epi16(ab, cd);
    ab = _mm256_unpackhi_epi8(a, b);
    cd = _mm256_unpackhi_epi8(c, d);
    __m256i r = _mm256_unpacklo_epi16(ab, cd), s = _mm256_unpackhi_epi16(ab, cd);
    store(to + 4 * i, _mm256_permute2x128_si256(p, q, LOW));
    store(to + 4 * i + 32, _mm256_permute2x128_si256(r, s, LOW));
    store(to + 4 * i + 64, _mm256_permute2x128_si256(p, q, HIGH));
    store(to + 4 * i + 96, _mm256_permute2x128_si256(r, s, HIGH));
  }
  return i;
}

// Within each half of the vectors: the k-th pair of bytes of vector j becomes the j-th pair of vector k.
AVX2 static inline void transpose(__m256i v[8]) {
  __m256i a[8], b[8];
  for (int k = 0; k < 4; k++) {
    a[k] = _mm256_unpacklo_epi16(v[2 * k], v[2 * k + 1]);
    a[k + 4] = _mm256_unpackhi_epi16(v[2 * k], v[2 * k + 1]);
  }
  for (int k = 0; k < 8; k += 4) {
    b[k] = _mm256_unpacklo_epi32(a[k], a[k + 1]);
    b[k + 1] = _mm256_unpackhi_epi32(a[k], a[k + 1]);
    b[k + 2] = _mm256_unpacklo_epi32(a[k + 2], a[k + 3]);
    b[k + 3] = _mm256_unpackhi_epi32(a[k + 2], a[k + 3]);
  }
  for (int k = 0; k < 2; k++) {
    v[4 * k] = _mm256_unpacklo_epi64(b[4 * k], b[4 * k + 2]);
    v[4 * k + 1] = _mm256_unpackhi_epi64(b[4 * k], b[4 * k + 2]);
    v[4 * k + 2] = _mm256_unpacklo_epi64(b[4 * k + 1], b[4 * k + 3]);
    v[4 * k + 3] = _mm256_unpackhi_epi64(b[4 * k + 1], b[4 * k + 3]);
  }
}

AVX2 static size_t shuffle8(const uint8_t *from, uint8_t *to, size_t count, size_t stride) {
  const __m256i pair = _mm256_setr_epi8(
      0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i v[8];
    for (int k = 0; k < 4; k++) {
      __m256i a = _mm256_shuffle_epi8(load(from + 8 * i + 32 * k), pair);
      __m256i b = _mm256_shuffle_epi8(load(from + 8 * i + 32 * k + 128), pair);
      v[2 * k] = _mm256_permute2x128_si256(a, b, LOW);
      v[2 * k + 1] = _mm256_permute2x128_si256(a, b, HIGH);
    }
    transpose(v);
    for (int k = 0; k < 8; k++) store(to + k * stride + i, v[k]);
  }
  return i;
}

AVX2 static size_t unshuffle8(const uint8_t *from, uint8_t *to, size_t count, size_t stride) {
  const __m256i whole = _mm256_setr_epi8(
      0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i v[8];
    for (int k = 0; k < 8; k++) v[k] = load(from + k * stride + i);
    transpose(v);
    for (int k = 0; k < 4; k++) {
      __m256i a = _mm256_shuffle_epi8(v[2 * k], whole), b = _mm256_shuffle_epi8(v[2 * k + 1], whole);
      store(to + 8 * i + 32 * k, _mm256_permute2x128_si256(a, b, LOW));
      store(to + 8 * i + 32 * k + 128, _mm256_permute2x128_si256(a, b, HIGH));
    }
  }
  return i;
}

size_t refx_shuffle(const void *elements, void *planes, size_t count, size_t stride, size_t item) {
  if (!__builtin_cpu_supports("avx2")) return 0;
  switch (item) {
    case 2: return shuffle2(elements, planes, count, stride);
    case 4: return shuffle4(elements, planes, count, stride);
    case 8: return shuffle8(elements, planes, count, stride);
    default: return 0;
  }
}

size_t refx_unshuffle(const void *planes, void *elements, size_t count, size_t stride, size_t item) {
  if (!__builtin_cpu_supports("avx2")) return 0;
  switch (item) {
    case 2: return unshuffle2(planes, elements, count, stride);
    case 4: return unshuffle4(planes, elements, count, stride);
    case 8: return unshuffle8(planes, elements, count, stride);
    default: return 0;
  }
}

#else

size_t refx_shuffle(const void *elements, void *planes, size_t count, size_t stride, size_t item) {
  return 0;
}

size_t refx_unshuffle(const void *planes, void *elements, size_t count, size_t stride, size_t item) {
  return 0;
}

#endif
