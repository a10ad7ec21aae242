#ifndef REFX_FILES_H
#define REFX_FILES_H

// System calls that Swift's module of the C library does not bring.

/// Renames, unless the new name is taken: EEXIST then. EINVAL where the file system cannot do that.
int refx_rename_unless_taken(const char *from, const char *to);

/// A file without a name in `folder`, open to read and write, or -1: EOPNOTSUPP, EISDIR or EINVAL where the file
/// system cannot do that.
int refx_open_unnamed(const char *folder);

#endif
