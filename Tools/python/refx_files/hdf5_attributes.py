"""Attributes of HDF5's objects: those of the nodes, and their checksum."""

import struct
import zlib

import numpy as np

from . import attributes as attribute_values
from . import dtypes
from .errors import Damaged, Unsupported, demand, shown
from .hdf5_types import HELD_AS, fixed_form, little, name_of, objects, python_texts, texts_of, type_of
from .tree import NOTHING

try:
    import h5py
    from h5py import h5s, h5t
except ImportError:
    h5py = None


def read(found, path):
    """The value of an open attribute, or NOTHING where it cannot be represented."""
    form, space = found.get_type(), found.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return None
    shape = space.get_simple_extent_dims() if space.get_simple_extent_type() == h5s.SIMPLE else ()
    if form.get_class() == h5t.STRING:
        texts = texts_of(found, form, shape, path, as_attribute=True)
        return texts if shape else texts[()]
    known = name_of(form)
    if known is None:
        return NOTHING
    dtype, swapped = known
    data = np.empty(dtypes.count_of(shape) * form.get_size(), np.uint8)
    if data.size:
        found.read(data.view(f"V{form.get_size()}").reshape(shape), mtype=form)
    value = dtypes.array_of(dtype, shape, little(data, dtype, swapped), shown(path), raw=dtypes.ml_dtypes is None)
    if not shape and dtype in ("int64", "float64", "bool"):
        return value[()].item()
    return value


def texts_crc(texts):
    whole = 0
    for name, values in sorted(texts):
        part = struct.pack("<Q", len(name)) + name
        for value in values:
            value = value.encode()
            part += struct.pack("<Q", len(value)) + value
        whole = zlib.crc32(struct.pack("<I", zlib.crc32(part)), whole)
    return whole


def elsewhere(listed):
    """Yields (path, name, value) of the attributes that stand in the metadata."""
    def sound(condition):
        demand(condition, "/metadata: refx_attributes does not hold together")

    sound(isinstance(listed, list))
    for entry in listed:
        sound(isinstance(entry, list) and len(entry) == 3)
        path, name, value = entry
        sound(isinstance(path, list) and all(isinstance(key, str) for key in path) and isinstance(name, str))
        yield tuple(path), name, None if value is None else _listed_value(value, sound)


_KINDS = {"string": str, "int64": int, "bool": bool}


def _listed_value(value, sound):
    sound(isinstance(value, dict) and {"dtype", "shape"} < value.keys() and isinstance(value["shape"], list))
    dtype, shape = value["dtype"], tuple(value["shape"])
    sound(dtype in dtypes.SIZES if isinstance(dtype, str) else False)
    sound(len(shape) <= 64)
    sound(all(type(extent) is int and 0 <= extent < 1 << 63 for extent in shape))
    count = dtypes.count_of(shape)
    if "value" in value:
        sound(not shape and type(value["value"]) is _KINDS.get(dtype))
        return value["value"]
    if "texts" in value:
        texts = value["texts"]
        sound(dtype == "string" and isinstance(texts, list) and len(texts) == count)
        sound(all(isinstance(text, str) for text in texts))
        found = np.empty(count, object)
        found[:] = texts
        return found.reshape(shape)
    raw = value.get("bytes")
    sound(dtype != "string" and isinstance(raw, str) and len(raw) == 2 * count * dtypes.SIZES[dtype])
    try:
        data = np.frombuffer(bytearray.fromhex(raw), np.uint8)
    except ValueError:
        raise Damaged("/metadata: refx_attributes does not hold together") from None
    array = dtypes.array_of(dtype, shape, data, "an attribute", raw=dtypes.ml_dtypes is None)
    return array[()].item() if not shape and dtype in ("int64", "float64", "bool") else array


def write(target, values, path):
    """Writes what HDF5 has attributes for; gives the rest, as it stands in the metadata."""
    from .listing import listed_attribute
    texts, elsewhere = [], []
    for name, value in values.items():
        simple = attribute_values.simplest(value, path)
        # Names that begin so are the layout's own.
        if name.startswith("refx_") or not _set(target, dtypes.utf8(name, path), simple):
            elsewhere.append([list(path), name, listed_attribute(value, path)])
            continue
        held = [simple.encode()] if isinstance(simple, str) else simple[2] if _is_texts(simple) else None
        if held is not None and not any(b"\0" in text for text in held):
            texts.append((dtypes.utf8(name, path), [text.decode() for text in held]))
    if texts:
        target.attrs["refx_texts_crc32"] = np.uint32(texts_crc(texts))
    return elsewhere


def _is_texts(value):
    return isinstance(value, tuple) and value[0] == "string"


def _set(target, raw_name, value):
    """Writes an attribute; False where HDF5 has none for it."""
    if not raw_name or b"\0" in raw_name or len(raw_name) >= 60000:
        return False
    shape, memory = (), None
    if value is None:
        form, space, data = h5t.STD_U8LE, h5s.create(h5s.NULL), None
    elif isinstance(value, str) or _is_texts(value):
        texts = [value.encode()] if isinstance(value, str) else value[2]
        shape = () if isinstance(value, str) else value[1]
        if sum(map(len, texts)) + 16 * len(texts) > 60000:
            return False
        if any(b"\0" in text for text in texts):
            if len(texts) > 1 and any(text.endswith(b"\0") for text in texts):
                return False
            form, data = fixed_form(texts)
            data = np.frombuffer(data, f"V{form.get_size()}").reshape(shape)
        else:
            form = h5t.py_create(h5py.string_dtype(), logical=True)
            memory, data = python_texts(), objects(texts, shape)
    else:
        if not isinstance(value, tuple):
            dtype = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float64"
            value = dtype, (), np.array(value, np.dtype(dtype).newbyteorder("<")).tobytes()
        dtype, shape, raw = value
        if dtype in HELD_AS or len(raw) > 60000 or len(shape) > 32:
            return False
        form = type_of(dtype)
        data = np.frombuffer(raw, f"V{form.get_size()}").reshape(shape)
    if value is not None:
        space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    made = h5py.h5a.create(target.id, raw_name, form, space)
    if data is not None and data.size:
        made.write(data, mtype=memory or form)
    return True


def set_fixed(target, name, text):
    """A text as an attribute of fixed size, which keeps every character."""
    raw = text.encode()
    if len(raw) > 60000:
        raise Unsupported(f"the name of a collection has {len(raw)} bytes; HDF5 takes 60,000")
    form, data = fixed_form([raw])
    made = h5py.h5a.create(target.id, name.encode(), form, h5s.create(h5s.SCALAR))
    made.write(np.frombuffer(data, f"V{form.get_size()}").reshape(()), mtype=form)
