#ifndef REFX_TOML_H
#define REFX_TOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// TOML turned into JSON, which the project reads with a parser of its own.

/// The most bytes of a document that are taken.
#define REFX_TOML_MOST_BYTES (1 << 20)

struct refx_toml_result {
  /// The document as JSON in UTF-8, members by key; null where there is none. Dates, times and numbers that are
  /// not finite are null. Freed by the caller with free().
  char *json;
  size_t count;
  /// Why there is none, and where, both counted from 1; a place of 0 is not known.
  char message[256];
  unsigned line, column;
};

/// Reads a document of TOML 1.0. Takes memory in proportion to it, and stack for some dozens of levels.
struct refx_toml_result refx_toml_to_json(const char *text, size_t count);

#ifdef __cplusplus
}
#endif
#endif
