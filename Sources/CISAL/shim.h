// ISA-L: zlib streams decoded, CRC-32 and Adler-32, each with the processor's vector instructions.
#ifndef REFX_CISAL_H
#define REFX_CISAL_H

#include <stddef.h>
#include <stdint.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

// The state holds arrays that are too long for Swift to import: it sees the bytes alone.
static inline size_t refx_inflate_state_size(void) { return sizeof(struct inflate_state); }

// Decodes the zlib stream at the beginning of `in` and checks its Adler-32. Writes at most `out_count` bytes.
// Says how many bytes it took and made, whatever it returns: 0, or one of ISA-L's codes.
static inline int refx_inflate_zlib(
    void *memory, const uint8_t *in, uint32_t in_count, uint8_t *out, uint32_t out_count, uint32_t *taken,
    uint32_t *made) {
  struct inflate_state *state = (struct inflate_state *)memory;
  isal_inflate_init(state);
  state->crc_flag = ISAL_ZLIB;
  state->next_in = (uint8_t *)in;
  state->avail_in = in_count;
  state->next_out = out;
  state->avail_out = out_count;
  int status = isal_inflate_stateless(state);
  *taken = in_count - state->avail_in;
  *made = state->total_out;
  return status;
}

// Begins to decode a deflate stream without a frame around it.
static inline void refx_inflate_begin_raw(void *memory) {
  struct inflate_state *state = (struct inflate_state *)memory;
  isal_inflate_init(state);
  state->crc_flag = ISAL_DEFLATE;
}

// Goes on with such a stream: takes some of `in`, makes at most `out_count` bytes, says how many of both, and
// whether the stream has ended. Returns 0, or one of ISA-L's codes.
static inline int refx_inflate_more(
    void *memory, const uint8_t *in, uint32_t in_count, uint8_t *out, uint32_t out_count, uint32_t *taken,
    uint32_t *made, int *finished) {
  struct inflate_state *state = (struct inflate_state *)memory;
  state->next_in = (uint8_t *)in;
  state->avail_in = in_count;
  state->next_out = out;
  state->avail_out = out_count;
  int status = isal_inflate(state);
  *taken = in_count - state->avail_in;
  *made = out_count - state->avail_out;
  *finished = state->block_state == ISAL_BLOCK_FINISH;
  return status;
}

#endif
