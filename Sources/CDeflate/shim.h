// libdeflate: deflate streams decoded, and checksums computed, several times faster than zlib does.
#ifndef REFX_CDEFLATE_H
#define REFX_CDEFLATE_H

#include <libdeflate.h>

#endif
