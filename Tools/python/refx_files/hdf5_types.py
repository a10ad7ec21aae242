"""The layout's names and types in HDF5: how keys are written, what HDF5 has for each dtype, texts of fixed size."""

import numpy as np

from . import dtypes
from .errors import Damaged, Unsupported, demand, shown

try:
    import h5py
    from h5py import h5s, h5t
except ImportError:
    h5py = None


# Keys

_ESCAPES = {"/": "%2F", "%": "%25", "\0": "%00"}


def encoded(key):
    if key in ("", ".", ".."):
        return {"": "%", ".": "%2E", "..": "%2E%2E"}[key]
    return "".join(_ESCAPES.get(c, c) for c in key)


def decoded(name, path):
    if name in ("%", "%2E", "%2E%2E"):
        return {"%": "", "%2E": ".", "%2E%2E": ".."}[name]
    pieces = name.split("%")
    key = pieces[0]
    for piece in pieces[1:]:
        demand(piece[:2] in ("2F", "25", "00"), "a name with an escape that is none", path, name)
        key += {"2F": "/", "25": "%", "00": "\0"}[piece[:2]] + piece[2:]
    return key


# Types

# Dtypes that HDF5 holds as another one: the attribute `refx_dtype` says what the numbers are.
HELD_AS = {"float8_e4m3fn": "uint8", "int4": "int8", "uint4": "uint8"}

def _bfloat16():
    form = h5t.IEEE_F32LE.copy()
    form.set_fields(15, 7, 8, 0, 7)
    form.set_size(2)
    form.set_ebias(127)
    return form


def _float8_e5m2():
    form = h5t.IEEE_F16LE.copy()
    form.set_fields(7, 2, 5, 0, 2)
    form.set_size(1)
    form.set_ebias(15)
    return form


def type_of(name):
    """HDF5's type of a dtype's elements."""
    if name == "bfloat16":
        return _bfloat16()
    if name == "float8_e5m2":
        return _float8_e5m2()
    return h5t.py_create(np.dtype(HELD_AS.get(name, name)).newbyteorder("<"), logical=True)


def _float_name(form):
    fields, bias = form.get_fields(), form.get_ebias()
    known = {
        (2, (15, 10, 5, 0, 10), 15): "float16", (4, (31, 23, 8, 0, 23), 127): "float32",
        (8, (63, 52, 11, 0, 52), 1023): "float64", (2, (15, 7, 8, 0, 7), 127): "bfloat16",
        (1, (7, 2, 5, 0, 2), 15): "float8_e5m2",
    }
    return known.get((form.get_size(), tuple(fields), bias)) if form.get_precision() == 8 * form.get_size() else None


def name_of(form):
    """The dtype of an HDF5 type and whether it is big-endian, or None."""
    kind = form.get_class()
    if kind == h5t.ENUM:
        base = form.get_super()
        names = {form.get_member_name(n): form.get_member_value(n) for n in range(form.get_nmembers())}
        return ("bool", False) if base.get_size() == 1 and names == {b"FALSE": 0, b"TRUE": 1} else None
    if kind == h5t.INTEGER:
        size = form.get_size()
        if form.get_precision() != 8 * size or size not in (1, 2, 4, 8):
            return None
        return ("int" if form.get_sign() else "uint") + str(8 * size), form.get_order() == h5t.ORDER_BE
    if kind == h5t.FLOAT:
        name = _float_name(form)
        return name and (name, form.get_order() == h5t.ORDER_BE)
    if kind == h5t.COMPOUND and form.get_nmembers() == 2:
        if [form.get_member_name(n) for n in (0, 1)] != [b"r", b"i"]:
            return None
        parts = [name_of(form.get_member_type(n)) for n in (0, 1)]
        if parts[0] != parts[1] or parts[0] is None or parts[0][0] not in ("float32", "float64"):
            return None
        half = form.get_size() // 2
        if [form.get_member_offset(n) for n in (0, 1)] != [0, half] or half != dtypes.SIZES[parts[0][0]]:
            return None
        return ("complex64" if half == 4 else "complex128"), parts[0][1]
    return None


def python_texts():
    """Texts of variable length as Python holds them in memory."""
    return h5t.py_create(h5py.string_dtype())


def texts_of(identifier, form, shape, path, as_attribute=False):
    """The texts of a dataset or an attribute, as an array of str."""
    try:
        if form.is_variable_str():
            found = np.empty(shape, h5py.string_dtype())
            if found.size and as_attribute:
                identifier.read(found, mtype=python_texts())
            elif found.size:
                identifier.read(h5s.ALL, h5s.ALL, found, python_texts())
            raw = list(found.reshape(-1))
        else:
            size = form.get_size()
            found = np.empty(tuple(shape) + (size,), np.uint8)
            if as_attribute:
                identifier.read(found.reshape(-1).view(f"V{size}").reshape(shape), mtype=form)
            elif found.size:
                identifier.read(h5s.ALL, h5s.ALL, found.reshape(-1).view(f"V{size}").reshape(shape), form)
            pad = form.get_strpad()
            raw = []
            for row in found.reshape(-1, size):
                row = row.tobytes()
                if pad == h5t.STR_SPACEPAD:
                    raw.append(row.rstrip(b" "))
                elif pad == h5t.STR_NULLTERM:
                    raw.append(row.split(b"\0")[0])
                else:
                    raw.append(row.rstrip(b"\0"))
        out = np.empty(shape, object)
        flat = out.reshape(-1)
        for place, text in enumerate(raw):
            flat[place] = text.decode("utf-8")
        return out
    except UnicodeDecodeError:
        raise Damaged(f"{shown(path)}: a text that is not valid UTF-8")


def little(data, dtype, swapped):
    if not swapped:
        return data
    item = dtypes.SIZES[dtype] // (2 if dtype.startswith("complex") else 1)
    return np.ascontiguousarray(data.reshape(-1, item)[:, ::-1]).reshape(-1)


def fixed_form(texts, path=()):
    """A fixed-size string type that holds the texts as they are, and the texts padded."""
    ends = any(text.endswith(b"\0") for text in texts)
    if ends and any(text.endswith(b" ") for text in texts):
        raise Unsupported(f"{shown(path)}: HDF5 cannot hold texts of which one ends in a NUL and another in a space")
    form = h5t.C_S1.copy()
    size = max([1] + [len(text) for text in texts])
    form.set_size(size)
    form.set_cset(h5t.CSET_UTF8)
    form.set_strpad(h5t.STR_SPACEPAD if ends else h5t.STR_NULLPAD)
    return form, b"".join(text.ljust(size, b" " if ends else b"\0") for text in texts)


def objects(texts, shape):
    found = np.empty(len(texts), h5py.string_dtype())
    found[:] = texts
    return found.reshape(shape)
