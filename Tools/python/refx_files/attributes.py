"""Attributes of nodes: `{path: {name: value}}`, a path a tuple of str.

A value is None (no value), a str, int, float or bool, an array of numbers, or an array of str.
"""

import struct
from collections.abc import Mapping

import numpy as np

from . import dtypes
from .errors import LimitExceeded, Unsupported, shown
from .sections import text, varint
from .tree import sites


def read(reader, name_bytes=dtypes.NAME_BYTES):
    found, last = {}, None
    for _ in range(reader.count(3)):
        path = tuple(reader.text() for _ in range(reader.count(1)))
        raw = [key.encode() for key in path]
        reader.demand(last is None or last < raw, "the nodes do not ascend")
        last = raw
        count = reader.count(2)
        reader.demand(count > 0, "a node without attributes")
        values = found[path] = {}
        for _ in range(count):
            name = reader.text()
            if len(name.encode()) > name_bytes:
                raise LimitExceeded(f"the name of an attribute has {len(name.encode())} bytes; the limit is {name_bytes}")
            reader.demand(name not in values, "an attribute comes twice")
            values[name] = _value(reader)
    reader.end()
    return found


def _shape(reader, item):
    rank = reader.count(1)
    if rank > 64:
        raise Unsupported(f"an attribute of {rank} dimensions; 64 are read")
    shape = [reader.varint() for _ in range(rank)]
    reader.demand(dtypes.count_of(shape) * item <= reader.left(), "the elements of an attribute")
    return tuple(shape)


def _value(reader):
    kind = reader.byte()
    if kind == 0:
        return None
    if kind == 7:
        return reader.text()
    if kind in (8, 9):
        return reader.number("q" if kind == 8 else "d")
    if kind in (10, 11):
        return kind == 11
    try:
        if kind == 1:
            shape = _shape(reader, 1)
            reader.demand(shape, "a single text as texts")
            value = np.empty(shape, object)
            flat = value.reshape(-1)
            for position in range(flat.size):
                flat[position] = reader.text()
            return value
        reader.demand(kind == 2, f"kind {kind} of an attribute")
        name, item = dtypes.BY_NUMBER.get(reader.byte(), (None, None))
        reader.demand(item, "the dtype of an attribute")
        shape = _shape(reader, item)
        reader.demand(shape or name not in ("int64", "float64", "bool"), f"a single {name} has a kind of its own")
        data = np.frombuffer(bytearray(reader.raw(dtypes.count_of(shape) * item)), np.uint8)
    except ValueError as error:
        raise Unsupported(f"NumPy has no array of an attribute's shape: {error}")
    return dtypes.array_of(name, shape, data, "an attribute", raw=dtypes.ml_dtypes is None)


def checked(attributes):
    """What a user gave as attributes: the same, or refused, before gigabytes are written."""
    if not isinstance(attributes, Mapping):
        raise Unsupported(f"attributes are a dict of paths, not a {type(attributes).__name__}")
    for path, values in attributes.items():
        if not isinstance(path, (tuple, list)) or not all(isinstance(key, str) for key in path):
            raise Unsupported(f"attributes of {path!r}: a path is a tuple of str, as in ('layers', '0', 'bias')")
        if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
            raise Unsupported(f"{shown(path)}: its attributes are a dict from names, which are str, to values")
        for name, value in values.items():
            dtypes.plain_name(name, path, "an attribute's name")
            simplest(value, path)
    return attributes


def at_first_sites(attributes, tree):
    """The same with the path of a Ref's first site for that of a later one."""
    if not attributes:
        return {}
    firsts, moved = {}, {}
    for path, _, ref, first in sites(tree):
        if ref is not None:
            moved[path] = firsts.setdefault(id(ref), path)
    found = {}
    for path, values in attributes.items():
        path = _first_site(tuple(path), moved)
        if set(found.get(path, ())) & set(values):
            raise Unsupported(f"{shown(path)}: attributes are given at several places of one value")
        found[path] = {**found.get(path, {}), **values}
    return found


