// What Swift cannot import from libhdf5's headers: macros that read globals, behind one function each.
#include <hdf5.h>

static inline hid_t refx_h5t_std_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t refx_h5t_std_u64le(void) { return H5T_STD_U64LE; }

static inline hid_t refx_h5p_file_access(void) { return H5P_FILE_ACCESS; }
