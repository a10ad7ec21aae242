"""Hostile HDF5 files: made with h5py, and with a knife where it makes none such."""

import os
import struct
import zlib

import h5py
import numpy as np

from files import sha256

CANARY = b"CANARY-of-refx-"


class Foreign:
    """Files that must not be opened: a text, an HDF5 file, a FIFO, and one that is not there."""

    def __init__(self, folder, token):
        self.folder = os.path.join(folder, "foreign")
        os.mkdir(self.folder)
        self.token = CANARY + token
        self.text = os.path.join(self.folder, "secret.txt")
        with open(self.text, "wb") as file:
            file.write(self.token * 64)
        self.hdf5 = os.path.join(self.folder, "secret.h5")
        data = np.frombuffer(self.token * 64, np.uint8)
        with h5py.File(self.hdf5, "w") as file:
            file["secret"] = data
            file["group/secret"] = data
        self.fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(self.fifo)
        self.missing = os.path.join(self.folder, "missing")

    @property
    def all(self):
        return [self.text, self.hdf5, self.fifo, self.missing, "/etc/passwd", "/proc/self/environ", "/dev/zero"]


def external_storage(group, name, path, count=1024, offset=0):
    group.create_dataset(name, shape=(count,), dtype="u1", external=[(path, offset, count)])


def virtual(group, name, source, dataset, count=1024):
    layout = h5py.VirtualLayout(shape=(count,), dtype="u1")
    layout[:] = h5py.VirtualSource(source, dataset, shape=(count,))
    group.create_virtual_dataset(name, layout, fillvalue=0)


def user_defined_link(path, name, number=65):
    """Turns the soft link `name`, which has a short target, into a link of another kind: h5py makes none such."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    # A link message: version 1, flags with the kind, the kind, the length of the name, the name.
    key = bytes([len(name)]) + name.encode()
    place = data.find(bytes([1]) + key)
    while place >= 0:
        if data[place - 1] in (0x08, 0x18, 0x0C, 0x1C) or data[place - 2] == 1:
            break
        place = data.find(bytes([1]) + key, place + 1)
    if place < 0:
        raise ValueError("no soft link found")
    data[place] = number
    mend_headers(data)
    with open(path, "wb") as file:
        file.write(data)


def lookup3(data):
    """The checksum of new HDF5 metadata: Bob Jenkins' lookup3, little-endian."""
    mask = 0xFFFFFFFF
    rot = lambda x, k: ((x << k) | (x >> (32 - k))) & mask
    a = b = c = (0xDEADBEEF + len(data)) & mask
    place, left = 0, len(data)
    while left > 12:
        x, y, z = struct.unpack_from("<III", data, place)
        a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
        a = (a - c) & mask ^ rot(c, 4); c = (c + b) & mask
        b = (b - a) & mask ^ rot(a, 6); a = (a + c) & mask
        c = (c - b) & mask ^ rot(b, 8); b = (b + a) & mask
        a = (a - c) & mask ^ rot(c, 16); c = (c + b) & mask
        b = (b - a) & mask ^ rot(a, 19); a = (a + c) & mask
        c = (c - b) & mask ^ rot(b, 4); b = (b + a) & mask
        place += 12
        left -= 12
    if left:
        x, y, z = struct.unpack("<III", bytes(data[place:place + left]) + bytes(12 - left))
        a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
        c = ((c ^ b) - rot(b, 14)) & mask
        a = ((a ^ c) - rot(c, 11)) & mask
        b = ((b ^ a) - rot(a, 25)) & mask
        c = ((c ^ b) - rot(b, 16)) & mask
        a = ((a ^ c) - rot(c, 4)) & mask
        b = ((b ^ a) - rot(a, 14)) & mask
        c = ((c ^ b) - rot(b, 24)) & mask
    return c


def mend_headers(data):
    """Makes the checksums of all version 2 object headers right again."""
    place = data.find(b"OHDR")
    while place >= 0:
        flags = data[place + 5]
        start = place + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(data[start:start + width], "little")
        end = start + width + size
        if data[place + 4] == 2 and end + 4 <= len(data):
            data[end:end + 4] = struct.pack("<I", lookup3(bytes(data[place:end])))
        place = data.find(b"OHDR", place + 4)


