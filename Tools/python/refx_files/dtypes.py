"""Dtypes: their numbers in `.refx`, their NumPy types, and the logical bytes of arrays.

bfloat16, float8 and the four-bit integers are those of the package ml_dtypes. Without it they are read as raw views
where that is asked for: the bits of a float as an unsigned integer, a four-bit integer as an eight-bit one, both with
the name of their dtype in `array.dtype.metadata["refx"]`, by which they are written again.
"""

import struct

import numpy as np

from .errors import Damaged, FileError, Unsupported, demand, shown

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None  # type: ignore[assignment]

# number: (name, bytes an element)
BY_NUMBER = {
    1: ("bool", 1), 2: ("int8", 1), 3: ("int16", 2), 4: ("int32", 4), 5: ("int64", 8),
    6: ("uint8", 1), 7: ("uint16", 2), 8: ("uint32", 4), 9: ("uint64", 8),
    10: ("float16", 2), 11: ("bfloat16", 2), 12: ("float32", 4), 13: ("float64", 8),
    14: ("complex64", 8), 15: ("complex128", 16),
    16: ("float8_e4m3fn", 1), 17: ("float8_e5m2", 1), 18: ("string", None),
    19: ("int4", 1), 20: ("uint4", 1),
}
NUMBERS = {name: number for number, (name, _) in BY_NUMBER.items()}
SIZES = dict(BY_NUMBER.values())
# What a raw view has for elements.
RAW = {"bfloat16": "<u2", "float8_e4m3fn": "u1", "float8_e5m2": "u1", "int4": "i1", "uint4": "u1"}


def numpy_dtype(name, raw=False):
    """NumPy's dtype for arrays of the dtype `name`, little-endian."""
    if name == "string":
        return np.dtype(object)
    if name not in RAW:
        return np.dtype(name).newbyteorder("<")
    if raw:
        return np.dtype(RAW[name], metadata={"refx": name})
    if ml_dtypes is None:
        raise Unsupported(f"the dtype {name} needs the package ml_dtypes; install it, or load with raw=True")
    return np.dtype(getattr(ml_dtypes, name))


def name_of(dtype, path=()):
    """The name of a NumPy dtype."""
    if dtype.metadata and dtype.metadata.get("refx") in RAW:
        name = dtype.metadata["refx"]
        if dtype == np.dtype(RAW[name]):
            return name
    if dtype.kind in "UOT":
        return "string"
    if dtype.kind in "biufc" and dtype.name in SIZES or dtype.name in RAW:
        return dtype.name
    hint = "; text is a str, or an array of str" if dtype.kind == "S" else ""
    raise Unsupported(f"{shown(path)}: no dtype of a checkpoint is NumPy's {dtype}{hint}")


def check_elements(name, data, what):
    """Refuses bytes that are no element of the dtype; `data` is an array of uint8."""
    if name not in ("bool", "int4", "uint4") or not data.size:
        return
    if name == "int4":
        signed = data.view(np.int8)
        sound = -8 <= signed.min() and signed.max() <= 7
    else:
        sound = data.max() <= (1 if name == "bool" else 15)
    demand(sound, f"{what}: a byte that is no {name}")


def array_of(name, shape, data, what, raw=False):
    """The array whose logical bytes are `data`, an array of uint8 that is given away. Checks the elements."""
    if name == "string":
        return texts_of(shape, data.tobytes(), what)
    check_elements(name, data, what)
    dtype = numpy_dtype(name, raw)
    try:
        if name in ("int4", "uint4") and not raw:
            return data.view(np.int8 if name == "int4" else np.uint8).astype(dtype).reshape(shape)
        return data.view(dtype).reshape(shape)
    except ValueError as error:
        raise Unsupported(f"{what}: NumPy has no array of the shape {list(shape)} ({error})")


def count_of(shape):
    count = 1
    for extent in shape:
        count *= extent
    return count


