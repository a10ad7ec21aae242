"""The three digests of a checkpoint: structure, topology and values, as Documentation/digests.md has them."""

import hashlib
import struct


from .tree import HOLE, NOTHING, Ref, sites


def _u64(value):
    return struct.pack("<Q", value)


def _text(value):
    value = value.encode()
    return _u64(len(value)) + value


class _Paths:
    """The records of paths, of which those that follow each other mostly have all keys but the last in common."""

    def __init__(self):
        self._front, self._bytes = (), b""

    def __call__(self, keys):
        if keys[:-1] != self._front:
            self._front = keys[:-1]
            self._bytes = b"".join(map(_text, self._front))
        return _u64(len(keys)) + self._bytes + b"".join(map(_text, keys[-1:]))


def _collection(tag):
    if tag is None:
        return b"\0"
    return b"\2" + struct.pack("<q", tag) if isinstance(tag, int) else b"\1" + _text(tag)


def structure(tree):
    """The structure digest and the topology digest of an exact tree, 32 bytes each."""
    from .outline import Tuple
    records = hashlib.sha256(b"refx structure 1\n")
    refs, path_of = {}, _Paths()
    for path, node, ref, first in sites(tree):
        if ref is not None:
            refs.setdefault(id(ref), (ref, []))[1].append(path)
        records.update(path_of(path))
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
            ties.update(_collection(ref.collection) + _u64(len(paths)) + b"".join(map(path_of, paths)))
    return records.digest(), ties.digest()


def values(tree, bytes_of):
    """The digest of the values; `bytes_of` gives a leaf's logical bytes and is asked once for each."""
    records, known, path_of = hashlib.sha256(b"refx values 1\n"), {}, _Paths()
    for path, node, _, _ in sites(tree):
        if getattr(node, "is_leaf", False):
            if id(node) not in known:
                known[id(node)] = hashlib.sha256(bytes_of(node)).digest()
            records.update(path_of(path) + known[id(node)])
    return records.digest()
