#!/usr/bin/env python3
"""An independent reader of .refx files, version 1.

Written from Documentation/refx-format.md alone, with nothing but Python's standard library. It reads a file
whole, checks every checksum and every rule of the page except the XXH3 content hashes, and gives the tree
with its sharing: all sites of a Ref are one Ref object.

    python3 read_refx.py FILE            the tree, for people
    python3 read_refx.py FILE --json     the same as one JSON document
"""

import hashlib
import json
import math
import struct
import sys
import zlib

MAGIC = bytes([0x89]) + b"REFX\r\n\x1a"
END_MAGIC = MAGIC[::-1]
MIB = 1 << 20
DEEPEST = 1000

# number: (name, bytes an element)
DTYPES = {
    1: ("bool", 1), 2: ("int8", 1), 3: ("int16", 2), 4: ("int32", 4), 5: ("int64", 8),
    6: ("uint8", 1), 7: ("uint16", 2), 8: ("uint32", 4), 9: ("uint64", 8),
    10: ("float16", 2), 11: ("bfloat16", 2), 12: ("float32", 4), 13: ("float64", 8),
    14: ("complex64", 8), 15: ("complex128", 16),
    16: ("float8_e4m3fn", 1), 17: ("float8_e5m2", 1), 18: ("string", None),
    19: ("int4", 1), 20: ("uint4", 1),
}


class Damaged(Exception):
    """The file breaks a rule of the format."""


class Unknown(Exception):
    """The file needs something that version 1 does not have."""


def demand(condition, what):
    if not condition:
        raise Damaged(what)


# dtype: which bytes are elements; of others all are
ELEMENTS = {
    "bool": {0, 1}, "int4": {number & 0xFF for number in range(-8, 8)}, "uint4": set(range(16)),
}


def check_elements(dtype, data, what):
    demand(dtype not in ELEMENTS or set(data) <= ELEMENTS[dtype], f"{what}: a byte that is no {dtype}")