def _first_site(path, moved):
    """The path by which the file knows a node, where `path` leads through later sites of Refs."""
    start = 0
    while start <= len(path):
        first = moved.get(path[:start])
        if first is not None and first != path[:start]:
            path, start = first + path[start:], len(first)
        start += 1
    return path


def simplest(value, path):
    """A value in the form in which files hold it: None, str, int, float, bool, or (dtype, shape, data)."""
    if value is None or isinstance(value, (bool, float)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, str):
        return dtypes.utf8(value, path).decode()
    if isinstance(value, int) and not isinstance(value, np.generic):
        if not -1 << 63 <= value < 1 << 63:
            raise Unsupported(f"{shown(path)}: the attribute {value} does not fit 64 bits")
        return int(value)
    if isinstance(value, (list, tuple)):
        value = _row(value, path)
    if not dtypes.is_array(value):
        raise Unsupported(f"{shown(path)}: an attribute cannot hold {type(value).__name__}")
    name = dtypes.array_name(value, path)
    shape = tuple(value.shape)
    if name == "string":
        texts = [dtypes.utf8(t, path) for t in np.asarray(value).astype(object).reshape(-1)]
        return (name, shape, texts) if shape else texts[0].decode()
    data = dtypes.logical_bytes(value, name, path).tobytes()
    if not shape and name in ("int64", "float64"):
        return struct.unpack("<q" if name == "int64" else "<d", data)[0]
    if not shape and name == "bool":
        return data == b"\1"
    return name, shape, data


def _row(values, path):
    """A list as an array."""
    texts = sum(isinstance(value, str) for value in values)
    if texts and texts == len(values):
        return np.array(values, object)
    try:
        row = None if texts else np.array(values)
    except (ValueError, OverflowError):
        row = None
    if row is None or row.dtype.kind == "O" or row.dtype.kind in "fc" and not _is_exact(values):
        raise Unsupported(f"{shown(path)}: an attribute cannot hold this {type(values).__name__}; give an array")
    return row


def _is_exact(values):
    """Whether floats hold what a list has: NumPy makes floats of integers, also of those that are none."""
    if isinstance(values, (list, tuple)):
        return all(map(_is_exact, values))
    if dtypes.is_array(values) and not isinstance(values, np.generic):
        array = dtypes.as_numpy(values, ())
        return array.dtype.kind not in "iuO" or _is_exact(array.tolist())
    return not isinstance(values, (int, np.integer)) or abs(int(values)) <= 1 << 53


def written(attributes, paths):
    """The section; of nodes that are not among `paths` nothing is kept. Empty where there is nothing to say."""
    nodes = []
    for path, values in attributes.items():
        path = tuple(path)
        if path in paths and values:
            keys = [dtypes.utf8(key, path) for key in path]
            body = b"".join(
                text(dtypes.utf8(name, path)) + _written(simplest(value, path), path) for name, value in values.items())
            nodes.append((keys, varint(len(keys)) + b"".join(map(text, keys)) + varint(len(values)) + body))
    nodes.sort(key=lambda node: node[0])
    return varint(len(nodes)) + b"".join(body for _, body in nodes) if nodes else b""


def _written(value, path):
    if value is None:
        return b"\0"
    if isinstance(value, bool):
        return b"\x0b" if value else b"\x0a"
    if isinstance(value, str):
        return b"\x07" + text(dtypes.utf8(value, path))
    if isinstance(value, int):
        return b"\x08" + struct.pack("<q", value)
    if isinstance(value, float):
        return b"\x09" + struct.pack("<d", value)
    name, shape, data = value
    extents = varint(len(shape)) + b"".join(map(varint, shape))
    if name == "string":
        return b"\x01" + extents + b"".join(map(text, data))
    return b"\x02" + bytes([dtypes.NUMBERS[name]]) + extents + data