def chunked(group, name, count, chunk, data, dtype="u1", filters=("gzip",), mask=0):
    """A dataset whose one chunk holds `data`, whatever that is."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((chunk,))
    for name_of_filter in filters:
        if name_of_filter == "gzip":
            plist.set_deflate(9)
        elif name_of_filter == "shuffle":
            plist.set_shuffle()
        elif name_of_filter == "fletcher":
            plist.set_fletcher32()
        else:
            plist.set_filter(name_of_filter, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((count,), (h5py.h5s.UNLIMITED,))
    dataset = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, plist)
    if data is not None:
        dataset.write_direct_chunk((0,), data, mask)
    return dataset


_zeros = {}


def zeros(power):
    """A zlib stream of 2 to that power zeros, made piece by piece."""
    if power not in _zeros:
        packer = zlib.compressobj(9)
        piece = bytes(1 << 20)
        _zeros[power] = b"".join(packer.compress(piece) for _ in range(1 << (power - 20))) + packer.flush()
    return _zeros[power]


def make(maker, foreign, old=False, thorough=False):
    """All families; `old` in the layout of HDF5 1.8's first readers, which have no checksums."""
    mark = "old" if old else "new"
    # What every release since 1.10 reads.
    low = ("earliest", "v110") if old else ("v110", "v110")

    def add(name, family, expect, body, **rest):
        full = f"h_{mark}_{name}.h5"
        path = maker.path(full)
        with h5py.File(path, "w", libver=low, track_order=False) as file:
            body(file)
        maker.add(full, None, family, expect, **rest)
        return path

    ones = np.arange(8, dtype="<f4")
    good = sha256(ones.tobytes())

    # MARK: Links and storage that leave the file

    targets = [("text", foreign.text), ("hdf5", foreign.hdf5), ("fifo", foreign.fifo), ("missing", foreign.missing),
               ("passwd", "/etc/passwd"), ("environ", "/proc/self/environ"), ("zero", "/dev/zero"),
               ("dotdot", "../" * 12 + "etc/passwd"), ("relative", "foreign/secret.txt")]
    for name, path in targets[::3] if old and not thorough else targets:
        add("storage_" + name, "external storage", "listed",
            lambda f, path=path: (external_storage(f, "w", path), f.__setitem__("sound", ones)), traced=True)
        def links(f, path=path):
            f["out"] = h5py.ExternalLink(path, "/secret")
            f["group"] = h5py.ExternalLink(path, "/")
            f["sound"] = ones
        add("link_" + name, "external links", "listed", links, traced=True)
        add("virtual_" + name, "virtual datasets", "listed",
            lambda f, path=path: (virtual(f, "w", path, "secret"), f.__setitem__("sound", ones)), traced=True)

    def through(f):
        f["out"] = h5py.ExternalLink(foreign.hdf5, "/")
        f["in"] = h5py.SoftLink("/out/secret")
        f["deep"] = h5py.SoftLink("/in")
        f["a/b"] = h5py.SoftLink("../out/group/secret")
    add("soft_through_external", "soft links", "listed", through, traced=True)
    add("soft_dangling", "soft links", "listed", lambda f: f.__setitem__("a", h5py.SoftLink("/nowhere")))
    add("soft_cycle", "soft links", "listed",
        lambda f: (f.__setitem__("a", h5py.SoftLink("/b")), f.__setitem__("b", h5py.SoftLink("/a"))))
    add("soft_path", "soft links", "listed", lambda f: f.__setitem__("a", h5py.SoftLink("/etc/passwd")), traced=True)
    add("soft_dotdot", "soft links", "listed", lambda f: f.__setitem__("a", h5py.SoftLink("../../../etc/passwd")), traced=True)

    def doubling(f):
        # Each soft link goes through the one before, twice.
        f["g0/x"] = ones
        for i in range(1, 30):
            f[f"g{i}"] = h5py.SoftLink(f"/g{i - 1}/../g{i - 1}")
    add("soft_doubling", "soft links", "either", doubling)

    def itself(f):
        virtual(f, "w", ".", "w")
    add("virtual_itself", "virtual datasets", "listed", itself, traced=True)

    def turns(f):
        virtual(f, "a", ".", "b")
        virtual(f, "b", ".", "a")
    add("virtual_turns", "virtual datasets", "listed", turns, traced=True)
    add("virtual_by_name", "virtual datasets", "listed",
        lambda f: virtual(f, "w", f"h_{mark}_virtual_by_name.h5", "w"), traced=True)

    if not old:
        def link_of_kind(f):
            f["w"] = ones
            f["userlink"] = h5py.SoftLink("/w")
        for number in (2, 63, 65, 255):
            path = add(f"user_link_{number}", "user-defined links", "either", link_of_kind, traced=True)
            user_defined_link(path, "userlink", number)

    # MARK: Bombs

    million = zlib.compress(bytes(1 << 20), 9)
    # The new layout has no room for a stream that is so much longer than its chunk.
    if thorough and old:
        for power in (24, 28, 30, 32):
            for count in (1, 1024, 1 << 20):
                add(f"bomb_2p{power}_for_{count}", "bombs", "payload",
                    lambda f, power=power, count=count: chunked(f, "w", count, count, zeros(power)), megabytes=96, seconds=5)
    add("bomb_small_dataset", "bombs", "payload", lambda f: chunked(f, "w", 1024, 1024, zlib.compress(bytes(64 << 20), 9)),
        megabytes=96)
    add("bomb_twice", "bombs", "listed",
        lambda f: chunked(f, "w", 1024, 1 << 20, zlib.compress(zlib.compress(bytes(256 << 20), 9), 9), filters=("gzip", "gzip")),
        megabytes=96)
    add("bomb_huge_chunk", "bombs", "either",
        lambda f: chunked(f, "w", 16, 1 << 30, zlib.compress(bytes(1 << 20), 1)), megabytes=256)
    add("bomb_too_short", "bombs", "payload", lambda f: chunked(f, "w", 1024, 1024, zlib.compress(bytes(100))))
    add("bomb_garbage", "bombs", "payload", lambda f: chunked(f, "w", 1024, 1024, b"\x78\x9c" + b"\xff" * 50))
    add("bomb_adler", "bombs", "payload", lambda f: chunked(f, "w", 1024, 1024, zlib.compress(bytes(1024))[:-1] + b"\0"))
    add("bomb_behind", "bombs", "payload", lambda f: chunked(f, "w", 1024, 1024, zlib.compress(bytes(1024)) + b"more"))
    add("filter_unknown", "filters", "listed",
        lambda f: chunked(f, "w", 1024, 1024, bytes(1024), filters=(32015,)))
    for power in (36, 48, 60, 62):
        add(f"claims_2p{power}", "claims", "listed",
            lambda f, power=power: chunked(f, "w", 1 << power, 1 << 20, million), megabytes=96)
    add("claims_ranks", "claims", "listed",
        lambda f: f.create_dataset("w", shape=(1 << 20,) * 3, chunks=(1, 1, 1 << 10), dtype="f8"), megabytes=96)
    add("claims_many", "claims", "listed",
        lambda f: [chunked(f, f"w{i}", 1 << 40, 1 << 20, million) for i in range(200)], megabytes=128)

    # MARK: Shapes of trees

    def deep(f, levels):
        group = f.id
        for _ in range(levels):
            group = h5py.h5g.create(group, b"g")
    for levels in (999, 1001, 5000):
        add(f"deep_{levels}", "nesting", "read" if levels < 1000 else "error", lambda f, levels=levels: deep(f, levels),
            **({"values": {}} if levels < 1000 else {}))

    def cycles(f):
        group = f.create_group("a")
        group["up"] = f["/"]
        group["self"] = group
        other = f.create_group("b")
        other["a"] = group
        group["b"] = other
        group["w"] = ones
    add("hard_cycles", "hard links", "read", cycles, values={("a", "w"): good})

    def diamond(f):
        below = f.create_group("d0")
        below["w"] = ones
        for i in range(1, 41):
            level = f.create_group(f"d{i}")
            level["x"] = below
            level["y"] = below
            below = level
    add("diamond_2p40", "hard links", "read", diamond, values={("d0", "w"): good})

    # MARK: Names

    names = {"escape": "\x1b[31mred\x1b]0;title\x07", "newline": "a\nrefx: fine\r", "dotdot": "..", "c1": "\u009b2J\u0090",
             "bidi": "\u202egnp.exe\u2066", "backslash": "..\\..\\evil", "long": "n" * 60_000, "tilde": "~0/x".replace("/", "~"),
             "percent": "%2F%00"}
    for name, key in names.items():
        add("name_" + name, "names", "read",
            lambda f, key=key: h5py.h5d.create(f.id, key.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2,))),
            values={(key,): sha256(bytes(8))})
    add("name_twins", "names", "read",
        lambda f: (f.__setitem__("\u00e9", ones), f.__setitem__("e\u0301", ones[::-1].copy())),
        values={("\u00e9",): good, ("e\u0301",): sha256(ones[::-1].tobytes())})
    add("name_latin1", "names", "listed",
        lambda f: h5py.h5d.create(f.id, b"\xe9\xff", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2,))))
    add("text_escape", "names", "read", lambda f: f.__setitem__("t", "\x1b[2J\x1b]52;c;aGk=\x07"), values={})

    # MARK: Our own layout, with lies in it

    def own(body):
        def make_own(f):
            f.attrs["refx_format"] = "refx"
            f.attrs["refx_version"] = 1
            tree = f.create_group("tree")
            tree.attrs["refx_node"] = "dict"
            body(f, tree)
        return make_own

    add("own_plain", "our layout", "read", own(lambda f, t: t.__setitem__("w", ones)), values={("w",): good})
    add("own_soft", "our layout", "error", own(lambda f, t: t.__setitem__("w", h5py.SoftLink("/x"))))
    add("own_external", "our layout", "error", own(lambda f, t: t.__setitem__("w", h5py.ExternalLink(foreign.hdf5, "secret"))),
        traced=True)
    add("own_storage", "our layout", "either", own(lambda f, t: external_storage(t, "w", foreign.text)), traced=True)
    add("own_virtual", "our layout", "either", own(lambda f, t: virtual(t, "w", foreign.hdf5, "secret")), traced=True)
    add("own_cycle", "our layout", "error", own(lambda f, t: t.__setitem__("w", t)))
    add("own_two_sites", "our layout", "error", own(lambda f, t: (t.__setitem__("a", ones), t.__setitem__("b", t["a"]))))

    def sum_of(f, t):
        t["w"] = ones
        t["w"].attrs["refx_crc32"] = np.uint32(1)
    add("own_wrong_sum", "our layout", "payload", own(sum_of))

    def gap(f, t):
        group = t.create_group("l")
        group.attrs["refx_node"] = "list"
        group["0"] = ones
        group[str(1 << 62)] = ones
    add("own_list_gap", "our layout", "error", own(gap))

    def dtype_lie(f, t):
        t["w"] = ones
        t["w"].attrs["refx_dtype"] = "complex128"
    add("own_dtype", "our layout", "error", own(dtype_lie))
    add("own_structure", "our layout", "error",
        own(lambda f, t: (t.__setitem__("w", ones), f.attrs.__setitem__("refx_structure", "0" * 64))))
    for name, value in [("deep", "[" * 100_000), ("twice", '{"a":1,"a":2}'), ("array", "[]")]:
        add("own_metadata_" + name, "our layout", "error",
            own(lambda f, t, value=value: f.__setitem__("metadata", value)))
    add("own_version", "our layout", "error", lambda f: f.attrs.update(refx_format="refx", refx_version=2))


