"""The three digests of a checkpoint: structure, topology and values, as Documentation/digests.md has them."""

import hashlib
import struct


from .tree import HOLE, NOTHING, Ref, sites


def _u64(value):
    return struct.pack("<Q", value)


def _text(value):
    value = value.encode()
    return _u64(len(value)) + value


def _path(keys):
    return _u64(len(keys)) + b"".join(map(_text, keys))


def _collection(tag):
    if tag is None:
        return b"\0"
    return b"\2" + struct.pack("<q", tag) if isinstance(tag, int) else b"\1" + _text(tag)


def structure(tree):
    """The structure digest and the topology digest of an exact tree, 32 bytes each."""
    from .outline import Tuple
    records = hashlib.sha256(b"refx structure 1\n")
    refs = {}
    for path, node, ref, first in sites(tree):
        if ref is not None:
            refs.setdefault(id(ref), (ref, []))[1].append(path)
        records.update(_path(path))
        if getattr(node, "is_leaf", False):
            records.update(b"A" + _text(node.dtype) + _u64(len(node.shape)) + b"".join(map(_u64, node.shape)))
        elif not first and isinstance(node, (dict, list, tuple, Ref)):
            records.update(b"X")
        elif isinstance(node, Ref):
            records.update(b"R")
        elif isinstance(node, (dict, list, tuple)):
            kind = b"D" if isinstance(node, dict) else b"T" if isinstance(node, (tuple, Tuple)) else b"L"
            records.update(kind + _u64(len(node)))
        elif node is None or node is NOTHING or node is HOLE:
            records.update(b"0" if node is None else b"N" if node is NOTHING else b"H")
        elif isinstance(node, bool):
            records.update(b"Sb" + bytes([node]))
        elif isinstance(node, str):
            records.update(b"Ss" + _text(node))
        elif isinstance(node, int):
            records.update(b"Si" + struct.pack("<q", node))
        else:
            records.update(b"Sf" + struct.pack("<d", node))
    ties = hashlib.sha256(b"refx topology 1\n")
    for ref, paths in refs.values():
        if ref.collection is not None or len(paths) > 1:
            ties.update(_collection(ref.collection) + _u64(len(paths)) + b"".join(map(_path, paths)))
    return records.digest(), ties.digest()


def values(tree, bytes_of):
    """The digest of the values; `bytes_of` gives a leaf's logical bytes and is asked once for each."""
    records, known = hashlib.sha256(b"refx values 1\n"), {}
    for path, node, _, _ in sites(tree):
        if getattr(node, "is_leaf", False):
            if id(node) not in known:
                known[id(node)] = hashlib.sha256(bytes_of(node)).digest()
            records.update(_path(path) + known[id(node)])
    return records.digest()
