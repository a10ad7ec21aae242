"""Writes `.refx` files, front to back in one pass: header, payload leaf by leaf, catalogue, trailer."""

import collections
import functools
import struct
import zlib

from . import attributes as attribute_section
from . import chunks, dtypes, envelope, jsontext, threads, xxh3
from .outline import Tuple
from .sections import text, varint
from .tree import HOLE, NOTHING, Ref, members, sites

LEVELS = {"none": None, "fast": 1, "best": 9}
SMALLEST_COMPRESSED = 4096


def level_of(compression):
    """The level of zlib for "none" (None), "fast", "best" or a level from 1 to 9."""
    if isinstance(compression, int) and not isinstance(compression, bool) and 1 <= compression <= 9:
        return compression
    if compression not in LEVELS:
        raise ValueError(f"compression is none, fast, best or a level from 1 to 9, not {compression!r}")
    return LEVELS[compression]


def nodes_of(tree):
    """The sections NAME, COLL and NODE of an exact tree, and (path, leaf) of its leaves in order. Does not recurse."""
    names, tags = set(), set()
    leaves = []
    for path, node, ref, first in sites(tree):
        if not first:
            continue
        if ref is not None and ref.collection is not None:
            tags.add(ref.collection)
        if isinstance(node, dict):
            names.update(node)
    names = sorted(names, key=str.encode)
    tags = sorted(tags, key=lambda tag: (isinstance(tag, str), tag.encode() if isinstance(tag, str) else tag))
    number_of = {name: varint(number) for number, name in enumerate(names)}
    tag_of = {None: varint(0), **{tag: varint(number + 1) for number, tag in enumerate(tags)}}
    out, refs = [], {}
    waiting = [((), b"", tree)]
    while waiting:
        path, front, node = waiting.pop()
        out.append(front)
        while isinstance(node, Ref):
            if id(node) in refs:
                out.append(b"\x0d" + varint(refs[id(node)]))
                break
            refs[id(node)] = len(refs)
            out.append(b"\x0c" + tag_of[node.collection])
            if isinstance(node.value, Ref):
                path += ("0",)
            node = node.value
        if isinstance(node, Ref):
            continue
        if isinstance(node, (dict, list, tuple)):
            kind = b"\x04" if isinstance(node, dict) else b"\x06" if isinstance(node, (Tuple, tuple)) else b"\x05"
            out.append(kind + varint(len(node)))
            fronted = isinstance(node, dict)
            inside = [(path + (str(key),), number_of[key] if fronted else b"", member) for key, member in members(node)]
            waiting.extend(reversed(inside))
        elif getattr(node, "is_leaf", False):
            out.append(b"\x03")
            leaves.append((path, node))
        else:
            out.append(_static(node))
    coll = varint(len(tags)) + b"".join(
        b"\1" + text(tag.encode()) if isinstance(tag, str) else b"\0" + struct.pack("<q", tag) for tag in tags)
    return varint(len(names)) + b"".join(text(name.encode()) for name in names), coll, b"".join(out), leaves


def _static(node):
    if node is None:
        return b"\0"
    if node is NOTHING:
        return b"\1"
    if node is HOLE:
        return b"\2"
    if isinstance(node, bool):
        return b"\x0b" if node else b"\x0a"
    if isinstance(node, str):
        return b"\x07" + text(node.encode())
    if isinstance(node, int):
        return b"\x08" + struct.pack("<q", node)
    return b"\x09" + struct.pack("<d", node)


class _Leaf:
    """What is known of a leaf before its payload is."""

    def __init__(self, path, pending, level):
        self.path, self.shape, self.dtype = path, pending.shape, pending.dtype
        self.item = dtypes.SIZES[self.dtype]
        self.data = pending.data(path)
        self.size = len(self.data)
        raw = level is None or self.item is None or not self.shape or self.size < SMALLEST_COMPRESSED
        self.level = None if raw else level
        item, shape = (1, (self.size,)) if self.item is None else (self.item, self.shape)
        self.grid = chunks.Grid(item, shape, self.size) if self.size else None

    def chunk(self, number):
        """The stored bytes of a chunk, their CRC-32, and that of its logical bytes."""
        start, end = self.grid.bounds(number)
        data = self.data[start:end]
        crc = zlib.crc32(data)
        if self.level is None:
            return data, crc, crc
        stored = chunks.packed(data, self.grid.full, self.item, self.level)
        return stored, zlib.crc32(stored), crc

    def digest(self):
        return xxh3.content_hash(self.data, self.grid.pieces() if self.grid else [])


def write(target, outline_tree, metadata, attributes, compression, threads_):
    """Writes an exact tree to `target`, a file that is open for writing."""
    level = level_of(compression)
    name, coll, node, pending = nodes_of(outline_tree)
    target.write(envelope.header())
    end = 64
    leaf_table, chunk_table = [varint(len(pending))], []
    compressed = False
    waiting = collections.deque()

    def jobs():
        for path, leaf in pending:
            leaf = _Leaf(path, leaf, level)
            waiting.append(leaf)
            for number in range(leaf.grid.count if leaf.grid else 0):
                yield functools.partial(leaf.chunk, number), min(leaf.size, leaf.grid.full)
            yield leaf.digest, leaf.size

    small = sum(dtypes.count_of(leaf.shape) * (dtypes.SIZES[leaf.dtype] or 1) for _, leaf in pending) <= chunks.MIB
    done = threads.in_order(jobs(), 1 if small else threads.thread_count(threads_))
    for _ in pending:
        first = next(done)
        leaf = waiting.popleft()
        count = leaf.grid.count if leaf.grid else 0
        start = end
        if leaf.level is not None:
            compressed = True
        elif count:
            start += -end % (64 if leaf.size < 65536 else 4096)
        padding = bytes(start - end)
        end, crc = start, 0
        for number in range(count):
            stored, stored_crc, logical_crc = first if number == 0 else next(done)
            if number == 0 and padding:
                target.write(padding)
                stored_crc = chunks.crc_of_both(zlib.crc32(padding), stored_crc, len(stored))
            target.write(stored)
            chunk_table.append(struct.pack("<II", len(stored), stored_crc))
            begin, after = leaf.grid.bounds(number)
            crc = chunks.crc_of_both(crc, logical_crc, after - begin)
            end += len(stored)
        digest = next(done) if count else first
        leaf_table.append(
            bytes([dtypes.NUMBERS[leaf.dtype], leaf.level is not None, len(leaf.shape)])
            + b"".join(map(varint, leaf.shape)) + (varint(leaf.size) if leaf.item is None else b"")
            + struct.pack("<I", crc) + digest + struct.pack("<Q", start))
    sections = [(b"NAME", name), (b"COLL", coll), (b"NODE", node), (b"LEAF", b"".join(leaf_table)),
                (b"CHNK", b"".join(chunk_table))]
    if metadata:
        sections.append((b"META", jsontext.written(metadata)))
    if compressed:
        sections.append((b"CODC", f"shuffle, zlib {zlib.ZLIB_RUNTIME_VERSION} level {level}".encode()))
    if attributes:
        kept = attribute_section.written(attributes, {path for path, _, _, first in sites(outline_tree) if first})
        if kept:
            sections.append((b"ATTR", kept))
    target.write(envelope.ending(end, sections))
