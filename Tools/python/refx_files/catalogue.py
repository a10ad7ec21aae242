"""The catalogue of a `.refx` file: names, collections, the table of leaves, the chunks, the tree."""

import dataclasses
import itertools

import numpy as np

from . import dtypes
from .chunks import MIB, Grid
from .errors import LimitExceeded, Unsupported
from .sections import SectionReader
from .tree import HOLE, NOTHING, Ref

DEEPEST = 1000
RANK = 64


@dataclasses.dataclass
class Limits:
    """What a file may declare before it is refused."""

    nodes: int = 50_000_000
    name_bytes: int = dtypes.NAME_BYTES
    metadata_bytes: int = 256 << 20
    bytes: int = 1 << 62
    """Logical bytes of all leaves together."""


class StoredLeaf:
    """A leaf in a file: what the tables say of it. `size` counts its logical bytes, `stored` those in the file."""

    __slots__ = ("number", "dtype", "shape", "compressed", "size", "crc", "digest", "offset", "begin", "stored", "item",
                 "grid", "lengths", "sums", "starts")

    is_leaf = True


def read_names(reader, limits):
    names = [reader.text(limits.name_bytes) for _ in range(reader.count(1))]
    reader.end()
    raw = [name.encode() for name in names]
    reader.demand(all(a < b for a, b in zip(raw, raw[1:])), "names do not ascend")
    return names


def read_collections(reader, limits):
    tags = []
    for _ in range(reader.count(2)):
        kind = reader.byte()
        reader.demand(kind <= 1, "a collection of no known kind")
        tags.append(reader.text(limits.name_bytes) if kind else reader.number("q"))
    reader.end()
    order = [(isinstance(tag, str), tag.encode() if isinstance(tag, str) else tag) for tag in tags]
    reader.demand(all(a < b for a, b in zip(order, order[1:])), "collections do not ascend")
    return tags


def read_leaves(reader, limits):
    leaves, total = [], 0
    for number in range(reader.count(31)):
        leaf = StoredLeaf()
        code, storage, rank = reader.raw(3)
        if code not in dtypes.BY_NUMBER:
            raise Unsupported(f"leaf {number} has the dtype {code}, which is not known")
        reader.demand(storage <= 1, f"storage {storage}")
        reader.demand(rank <= RANK, f"rank {rank}")
        leaf.number, leaf.compressed = number, storage == 1
        leaf.dtype, leaf.item = dtypes.BY_NUMBER[code]
        leaf.shape = tuple(reader.varint() for _ in range(rank))
        leaf.size = reader.varint() if leaf.item is None else leaf.item * dtypes.count_of(leaf.shape)
        reader.demand(leaf.size < 1 << 63, "a leaf of 2^63 bytes")
        reader.demand(not leaf.compressed or leaf.size > 0 and leaf.item is not None, "a leaf that must be raw")
        leaf.crc, leaf.digest, leaf.offset = reader.number("I"), reader.raw(16), reader.number("Q")
        total += leaf.size
        if total > limits.bytes:
            raise LimitExceeded(f"the leaves have more than {limits.bytes} bytes; raise Limits.bytes to read them")
        leaves.append(leaf)
    reader.end()
    return leaves


def place_leaves(leaves, data, catalogue):
    """Gives every leaf its chunks, and compares all offsets with what follows from the lengths."""
    reader = SectionReader(data, "CHNK")
    reader.demand(len(data) % 8 == 0, "its length is no multiple of 8")
    table = np.frombuffer(data, "<u4").reshape(-1, 2)
    reader.demand(bool(table[:, 0].all()), "a chunk of no bytes")
    ends = [0, *itertools.accumulate(table[:, 0].tolist())]
    end, used = 64, 0
    for leaf in leaves:
        what = f"leaf {leaf.number}"
        leaf.begin, leaf.grid, leaf.stored = end, None, 0
        if leaf.size:
            item, shape = (1, (leaf.size,)) if leaf.item is None else (leaf.item, leaf.shape)
            reader.demand(leaf.size <= (len(table) - used) * MIB or item > MIB, f"{what} has too few chunks")
            leaf.grid = Grid(item, shape, leaf.size)
            reader.demand(leaf.grid.count <= len(table) - used, f"{what} has too few chunks")
        count = leaf.grid.count if leaf.grid else 0
        start = end
        if count and not leaf.compressed:
            start += -end % (64 if leaf.size < 65536 else 4096)
        reader.demand(leaf.offset == start, f"{what} is said to be at byte {leaf.offset}, and what stands before ends at {start}")
        leaf.lengths, leaf.sums = table[used:used + count, 0], table[used:used + count, 1]
        leaf.stored = ends[used + count] - ends[used]
        leaf.starts = (ends, used, start - ends[used])
        used += count
        end = start + leaf.stored
        reader.demand(end <= catalogue, f"{what} reaches into the catalogue")
        if count and not leaf.compressed:
            reader.demand(leaf.stored == leaf.size, f"{what} has {leaf.stored} bytes in the file, expected {leaf.size}")
            if count > 1:
                expected = [b - a for a, b in leaf.grid.pieces()]
                reader.demand(leaf.lengths.tolist() == expected, f"{what}: the lengths of its chunks")
    reader.demand(used == len(table), "more chunks than the leaves have")
    reader.demand(end == catalogue, "the chunks do not fill the file up to the catalogue")