def nesting(path, foreign, random):
    """A random tree of groups with everything in it that could lead out of the file."""
    with h5py.File(path, "w", libver=(random.choice(["earliest", "v110"]), "v110")) as file:
        groups = [file["/"]]
        for number in range(random.randint(4, 24)):
            group = random.choice(groups)
            name = random.choice(["a", "\x1b[31m", "x y", "..x", "\u00e9", "e\u0301"]) + str(number)
            target = random.choice(foreign.all + [os.path.basename(path), ".", "foreign/secret.h5"])
            inside = random.choice(["secret", "/", "/group/secret", "a0", name])
            kind = random.choice(["group", "group", "data", "soft", "hard", "link", "storage", "virtual", "chunked", "text"])
            if kind == "group":
                groups.append(group.create_group(name))
            elif kind == "data":
                group[name] = np.arange(random.randint(0, 9), dtype=random.choice(["f4", "i8", "u1"]))
            elif kind == "soft":
                group[name] = h5py.SoftLink(random.choice(
                    ["/", "..", ".", "/a1/../x", target, name, "/" + "/".join(["x"] * random.randint(1, 9))]))
            elif kind == "hard":
                group[name] = random.choice(groups)
            elif kind == "link":
                group[name] = h5py.ExternalLink(target, inside)
            elif kind == "storage":
                external_storage(group, name, target, random.choice([1, 64, 1024]))
            elif kind == "virtual":
                virtual(group, name, target, inside, random.choice([1, 64, 1024]))
            elif kind == "chunked":
                group.create_dataset(name, data=np.zeros(2000, "f4"), chunks=(100,), compression="gzip")
            else:
                group[name] = "text \x1b[0m"