def texts_of(shape, data, what):
    """An array of str."""
    count, at = count_of(shape), 0
    demand(count <= len(data) // 8, f"{what}: the texts end too early")
    try:
        found = np.empty(shape, object)
    except ValueError as error:
        raise Unsupported(f"{what}: NumPy has no array of the shape {list(shape)} ({error})")
    flat = found.reshape(-1)
    for position in range(count):
        demand(len(data) - at >= 8, f"{what}: the texts end too early")
        size = struct.unpack_from("<Q", data, at)[0]
        demand(size <= len(data) - at - 8, f"{what}: a text ends too late")
        try:
            flat[position] = data[at + 8:at + 8 + size].decode()
        except UnicodeDecodeError:
            raise Damaged(f"{what}: a text is not valid UTF-8")
        at += 8 + size
    demand(at == len(data), f"{what}: bytes follow the texts")
    return found


def is_array(value):
    """Whether a value is an array of some package: NumPy, JAX, a lazy leaf."""
    return isinstance(value, (np.ndarray, np.generic)) or not isinstance(value, type) and (
        hasattr(value, "__array__") and hasattr(value, "dtype") and hasattr(value, "shape"))


def as_numpy(value, path):
    """A value of `is_array` as an array of NumPy."""
    try:
        return np.asarray(value)
    except (FileError, OSError, MemoryError):
        raise
    except Exception as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise Unsupported(f"{shown(path)}: no NumPy array can be made of a {kind}: {error}") from error


def array_name(value, path):
    """The name of an array's dtype. Looks at no element, but for text."""
    if isinstance(value, np.ma.MaskedArray):
        raise Unsupported(f"{shown(path)}: no checkpoint holds a masked array; fill it first")
    name = getattr(value, "refx_dtype", None)
    if name is not None:
        return name
    try:
        dtype = np.dtype(value.dtype)
    except TypeError:
        dtype = as_numpy(value, path).dtype
    return name_of(dtype, path)


def logical_bytes(value, name, path):
    """An array's elements, little-endian in C order, as an array of uint8; the array's own memory where that is so."""
    array = as_numpy(value, path)
    given = name_of(array.dtype, path)
    if given != name or array.shape != tuple(value.shape):
        raise Unsupported(f"{shown(path)}: what says that it is {name} {list(value.shape)} gives {given} {list(array.shape)}")
    if name == "string":
        return np.frombuffer(text_bytes(array, path), np.uint8)
    if name in ("int4", "uint4"):
        array = array.astype(np.int8 if name == "int4" else np.uint8)
    elif array.dtype.byteorder == ">" or array.dtype.byteorder == "=" and not np.little_endian:
        array = array.byteswap().view(array.dtype.newbyteorder())
    data = np.asarray(array, order="C").reshape(-1).view(np.uint8)
    try:
        check_elements(name, data, shown(path))
    except Damaged as error:
        raise Unsupported(str(error))
    return data


def check_texts(array, path):
    """Refuses an array of objects that are not all texts."""
    for text in array.astype(object, copy=False).flat:
        if not isinstance(text, str):
            raise Unsupported(f"{shown(path)}: an array of objects holds {type(text).__name__}; only str can be saved")
        if not text.isascii():
            utf8(text, path)


def text_bytes(array, path):
    parts = []
    for text in array.astype(object).reshape(-1):
        if not isinstance(text, str):
            raise Unsupported(f"{shown(path)}: an array of objects holds {type(text).__name__}; only str can be saved")
        text = utf8(text, path)
        parts += [struct.pack("<Q", len(text)), text]
    return b"".join(parts)


def utf8(text, path):
    """The bytes of a text."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Unsupported(f"{shown(path)}: {text!r} holds half a surrogate pair, which no UTF-8 has")


NAME_BYTES = 1 << 20
"""The longest name that readers must take."""


def plain_name(text, path, what):
    """The text of a name, also where it is of a class of its own, as members of an Enum are."""
    raw = utf8(text, path)
    if len(raw) > NAME_BYTES:
        raise Unsupported(f"{shown(path)}: {what} of {len(raw)} bytes; files take {NAME_BYTES}")
    return raw.decode()
