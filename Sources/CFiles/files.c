#define _GNU_SOURCE
#include "refx_files.h"

#include <fcntl.h>
#include <stdio.h>

int refx_rename_unless_taken(const char *from, const char *to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int refx_open_unnamed(const char *folder) {
  return open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
}
