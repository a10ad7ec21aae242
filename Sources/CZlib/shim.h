// zlib: the deflate encoder with matches, and CRC-32 put together from parts.
#ifndef REFX_CZLIB_H
#define REFX_CZLIB_H

#include <string.h>
#include <zlib.h>

// deflateInit2 is a macro, which Swift does not see. Raw deflate: no zlib header, no checksum.
static inline int refx_deflate_init_raw(z_stream *stream, int level) {
  memset(stream, 0, sizeof *stream);
  return deflateInit2(stream, level, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
}

#endif
