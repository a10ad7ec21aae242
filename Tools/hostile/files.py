"""What a hostile file is, and the families of formats that are written by hand: safetensors, .refx, others.

Everything is made anew for each run; nothing that is hostile lies in the repository.
"""

import hashlib
import json
import os
import struct
import zlib


class File:
    """`expect` is
    error    every command refuses it
    read     every command reads it; `values` are the SHA-256 of its leaves, by path
    listed   it opens, with leaves that cannot be read; what needs their values refuses
    payload  it opens; what reads the values refuses
    either   it is read or refused
    """

    def __init__(self, path, family, expect, values=None, megabytes=256, seconds=10, traced=False, never=None):
        self.path, self.family, self.expect, self.values = path, family, expect, values
        self.megabytes, self.seconds, self.traced = megabytes, seconds, traced
        # A reason for which it must not be refused: that would be a mistake in how it was made.
        self.never = never

    @property
    def name(self):
        return os.path.basename(self.path)


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.files = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, data, family, expect, **rest):
        if data is not None:
            with open(self.path(name), "wb") as file:
                file.write(data)
        self.files.append(File(self.path(name), family, expect, **rest))


def sha256(data):
    return hashlib.sha256(bytes(data)).hexdigest()


# MARK: safetensors

def tensor_file(header, payload=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + payload


def f32(start, end, count=None):
    return {"dtype": "F32", "shape": [(end - start) // 4 if count is None else count], "data_offsets": [start, end]}


def make_safetensors(maker):
    def add(name, data, expect="error", family="safetensors", **rest):
        maker.add(f"s_{name}.safetensors", data, family, expect, **rest)

    payload = struct.pack("<4f", 1, 2, 3, 4)
    good = sha256(payload)
    add("plain", tensor_file({"w": f32(0, 16)}, payload), "read", values={("w",): good})
    # A header that lies about itself.
    for name, length in [("2p60", 1 << 60), ("2p63", 1 << 63), ("max", (1 << 64) - 1), ("wrap", (1 << 64) - 8),
                         ("limit", 100_000_001), ("zero", 0), ("past_end", 10_000)]:
        add("header_" + name, tensor_file({"w": f32(0, 16)}, payload, length), family="header bombs", megabytes=64)
    # Overlaps, holes, ends: what two readers could take for two contents.
    for name, header, size in [
        ("overlap", {"a": f32(0, 16), "b": f32(8, 24)}, 24), ("same_bytes", {"a": f32(0, 16), "b": f32(0, 16)}, 16),
        ("hole", {"a": f32(0, 8), "b": f32(16, 24)}, 24), ("hole_before", {"a": f32(8, 24)}, 24),
        ("behind", {"a": f32(0, 16)}, 4096), ("past_end", {"a": f32(0, 1 << 20)}, 16),
        ("backwards", {"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}}, 16),
        ("negative", {"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}}, 16),
        ("size", {"a": f32(0, 16, 5)}, 16),
        ("2p60", {"a": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 1 << 62]}}, 16),
        ("wraps", {"a": {"dtype": "F64", "shape": [1 << 32, 1 << 32, 2], "data_offsets": [0, 0]}}, 0),
        ("wraps_right", {"a": {"dtype": "U8", "shape": [(1 << 32) + 1, (1 << 32) - 1, 1 << 2, 16],
                               "data_offsets": [0, 16]}}, 16),
        ("2p64", {"a": {"dtype": "U8", "shape": [1 << 64], "data_offsets": [0, 1 << 64]}}, 16),
        ("2p200", {"a": {"dtype": "U8", "shape": [1 << 200], "data_offsets": [0, 1 << 200]}}, 16),
        ("rank", {"a": {"dtype": "U8", "shape": [1] * 65, "data_offsets": [0, 1]}}, 1),
        ("rank_100k", {"a": {"dtype": "U8", "shape": [1] * 100_000, "data_offsets": [0, 1]}}, 1),
        ("dtype", {"a": {"dtype": "F33", "shape": [4], "data_offsets": [0, 16]}}, 16),
        ("extra", {"a": {**f32(0, 16), "x": 1}}, 16), ("few", {"a": {"dtype": "F32", "shape": [4]}}, 16),
    ]:
        add("offsets_" + name, tensor_file(header, bytes(size)), family="offsets and shapes")
    add("unaligned", tensor_file({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "b": f32(1, 17)},
                                 b"\x07" + payload), "read", values={("b",): good, ("a",): sha256(b"\x07")})
    # Names that are two for one reader and one for another.
    tensor = json.dumps(f32(0, 16))
    for name, text in [
        ("twice", '{"w":%s,"w":%s}' % (tensor, tensor)), ("twice_escaped", '{"w":%s,"\\u0077":%s}' % (tensor, tensor)),
        ("twice_field", '{"w":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
        ("twice_metadata", '{"__metadata__":{"a":"1","a":"2"},"w":%s}' % tensor),
        ("two_metadata", '{"__metadata__":{},"__metadata__":{},"w":%s}' % tensor),
    ]:
        add("key_" + name, tensor_file(text.encode(), payload), family="duplicate keys")
    pair = {"\u00e9": f32(0, 16), "e\u0301": f32(16, 32)}
    add("nfc_nfd", tensor_file(pair, payload + payload[::-1]), "read", family="names",
        values={("\u00e9",): good, ("e\u0301",): sha256(payload[::-1])})
    for name, key in [("nul", "a\0b"), ("escape", "\x1b[31mred\x1b[0m\x1b]0;title\x07"), ("newline", "a\nrefx: b: fine\r"),
                      ("dotdot", "../../../../tmp/refx-evil"), ("absolute", "/tmp/refx-evil"), ("empty", ""),
                      ("c1", "\u009b31m\u0090"), ("bidi", "\u202egnp.exe\u2066"), ("long", "n" * 60_000)]:
        add("name_" + name, tensor_file({key: f32(0, 16)}, payload), "read", family="names", values={(key,): good})
    add("name_too_long", tensor_file({"n" * ((1 << 20) + 1): f32(0, 16)}, payload), family="names")
    # Texts that are not the one JSON object that they should be.
    for name, text in [
        ("open_100k", b'{"a":' + b"[" * 100_000), ("objects_100k", b'{"a":' * 100_000), ("utf16", '{"a":{}}'.encode("utf-16")),
        ("bom", b"\xef\xbb\xbf{}"), ("surrogate", b'{"\\ud800":{}}'), ("overlong", b'{"\xc0\xaf":{}}'), ("array", b"[]"),
        ("two", b"{}{}"), ("nan", b'{"a":NaN}'), ("comma", b'{"a":1,}'), ("float", b'{"w":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}}'),
        ("exponent", b'{"w":{"dtype":"F32","shape":[4e0],"data_offsets":[0,16]}}'), ("nul", b'{"w":{}}\0\0'),
    ]:
        add("json_" + name, tensor_file(text, payload), family="JSON", megabytes=64)
    for name, text in [("deep", "[" * 100_000), ("closed", "[" * 100_000 + "]" * 100_000), ("none", "{}"),
                       ("cycle", '{"version":1,"separator":".","metadata":[],"tree":{"ref":0}}'),
                       ("unknown", '{"version":1,"separator":".","metadata":[],"tree":{"dict":{"a":"w","b":"x"}}}'),
                       ("twice", '{"version":1,"separator":".","metadata":[],"tree":["w","w"]}'),
                       ("levels", '{"version":1,"separator":".","metadata":[],"tree":' + "[" * 1500 + '"w"' + "]" * 1500 + "}")]:
        add("description_" + name, tensor_file({"__metadata__": {"refx": text}, "w": f32(0, 16)}, payload),
            family="descriptions")


# MARK: .refx

def varint(number):
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return varint(len(data)) + data


def refx_file(sections, payload=b"", catalogue=None):
    """A file with these sections, all sums right: (tag, required, bytes)."""
    header = b"\x89REFX\r\n\x1a" + struct.pack("<HHIQQ", 1, 64, 0, 0, 0) + bytes(28)
    out = bytearray(header + struct.pack("<I", zlib.crc32(header)) + payload)
    start = len(out)
    directory = b""
    for tag, required, data in sections:
        directory += struct.pack("<4sIQQII", tag, required, len(out), len(data), zlib.crc32(data), 0)
        out += data
    place = len(out)
    out += directory
    trailer = struct.pack("<QQIIQ", start if catalogue is None else catalogue, place, len(sections),
                          zlib.crc32(directory), len(out) + 64) + bytes(20)
    return bytes(out + trailer + struct.pack("<I", zlib.crc32(trailer)) + b"\x1a\n\rXFER\x89")


def catalogue(names=(), nodes=b"\0", leaves=b"\0", chunks=b"", metadata=None, collections=b"\0", name_section=None):
    table = varint(len(names)) + b"".join(text(n) for n in names) if name_section is None else name_section
    sections = [(b"NAME", 1, table), (b"COLL", 1, collections), (b"NODE", 1, nodes), (b"LEAF", 1, leaves),
                (b"CHNK", 1, chunks)]
    if metadata is not None:
        sections.append((b"META", 0, metadata))
    return sections


def make_refx(maker):
    def add(name, sections, expect="error", payload=b"", family=".refx", **rest):
        # Every sum is right, so that what is refused is the lie.
        maker.add(f"r_{name}.refx", refx_file(sections, payload), family, expect, never=b"checksum|end mark", **rest)

    add("empty", catalogue(), "read", values={})
    add("statics", catalogue(["a", "b"], b"\x04\x02\x00\x07" + text("x") + b"\x01\x0a"), "read", values={})
    for levels in (1001, 5000, 100_000, 1_000_000):
        add(f"lists_{levels}", catalogue(nodes=b"\x05\x01" * levels + b"\0"), family="nesting", megabytes=96)
        # The value of the last is no level of its own.
        add(f"refs_{levels}", catalogue(nodes=b"\x0c\x00" * (levels + 1) + b"\0"), family="nesting", megabytes=96)
        add(f"dictionaries_{levels}", catalogue(["a"], b"\x04\x01\x00" * levels + b"\0"), family="nesting", megabytes=96)
    for name, value in [("deep", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), ("twice", b'{"a":1,"a":2}'),
                        ("array", b"[]"), ("utf8", b'{"a":"\xff"}'), ("open", b'{"a":' * 50_000), ("empty", b"")]:
        add("metadata_" + name, catalogue(metadata=value), family="JSON", megabytes=64)
    # Counts that nothing justifies: an error before memory is taken.
    for name, number in [("2p31", 1 << 31), ("2p32", 1 << 32), ("2p60", 1 << 60), ("max", (1 << 63) - 1)]:
        huge = varint(number)
        for what, sections in [
            ("names", catalogue(name_section=huge + text("a"))), ("collections", catalogue(collections=huge + b"\0")),
            ("list", catalogue(nodes=b"\x05" + huge)), ("dictionary", catalogue(["a"], b"\x04" + huge + b"\0\0")),
            ("leaves", catalogue(nodes=b"\x03", leaves=huge + bytes(64))), ("text", catalogue(nodes=b"\x07" + huge)),
            ("name", catalogue(name_section=b"\x01" + huge + b"a")),
            ("shape", catalogue(nodes=b"\x03", leaves=b"\x01\x0c\x00\x01" + huge + bytes(28), chunks=bytes(8))),
            ("packed", catalogue(nodes=b"\x03", leaves=b"\x01\x0c\x01\x01" + huge + bytes(28), chunks=bytes(8))),
            ("zero", catalogue(nodes=b"\x03", leaves=b"\x01\x0c\x00\x03\x00" + huge + huge + bytes(28))),
        ]:
            # An extent of 0 makes all others harmless, and its sums are those of nothing.
            add(f"claims_{what}_{name}", sections, "error", family="claims", megabytes=64)
    # Lists that announce as many as there are bytes, within one another.
    add("announced", catalogue(nodes=b"".join(b"\x05" + varint(200_000 - 4 * i) for i in range(999)) + bytes(200_000)),
        family="claims", megabytes=64)
    for name, key in [("nul", "a\0b"), ("escape", "\x1b[2J\x1b]52;c;aGk=\x07"), ("newline", "a\nb\r"), ("dotdot", "../../refx-evil"),
                      ("bidi", "\u202eabc\u2069"), ("c1", "\u009b2J")]:
        add("name_" + name, catalogue([key], b"\x04\x01\x00\x0a"), "read", family="names", values={})
        add("collection_" + name, catalogue(["w"], b"\x04\x01\x00\x0c\x01\x0a", collections=b"\x01\x01" + text(key)),
            "read", family="names", values={})
    add("name_nfc_nfd", catalogue(["e\u0301", "\u00e9"], b"\x04\x02\x00\x0a\x01\x0b"), "read", family="names", values={})
    for name, names in [("twice", ["a", "a"]), ("order", ["b", "a"]), ("latin1", [b"\xe9"])]:
        add("names_" + name, catalogue(names, b"\x04\x02\x00\x0a\x01\x0b"), family="duplicate keys")
    add("member_twice", catalogue(["a"], b"\x04\x02\x00\x0a\x00\x0b"), family="duplicate keys")
    add("index_first", catalogue(nodes=b"\x0d\x00"), family="sharing")
    add("index_itself", catalogue(nodes=b"\x0c\x00\x0d\x00"), "read", family="sharing", values={})
    add("leaf_twice", catalogue(nodes=b"\x05\x02\x03\x03"), family="sharing")
    # A doubling at each of 40 levels: linear for who numbers Refs, endless for who expands them.
    count = 40
    # The second member of each list is the Ref inside the first.
    parts = b"\x0c\x00\x0a"
    number = count
    for i in range(count):
        number -= 1
        parts = b"\x0c\x00\x05\x02" + parts + b"\x0d" + varint(number + 1)
    add("diamond_2p40", catalogue(nodes=parts), "read", family="sharing", values={})
    # One leaf of 1,024 float32 in one chunk, whose stream holds whatever it holds.
    for name, stream in [("64MiB", zlib.compress(bytes(64 << 20), 9)), ("one_more", zlib.compress(bytes(4097))),
                         ("short", zlib.compress(bytes(100))), ("garbage", b"\x78\x9c" + b"\xff" * 50), ("raw", bytes(4096)),
                         ("adler", zlib.compress(bytes(4096))[:-1] + b"\x55"), ("behind", zlib.compress(bytes(4096)) + b"more")]:
        leaf = b"\x01\x0c\x01\x01" + varint(1024) + struct.pack("<I", zlib.crc32(bytes(4096))) + bytes(16) + struct.pack("<Q", 64)
        chunk = struct.pack("<II", len(stream), zlib.crc32(stream))
        add("bomb_" + name, catalogue(nodes=b"\x03", leaves=leaf, chunks=chunk), "payload", payload=stream, family="bombs",
            megabytes=64)
    for tag in (b"NAME", b"NODE", b"LEAF", b"CHNK"):
        add(f"without_{tag.decode()}", [s for s in catalogue() if s[0] != tag], family="sections")
        add(f"twice_{tag.decode()}", catalogue() + [(tag, 1, b"\0")], family="sections")
    add("unknown_required", catalogue() + [(b"EVIL", 1, b"x")], family="sections")
    add("unknown_optional", catalogue() + [(b"SOFT", 0, b"x")], "read", family="sections", values={})
    add("sections_1025", catalogue() + [(b"%04d" % i, 0, b"") for i in range(1020)], family="sections")


# MARK: What is no checkpoint

def make_others(maker):
    for name, data in [
        ("empty.refx", b""), ("empty.h5", b""), ("empty.safetensors", b""), ("zeros.h5", bytes(1 << 16)),
        ("zip.npz", b"PK\x03\x04" + bytes(40)), ("pickle.pt", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."),
        ("elf.h5", b"\x7fELF" + bytes(200)), ("page.safetensors", b"<!DOCTYPE html><title>\x1b[31m404</title>"),
        ("signature.h5", b"\x89HDF\r\n\x1a\n"), ("cut.refx", b"\x89REFX\r\n\x1a"), ("noise.refx", os.urandom(4096)),
    ]:
        maker.add("o_" + name, data, "no checkpoints", "error", megabytes=64)
    # 1 TiB that is a hole.
    for suffix in ("refx", "h5", "safetensors"):
        path = maker.path(f"o_sparse.{suffix}")
        with open(path, "wb") as file:
            file.truncate(1 << 40)
        maker.add(f"o_sparse.{suffix}", None, "header bombs", "error", megabytes=64)
    make_sparse_names(maker)
    os.mkfifo(maker.path("o_fifo.h5"))
    maker.add("o_fifo.h5", None, "no checkpoints", "error", megabytes=64)


def make_sparse_names(maker):
    """A .refx file of some bytes and a hole, whose section of names has 1 TiB."""
    whole = refx_file(catalogue())
    # The names are the byte behind the header; the directory is the 5 entries before the trailer.
    header, directory, trailer = whole[:64], bytearray(whole[-64 - 160:-64]), bytearray(whole[-64:])
    grown = 1 << 40
    struct.pack_into("<Q", directory, 16, grown)
    for entry in range(1, 5):
        place = struct.unpack_from("<Q", directory, 32 * entry + 8)[0]
        struct.pack_into("<Q", directory, 32 * entry + 8, place + grown - 1)
    start = len(whole) - 64 - 160 + grown - 1
    struct.pack_into("<QQIIQ", trailer, 0, 64, start, 5, zlib.crc32(directory), start + 160 + 64)
    struct.pack_into("<I", trailer, 52, zlib.crc32(trailer[:52]))
    with open(maker.path("o_sparse_names.refx"), "wb") as file:
        file.write(header)
        file.seek(start)
        file.write(directory + trailer)
    maker.add("o_sparse_names.refx", None, "header bombs", "error", megabytes=64, never=b"end mark|directory")