def chunk_place(leaf, number):
    """The offset and length of a chunk's stored bytes."""
    ends, used, shift = leaf.starts
    return ends[used + number] + shift, int(leaf.lengths[number])


def read_tree(reader, names, collections, leaves, limits):
    """The root, with Refs and stored leaves. Keeps its own stack, so that no depth is a danger."""
    refs, used_names, used_collections = [], bytearray(len(names)), bytearray(len(collections))
    next_leaf = nodes = 0
    # Of each container that is open: [target, members left, its number of the last name or -1, is it a tuple, depth].
    frames = []
    root = None
    member_depth, ref, key, parent = 0, None, None, None
    while True:
        nodes += 1
        if nodes > limits.nodes:
            raise LimitExceeded(f"the tree has more than {limits.nodes} nodes; raise Limits.nodes to read it")
        reader.demand(member_depth <= DEEPEST, f"the tree is deeper than {DEEPEST}")
        kind = reader.byte()
        opened = None
        if kind == 3:
            reader.demand(next_leaf < len(leaves), "more leaves than the table has")
            node = leaves[next_leaf]
            next_leaf += 1
        elif kind == 4:
            node, opened = {}, (reader.count(2), False)
        elif kind in (5, 6):
            node, opened = [], (reader.count(1), kind == 6)
        elif kind == 7:
            node = reader.text()
        elif kind == 8:
            node = reader.number("q")
        elif kind == 9:
            node = reader.number("d")
        elif kind in (10, 11):
            node = kind == 11
        elif kind <= 2:
            node = (None, NOTHING, HOLE)[kind]
        elif kind == 12:
            number = reader.varint()
            reader.demand(number <= len(collections), "a collection that is not in the table")
            if number:
                used_collections[number - 1] = 1
            node = Ref(None, collections[number - 1] if number else None)
            refs.append(node)
        elif kind == 13:
            number = reader.varint()
            reader.demand(number < len(refs), "an index before its value")
            node = refs[number]
        else:
            place = reader.start + reader.at - 1
            raise Unsupported(f"section NODE, byte {place}: kind {kind} of a node, which is not known")

        # Where it goes.
        if ref is not None:
            ref.value = node
        elif parent is None:
            root = node
        elif isinstance(parent, dict):
            parent[key] = node
        else:
            parent.append(node)
        if kind == 12:
            ref = node
            nested = reader.left() and reader.data[reader.at] in (12, 13)
            member_depth += 1 if nested else 0
            continue
        if opened is not None:
            count, is_tuple = opened
            frames.append([node, count, -1, is_tuple, member_depth, (ref, parent, key)])
        ref = None
        # The next member of the innermost container that has one left.
        while frames and frames[-1][1] == 0:
            target, _, _, is_tuple, _, place = frames.pop()
            if is_tuple:
                holder, container, name = place
                if holder is not None:
                    holder.value = tuple(target)
                elif container is None:
                    root = tuple(target)
                elif isinstance(container, dict):
                    container[name] = tuple(target)
                else:
                    container[-1] = tuple(target)
        if not frames:
            break
        frame = frames[-1]
        parent, member_depth = frame[0], frame[4] + 1
        frame[1] -= 1
        if isinstance(parent, dict):
            number = reader.varint()
            reader.demand(frame[2] < number < len(names), "a member's name")
            frame[2] = number
            used_names[number] = 1
            key = names[number]
    reader.end()
    reader.demand(next_leaf == len(leaves), "the tree and the table differ in their leaves")
    reader.demand(all(used_names), "a name that nobody uses")
    reader.demand(all(used_collections), "a collection that nobody uses")
    return root, refs