class Reader:
    """Walks the bytes of a section."""

    def __init__(self, data, name, start):
        self.data, self.name, self.start, self.at = data, name, start, 0

    def demand(self, condition, what):
        demand(condition, f"section {self.name}, byte {self.start + self.at}: {what}")

    def left(self):
        return len(self.data) - self.at

    def raw(self, count):
        self.demand(count <= self.left(), "the section ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.raw(struct.calcsize(form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number("B")
            self.demand(shift < 63, "a varint is too large")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.demand(byte != 0 or shift == 0, "a varint is longer than it needs to be")
                return value
            shift += 7

    def text(self):
        raw = self.raw(self.varint())
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.demand(False, "text is not valid UTF-8")

    def end(self):
        self.demand(self.left() == 0, "bytes follow the content")


class Ref:
    """A shared value. `value` is any node, perhaps one that leads back to this Ref."""

    def __init__(self, index, collection):
        self.index, self.collection, self.value = index, collection, None


class Again:
    """A further site of a Ref."""

    def __init__(self, ref):
        self.ref = ref


class Atom:
    """None, nothing, hole."""

    def __init__(self, kind):
        self.kind = kind


class Static:
    def __init__(self, kind, value):
        self.kind, self.value = kind, value


class Branch:
    """A dictionary: members are (name, node). A list or tuple: members are nodes."""

    def __init__(self, kind, members):
        self.kind, self.members = kind, members


class Leaf:
    """Elements of one dtype in a shape. `data` holds the logical bytes."""

    def __init__(self, dtype, shape, storage, size, crc, digest, offset):
        self.dtype, self.shape, self.storage, self.size = dtype, shape, storage, size
        self.crc, self.digest, self.offset = crc, digest, offset
        self.stored, self.data = 0, b""


def grid(item, shape, size):
    """The bytes of a full chunk, and the (start, end) of each chunk's logical bytes."""
    if size == 0:
        return 0, []
    slab, axis = item, len(shape)
    while axis > 0 and slab * shape[axis - 1] <= MIB:
        axis -= 1
        slab *= shape[axis]
    if axis == 0:
        return size, [(0, size)]
    full = slab * max(1, MIB // slab)
    block = slab * shape[axis - 1]
    chunks = []
    for start in range(0, size, block):
        for place in range(start, start + block, full):
            chunks.append((place, min(place + full, start + block)))
    return full, chunks


def unshuffle(planes, item):
    if item == 1:
        return planes
    count = len(planes) // item
    elements = bytearray(len(planes))
    for byte in range(item):
        elements[byte::item] = planes[byte * count:(byte + 1) * count]
    return bytes(elements)


def inflate(stored, size, what):
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(stored, size + 1)
    except zlib.error as error:
        raise Damaged(f"{what}: {error}")
    demand(len(data) == size, f"{what}: the stream does not hold {size} bytes")
    demand(stream.eof, f"{what}: the stream does not end")
    demand(not stream.unused_data and not stream.unconsumed_tail, f"{what}: bytes follow the stream")
    return data


class File:
    """A .refx file, read whole: `tree`, `metadata`, `codec`, `leaves`."""

    def __init__(self, data):
        self.data = data
        self.read_envelope()
        self.names = self.read_names()
        self.collections = self.read_collections()
        self.leaves = self.read_leaves()
        self.read_payload()
        self.read_tree()
        self.read_metadata()

    # The envelope

    def read_envelope(self):
        data = self.data
        demand(data[:8] == MAGIC, "not a .refx file")
        demand(len(data) >= 128, "the file is cut")
        demand(struct.unpack_from("<I", data, 60)[0] == zlib.crc32(data[:60]), "the header's checksum")
        version, header, zero, required, _ = struct.unpack_from("<HHIQQ", data, 8)
        if version != 1:
            raise Unknown(f"version {version}")
        if required:
            raise Unknown(f"features {[bit for bit in range(64) if required >> bit & 1]}")
        demand(header == 64 and zero == 0 and not any(data[32:60]), "the header's fields")

        start = len(data) - 64
        trailer = data[start:]
        demand(trailer[56:] == END_MAGIC, "the file does not end as it must: cut, or bytes appended")
        demand(struct.unpack_from("<I", trailer, 52)[0] == zlib.crc32(trailer[:52]), "the trailer's checksum")
        catalogue, directory, count, crc, length = struct.unpack_from("<QQIIQ", trailer, 0)
        demand(not any(trailer[32:52]), "the trailer's reserved bytes")
        demand(length == len(data), "the length of the file")
        demand(count <= 1024 and directory + 32 * count == start, "the place of the directory")
        demand(64 <= catalogue <= directory, "the place of the catalogue")
        demand(zlib.crc32(data[directory:start]) == crc, "the directory's checksum")
        self.catalogue = catalogue

        self.sections = {}
        place = catalogue
        for number in range(count):
            tag, flags, offset, size, crc, zero = struct.unpack_from("<4sIQQII", data, directory + 32 * number)
            demand(flags <= 1 and zero == 0, f"the directory's entry {number}")
            demand(tag not in self.sections, f"section {tag} comes twice")
            demand(offset == place and size <= directory - place, f"the place of section {tag}")
            demand(zlib.crc32(data[offset:offset + size]) == crc, f"the checksum of section {tag}")
            if flags and tag not in (b"NAME", b"COLL", b"NODE", b"LEAF", b"CHNK", b"META", b"CODC", b"ATTR"):
                raise Unknown(f"section {tag}")
            self.sections[tag] = (offset, size)
            place += size
        demand(place == directory, "the sections do not fill the catalogue")

    def section(self, tag):
        demand(tag in self.sections, f"section {tag} is missing")
        offset, size = self.sections[tag]
        return Reader(self.data[offset:offset + size], tag.decode(), offset)

    # The catalogue

    def read_names(self):
        reader = self.section(b"NAME")
        names = [reader.text() for _ in range(reader.varint())]
        reader.end()
        raw = [name.encode() for name in names]
        reader.demand(all(a < b for a, b in zip(raw, raw[1:])), "names do not ascend")
        return names

    def read_collections(self):
        reader = self.section(b"COLL")
        tags = []
        for _ in range(reader.varint()):
            kind = reader.number("B")
            reader.demand(kind <= 1, "a collection of no known kind")
            tags.append(reader.text() if kind else reader.number("q"))
        reader.end()
        order = [(isinstance(tag, str), tag.encode() if isinstance(tag, str) else tag) for tag in tags]
        reader.demand(all(a < b for a, b in zip(order, order[1:])), "collections do not ascend")
        return tags

    def read_leaves(self):
        reader = self.section(b"LEAF")
        leaves = []
        for _ in range(reader.varint()):
            dtype, storage, rank = reader.number("B"), reader.number("B"), reader.number("B")
            if dtype not in DTYPES or storage > 1:
                raise Unknown(f"dtype {dtype}, storage {storage}")
            reader.demand(rank <= 64, "the rank")
            shape = [reader.varint() for _ in range(rank)]
            name, item = DTYPES[dtype]
            if item is None:
                size = reader.varint()
            else:
                size = item
                for extent in shape:
                    size *= extent
            reader.demand(storage == 0 or (size > 0 and item is not None), "a leaf that must be raw")
            crc, digest, offset = reader.number("I"), reader.raw(16), reader.number("Q")
            leaves.append(Leaf(name, shape, storage, size, crc, digest, offset))
        reader.end()
        return leaves

    # The payload

    def read_payload(self):
        reader = self.section(b"CHNK")
        end = 64
        for number, leaf in enumerate(self.leaves):
            item = dict(DTYPES.values())[leaf.dtype]
            demand(leaf.storage == 1 or leaf.size <= len(self.data), f"leaf {number} is larger than the file")
            shape = leaf.shape
            if item is None:
                item, shape = 1, [leaf.size]
            demand(leaf.size <= reader.left() // 8 * MIB, f"leaf {number} has fewer chunks than it needs")
            full, chunks = grid(item, shape, leaf.size)
            start = end
            if leaf.storage == 0 and leaf.size:
                align = 64 if leaf.size < 65536 else 4096
                start = (end + align - 1) // align * align
            demand(leaf.offset == start, f"the offset of leaf {number}")
            pieces = []
            for chunk, (first, last) in enumerate(chunks):
                what = f"leaf {number}, chunk {chunk}"
                stored, crc = reader.number("I"), reader.number("I")
                demand(0 < stored <= self.catalogue - start, f"{what}: its length")
                demand(zlib.crc32(self.data[end:start + stored]) == crc, f"{what}: its checksum")
                demand(not any(self.data[end:start]), f"{what}: its padding")
                data = self.data[start:start + stored]
                if leaf.storage == 0:
                    demand(stored == last - first, f"{what}: its length")
                else:
                    data = unshuffle(inflate(data, full, what), item)
                    demand(not any(data[last - first:]), f"{what}: what fills it up")
                    data = data[:last - first]
                pieces.append(data)
                leaf.stored += stored
                start = end = start + stored
            leaf.data = b"".join(pieces)
            demand(zlib.crc32(leaf.data) == leaf.crc, f"the checksum of leaf {number}")
            if leaf.dtype == "string":
                self.check_text(leaf, number)
            check_elements(leaf.dtype, leaf.data, f"leaf {number}")
        reader.end()
        demand(end == self.catalogue, "the chunks do not fill the file up to the catalogue")

    def check_text(self, leaf, number):
        count = 1
        for extent in leaf.shape:
            count *= extent
        reader = Reader(leaf.data, f"leaf {number}", leaf.offset)
        for _ in range(count):
            raw = reader.raw(reader.number("Q"))
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                reader.demand(False, "text is not valid UTF-8")
        reader.end()

    # The tree

    def read_tree(self):
        self.refs, self.used_names, self.used_collections, self.next_leaf = [], set(), set(), 0
        reader = self.section(b"NODE")
        self.tree = self.read_node(reader, 0)
        reader.end()
        reader.demand(self.next_leaf == len(self.leaves), "the tree and the table differ in their leaves")
        reader.demand(len(self.used_names) == len(self.names), "a name that nobody uses")
        reader.demand(len(self.used_collections) == len(self.collections), "a collection that nobody uses")

    def read_node(self, reader, depth):
        reader.demand(depth <= DEEPEST, "the tree is too deep")
        kind = reader.number("B")
        if kind <= 2:
            return Atom(("none", "nothing", "hole")[kind])
        if kind == 3:
            reader.demand(self.next_leaf < len(self.leaves), "more leaves than the table has")
            self.next_leaf += 1
            return self.leaves[self.next_leaf - 1]
        if kind == 4:
            members, last = [], -1
            for _ in range(reader.varint()):
                name = reader.varint()
                reader.demand(last < name < len(self.names), "a member's name")
                last = name
                self.used_names.add(name)
                members.append((self.names[name], self.read_node(reader, depth + 1)))
            return Branch("dictionary", members)
        if kind in (5, 6):
            count = reader.varint()
            return Branch("list" if kind == 5 else "tuple", [self.read_node(reader, depth + 1) for _ in range(count)])
        if kind == 7:
            return Static("string", reader.text())
        if kind == 8:
            return Static("int64", reader.number("q"))
        if kind == 9:
            return Static("float64", reader.number("Q"))
        if kind in (10, 11):
            return Static("bool", kind == 11)
        if kind == 12:
            collection = reader.varint()
            reader.demand(collection <= len(self.collections), "a collection that is not in the table")
            if collection:
                self.used_collections.add(collection)
            ref = Ref(len(self.refs), self.collections[collection - 1] if collection else None)
            self.refs.append(ref)
            nested = reader.left() > 0 and reader.data[reader.at] in (12, 13)
            ref.value = self.read_node(reader, depth + 1 if nested else depth)
            return ref
        if kind == 13:
            index = reader.varint()
            reader.demand(index < len(self.refs), "an index before its value")
            return Again(self.refs[index])
        raise Unknown(f"kind of node {kind}")

    def read_metadata(self):
        def once(pairs):
            demand(len(dict(pairs)) == len(pairs), "the metadata names something twice")
            return dict(pairs)

        self.metadata, self.codec = {}, None
        if b"META" in self.sections:
            try:
                self.metadata = json.loads(bytes(self.section(b"META").data).decode("utf-8"), object_pairs_hook=once)
            except ValueError as error:
                raise Damaged(f"the metadata: {error}")
            demand(isinstance(self.metadata, dict), "the metadata is no object")
        if b"CODC" in self.sections:
            self.codec = bytes(self.section(b"CODC").data).decode("utf-8")
            demand(1 <= len(self.codec.encode()) <= 255, "the codec's name")
        self.attributes = self.read_attributes() if b"ATTR" in self.sections else {}

    def read_attributes(self):
        """{path as a tuple: {name: value}}; a value is None, a scalar, or (dtype, shape, texts or bytes)."""
        reader = self.section(b"ATTR")
        found, last = {}, None
        for _ in range(reader.varint()):
            path = tuple(reader.text() for _ in range(reader.varint()))
            raw = [key.encode() for key in path]
            reader.demand(last is None or last < raw, "the nodes do not ascend")
            last = raw
            count = reader.varint()
            reader.demand(count > 0, "a node without attributes")
            values = found[path] = {}
            for _ in range(count):
                name = reader.text()
                reader.demand(name not in values, "an attribute comes twice")
                values[name] = self.read_attribute(reader)
        reader.end()
        return found

    def read_attribute(self, reader):
        kind = reader.number("B")
        if kind == 0:
            return None
        if kind == 7:
            return reader.text()
        if kind in (8, 9):
            return reader.number("q" if kind == 8 else "d")
        if kind in (10, 11):
            return kind == 11
        reader.demand(kind in (1, 2), f"kind of value {kind}")
        dtype, size = ("string", None) if kind == 1 else DTYPES.get(reader.number("B"), (None, None))
        shape = [reader.varint() for _ in range(reader.varint())]
        count = math.prod(shape)
        if kind == 1:
            reader.demand(shape and count <= reader.left(), "the number of texts")
            return dtype, shape, [reader.text() for _ in range(count)]
        reader.demand(size, "the dtype of an attribute")
        content = bytes(reader.raw(count * size))
        check_elements(dtype, content, "an attribute")
        return dtype, shape, content


def load(path):
    """The file at `path`, read and checked whole."""
    with open(path, "rb") as file:
        return File(file.read())


def listing(node):
    """A node as JSON. Floats are given by their bits, payloads by their SHA-256."""
    if isinstance(node, Atom):
        return {"kind": node.kind}
    if isinstance(node, Static):
        value = f"{node.value:016x}" if node.kind == "float64" else node.value
        return {"kind": "static", "type": node.kind, "value": value}
    if isinstance(node, Branch):
        if node.kind == "dictionary":
            return {"kind": "dictionary", "members": [[name, listing(member)] for name, member in node.members]}
        return {"kind": node.kind, "members": [listing(member) for member in node.members]}
    if isinstance(node, Ref):
        return {"kind": "value", "index": node.index, "collection": node.collection, "value": listing(node.value)}
    if isinstance(node, Again):
        return {"kind": "index", "index": node.ref.index}
    return {
        "kind": "leaf", "dtype": node.dtype, "shape": node.shape, "storage": ("raw", "compressed")[node.storage],
        "bytes": node.size, "stored": node.stored, "crc32": f"{node.crc:08x}", "hash": node.digest.hex(),
        "sha256": hashlib.sha256(node.data).hexdigest(),
    }


def draw(node, indent=""):
    """Prints a node for people."""
    deeper = indent + "  "
    if isinstance(node, Atom):
        print(node.kind)
    elif isinstance(node, Static):
        value = struct.unpack("<d", struct.pack("<Q", node.value))[0] if node.kind == "float64" else node.value
        print(f"static {node.kind} {value!r}")
    elif isinstance(node, Again):
        print(f"see #{node.ref.index}")
    elif isinstance(node, Ref):
        print(f"#{node.index} {node.collection!r}: ", end="")
        draw(node.value, indent)
    elif isinstance(node, Leaf):
        print(f"{node.dtype} {node.shape}, {node.size} bytes, {node.stored} stored")
    else:
        print(f"{node.kind} of {len(node.members)}")
        for position, member in enumerate(node.members):
            name, member = member if node.kind == "dictionary" else (position, member)
            print(f"{deeper}{name!r}: ", end="")
            draw(member, deeper)


def listed(value):
    """The value of an attribute as JSON, exactly."""
    if value is None:
        return None
    if isinstance(value, tuple):
        dtype, shape, content = value
        content = {"texts": content} if dtype == "string" else {"bytes": content.hex()}
        return {"dtype": dtype, "shape": shape, **content}
    dtype = {str: "string", int: "int64", float: "float64", bool: "bool"}[type(value)]
    content = {"bytes": struct.pack("<d", value).hex()} if dtype == "float64" else {"value": value}
    return {"dtype": dtype, "shape": [], **content}


def main(arguments):
    files = [argument for argument in arguments if argument != "--json"]
    if len(files) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    sys.setrecursionlimit(10 * DEEPEST)
    try:
        file = load(files[0])
    except (Damaged, Unknown, OSError) as error:
        print(f"{files[0]}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if "--json" in arguments:
        document = {"version": 1, "codec": file.codec, "metadata": file.metadata, "tree": listing(file.tree)}
        if file.attributes:
            document["attributes"] = [
                [list(path), name, listed(value)]
                for path, values in file.attributes.items() for name, value in values.items()]
        print(json.dumps(document, ensure_ascii=True))
    else:
        draw(file.tree)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
