"""What a file says, as one JSON document or for people."""

import struct

from . import attributes, dtypes
from .catalogue import StoredLeaf
from .errors import visible
from .tree import HOLE, NOTHING, Ref, is_leaf, members

_MARKS = {id(None): "none", id(NOTHING): "nothing", id(HOLE): "hole"}


def document(file):
    """The whole of an open `.refx` file as JSON. Floats are given by their bits, payloads by their SHA-256."""
    found = {"version": 1, "codec": file.codec, "metadata": file.metadata, "tree": _listed(file)}
    if file.attributes:
        found["attributes"] = [
            [list(path), name, listed_attribute(value, path)]
            for path, values in file.attributes.items() for name, value in values.items()]
    return found


def _listed(file):
    """The tree, made from the inside out, since it may be deeper than Python's own stack."""
    import hashlib
    numbers, out = {}, [None]
    waiting = [(file.exact, out, 0)]
    while waiting:
        node, parent, key = waiting.pop()
        if isinstance(node, Ref):
            if id(node) in numbers:
                parent[key] = {"kind": "index", "index": numbers[id(node)]}
                continue
            numbers[id(node)] = len(numbers)
            parent[key] = {"kind": "value", "index": numbers[id(node)], "collection": node.collection, "value": None}
            waiting.append((node.value, parent[key], "value"))
        elif isinstance(node, dict):
            pairs = [[name, None] for name, _ in members(node)]
            parent[key] = {"kind": "dictionary", "members": pairs}
            waiting.extend((node[pair[0]], pair, 1) for pair in reversed(pairs))
        elif isinstance(node, (list, tuple)):
            inside = [None] * len(node)
            parent[key] = {"kind": "list" if isinstance(node, list) else "tuple", "members": inside}
            waiting.extend((node[place], inside, place) for place in reversed(range(len(node))))
        elif is_leaf(node):
            data = dtypes.logical_bytes(file.array(node, raw=True), node.dtype, ())
            found = {"kind": "leaf", "dtype": node.dtype, "shape": list(node.shape)}
            if isinstance(node, StoredLeaf):
                found["storage"] = "compressed" if node.compressed else "raw"
            found.update(bytes=node.size, stored=node.stored, crc32=None if node.crc is None else f"{node.crc:08x}")
            if isinstance(node, StoredLeaf):
                found["hash"] = node.digest.hex()
            found["sha256"] = hashlib.sha256(data).hexdigest()
            parent[key] = found
        elif id(node) in _MARKS:
            parent[key] = {"kind": _MARKS[id(node)]}
        else:
            kind = {str: "string", int: "int64", float: "float64", bool: "bool"}[type(node)]
            value = f"{struct.unpack('<Q', struct.pack('<d', node))[0]:016x}" if kind == "float64" else node
            parent[key] = {"kind": "static", "type": kind, "value": value}
    return out[0]


def listed_attribute(value, path):
    """The value of an attribute as JSON, exactly."""
    value = attributes.simplest(value, path)
    if value is None:
        return None
    if isinstance(value, tuple):
        name, shape, data = value
        content = {"texts": [text.decode() for text in data]} if name == "string" else {"bytes": data.hex()}
        return {"dtype": name, "shape": list(shape), **content}
    name = {str: "string", int: "int64", float: "float64", bool: "bool"}[type(value)]
    content = {"bytes": struct.pack("<d", value).hex()} if name == "float64" else {"value": value}
    return {"dtype": name, "shape": [], **content}


def draw(file):
    """Yields the lines of the tree for people; reads no payload."""
    numbers = {}
    waiting = [(0, "", file.exact)]
    while waiting:
        depth, front, node = waiting.pop()
        line = "  " * depth + front
        while isinstance(node, Ref) and id(node) not in numbers:
            numbers[id(node)] = len(numbers)
            line += f"#{numbers[id(node)]} {_shown(node.collection)}: "
            node = node.value
        if isinstance(node, Ref):
            yield line + f"see #{numbers[id(node)]}"
        elif isinstance(node, (dict, list, tuple)):
            kind = "dictionary" if isinstance(node, dict) else type(node).__name__
            yield line + f"{kind} of {len(node)}"
            inside = [(depth + 1, _shown(key) + ": ", member) for key, member in members(node)]
            waiting.extend(reversed(inside))
        elif is_leaf(node):
            yield line + f"{node.dtype} {list(node.shape)}, {node.size} bytes, {node.stored} stored"
        elif id(node) in _MARKS:
            yield line + _MARKS[id(node)]
        else:
            yield line + f"static {_shown(node)}"


def _shown(value):
    return "'" + visible(value) + "'" if isinstance(value, str) else repr(value)
