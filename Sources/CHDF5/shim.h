// What Swift cannot import from libhdf5's headers: macros that read globals, behind one function each.
#include <hdf5.h>

static inline hid_t refx_h5t_std_i8le(void) { return H5T_STD_I8LE; }
static inline hid_t refx_h5t_std_i16le(void) { return H5T_STD_I16LE; }
static inline hid_t refx_h5t_std_i32le(void) { return H5T_STD_I32LE; }
static inline hid_t refx_h5t_std_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t refx_h5t_std_u8le(void) { return H5T_STD_U8LE; }
static inline hid_t refx_h5t_std_u16le(void) { return H5T_STD_U16LE; }
static inline hid_t refx_h5t_std_u32le(void) { return H5T_STD_U32LE; }
static inline hid_t refx_h5t_std_u64le(void) { return H5T_STD_U64LE; }
static inline hid_t refx_h5t_ieee_f32le(void) { return H5T_IEEE_F32LE; }
static inline hid_t refx_h5t_ieee_f64le(void) { return H5T_IEEE_F64LE; }
static inline hid_t refx_h5t_c_s1(void) { return H5T_C_S1; }
static inline size_t refx_h5t_variable(void) { return H5T_VARIABLE; }

static inline hid_t refx_h5p_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t refx_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t refx_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t refx_h5p_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t refx_h5p_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t refx_h5p_attribute_create(void) { return H5P_ATTRIBUTE_CREATE; }
