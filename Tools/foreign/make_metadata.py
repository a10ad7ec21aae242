#!/usr/bin/env python3
"""Files whose metadata the readers of HDF5 metadata are compared with: as many ways to write the same as
h5py offers, and what libhdf5 says of each.

  make_metadata.py FOLDER   writes the files, and index.json, which says of each what is in it

In index.json `sound` is false where our readers must leave the file, or the object, to libhdf5.
"""

import ctypes
import json
import os
import random
import shutil
import sys

import h5py
import numpy as np
from h5py import h5f, h5p, h5s, h5t

VERSIONS = {
    "earliest": ("earliest", "v110"),
    "v108": ("v108", "v108"),
    "v110": ("v110", "v110"),
    "v112": ("v112", "v112"),
    "v114": ("v114", "v114"),
    "latest": ("latest", "latest"),
}


# Groups


def fill(group, count, rng, longest=20):
    """`count` links: to empty groups, soft, external; with names of every length, in a random order."""
    names = [f"{'n' * rng.randrange(longest)}{number}ä" for number in range(count)]
    rng.shuffle(names)
    target = group.file.require_group("target")
    for number, name in enumerate(names):
        if number % 7 == 5:
            group[name] = h5py.SoftLink("/target/" + "s" * (number % 300))
        else:
            group[name] = target
    return names


def add_groups(f, counts, rng):
    f.create_group("empty")
    f["deep/er/and/deeper"] = f.create_group("origin")
    for count in counts:
        fill(f.create_group(f"group {count}"), count, rng)
    fill(f.create_group("long names"), 30, rng, longest=3000)
    # What stays when most is taken out again, in a random order.
    group = f.create_group("thinned")
    names = fill(group, 300, rng)
    rng.shuffle(names)
    for name in names[:270]:
        del group[name]
    for number in range(40):
        group[f"again {number}"] = f["target"]


def groups_of(f):
    """Each group by its address, with its links as libhdf5 lists them."""
    found = {}

    def visit(group):
        address = h5py.h5o.get_info(group.id).addr
        if address in found:
            return
        links = []
        found[address] = links
        for name in group.id:
            info = group.id.links.get_info(name)
            value = b""
            target = 0
            if info.type == h5py.h5l.TYPE_HARD:
                target = h5py.h5o.get_info(group.id, name).addr
            elif info.type == h5py.h5l.TYPE_SOFT:
                value = group.id.links.get_val(name)
            links.append([name.hex(), info.type, target, value.hex()])
            if info.type == h5py.h5l.TYPE_HARD and isinstance(group.get(name), h5py.Group):
                visit(group[name])
        links.sort(key=lambda link: bytes.fromhex(link[0]))

    visit(f["/"])
    return [{"address": address, "links": links} for address, links in found.items()]


# Types


def odd_types():
    """Types that NumPy does not have."""
    types = {}

    def put(name, base, change):
        copy = base.copy()
        change(copy)
        types[name] = copy

    put("24 of 32 bits", h5t.STD_I32LE, lambda t: t.set_precision(24))
    put("12 of 16 bits from the 4th", h5t.STD_U16BE, lambda t: (t.set_precision(12), t.set_offset(4)))
    put("padded with ones", h5t.STD_I64LE, lambda t: t.set_pad(h5t.PAD_ONE, h5t.PAD_ONE))
    put("int128", h5t.STD_I64LE, lambda t: (t.set_size(16), t.set_precision(128)))
    put("bfloat16", h5t.IEEE_F16LE, lambda t: (t.set_fields(15, 7, 8, 0, 7), t.set_ebias(127)))
    put("bfloat16 be", h5t.IEEE_F16BE, lambda t: (t.set_fields(15, 7, 8, 0, 7), t.set_ebias(127)))
    put("another bias", h5t.IEEE_F32LE, lambda t: t.set_ebias(100))
    put("no implied bit", h5t.IEEE_F32LE, lambda t: t.set_norm(h5t.NORM_NONE))
    put("most significant bit set", h5t.IEEE_F64BE, lambda t: t.set_norm(h5t.NORM_MSBSET))
    for number in (1, 2):
        size = (8, 4)[number - 1]
        put(f"vax {size}", (h5t.IEEE_F64LE, h5t.IEEE_F32LE)[number - 1], lambda t: t.set_order(h5t.ORDER_VAX))
    fp8 = h5t.IEEE_F16LE.copy()
    fp8.set_fields(7, 2, 5, 0, 2)
    fp8.set_precision(8)
    fp8.set_size(1)
    fp8.set_ebias(15)
    types["float8_e5m2"] = fp8
    for name in ["STD_B8LE", "STD_B16BE", "STD_B64LE", "UNIX_D32LE", "UNIX_D64BE", "STD_REF_OBJ", "STD_REF_DSETREG"]:
        if hasattr(h5t, name):
            types[name] = getattr(h5t, name)
    opaque = h5t.create(h5t.OPAQUE, 5)
    opaque.set_tag(b"what it is")
    types["opaque"] = opaque
    for pad, name in [(h5t.STR_NULLTERM, "term"), (h5t.STR_NULLPAD, "pad"), (h5t.STR_SPACEPAD, "space")]:
        for charset in (h5t.CSET_ASCII, h5t.CSET_UTF8):
            text = h5t.C_S1.copy()
            text.set_size(11)
            text.set_strpad(pad)
            text.set_cset(charset)
            types[f"text {name} {charset}"] = text
            text = h5t.C_S1.copy()
            text.set_size(h5t.VARIABLE)
            text.set_strpad(pad)
            text.set_cset(charset)
            types[f"heap text {name} {charset}"] = text

    def enumeration(base, values):
        kind = h5t.enum_create(base)
        for name, value in values:
            kind.enum_insert(name, value)
        return kind

    for order, base in [("signed", h5t.STD_I8LE), ("unsigned", h5t.STD_U8LE), ("be", h5t.STD_I8BE)]:
        types[f"bool {order}"] = enumeration(base, [(b"FALSE", 0), (b"TRUE", 1)])
        types[f"bool {order} turned"] = enumeration(base, [(b"TRUE", 1), (b"FALSE", 0)])
        types[f"bool {order} wrong"] = enumeration(base, [(b"TRUE", 0), (b"FALSE", 1)])
    types["bool of two bytes"] = enumeration(h5t.STD_I16LE, [(b"FALSE", 0), (b"TRUE", 1)])
    types["colours"] = enumeration(h5t.STD_I32BE, [(b"red", 1), (b"green", 2), (b"a blue of eight", 3)])
    types["yes or no"] = enumeration(h5t.STD_I8LE, [(b"no", 0), (b"yes", 1)])

    def compound(size, members):
        kind = h5t.create(h5t.COMPOUND, size)
        for name, offset, member in members:
            kind.insert(name, offset, member)
        return kind

    f4, f8, b4 = h5t.IEEE_F32LE, h5t.IEEE_F64LE, h5t.IEEE_F32BE
    types["complex64"] = compound(8, [(b"r", 0, f4), (b"i", 4, f4)])
    types["complex64 be"] = compound(8, [(b"r", 0, b4), (b"i", 4, b4)])
    types["complex64 mixed"] = compound(8, [(b"r", 0, f4), (b"i", 4, b4)])
    types["complex64 wide"] = compound(12, [(b"r", 0, f4), (b"i", 6, f4)])
    types["complex64 names"] = compound(8, [(b"re", 0, f4), (b"im", 4, f4)])
    types["complex64 turned"] = compound(8, [(b"i", 0, f4), (b"r", 4, f4)])
    types["complex32"] = compound(4, [(b"r", 0, h5t.IEEE_F16LE), (b"i", 2, h5t.IEEE_F16LE)])
    types["complex128"] = compound(16, [(b"r", 0, f8), (b"i", 8, f8)])
    types["complex of integers"] = compound(16, [(b"r", 0, h5t.STD_I64LE), (b"i", 8, h5t.STD_I64LE)])
    types["large compound"] = compound(70_000, [(b"a", 0, f4), (b"b", 300, f8), (b"c", 69_992, f8)])
    nested = compound(40, [(b"inner", 8, types["complex128"]), (b"eight...", 0, f8)])
    types["nested"] = nested
    types["array"] = h5t.array_create(f4, (2, 3))
    types["array of arrays"] = h5t.array_create(h5t.array_create(f4, (2, 3)), (4,))
    types["array in a compound"] = compound(64, [(b"a", 8, h5t.array_create(f4, (2, 3))), (b"b", 0, f4)])
    types["sequence"] = h5t.vlen_create(f4)
    types["sequence in a compound"] = compound(64, [(b"a", 8, h5t.vlen_create(f4)), (b"b", 0, f4)])
    types["complex of arrays"] = compound(8, [(b"r", 0, h5t.array_create(f4, (1,))),
                                              (b"i", 4, h5t.array_create(f4, (1,)))])
    return types


def add_types(f):
    found = []
    space = h5s.create_simple((2,))
    known = {f"numpy {kind}": h5t.py_create(np.dtype(kind)) for kind in
             ["i1", "u1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8",
              "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "S7", "S1", "g"]}
    for kind in ["c8", "c16", ">c8", ">c16", "?"]:
        known[f"numpy {kind}"] = h5t.py_create(np.dtype(kind), logical=True)
    known |= odd_types()
    for name, kind in known.items():
        try:
            dataset = h5py.h5d.create(f.id, name.encode(), kind, space)
        except Exception:
            continue
        found.append({"name": name, "address": h5py.h5o.get_info(dataset).addr})
    return found


# Chunks


def add_chunks(f):
    """Datasets whose chunks are listed in every way, and where libhdf5 says that they are."""
    found = []

    def add(name, shape, chunks, written=None, **more):
        data = f.create_dataset(name, shape, "<f4", chunks=chunks, **more)
        for part in [(...,)] if written is None else written:
            data[part] = 1.5
        found.append(name)

    add("single", (7, 5), (7, 5))
    add("single packed", (7, 5), (7, 5), compression="gzip")
    add("fixed", (30, 40), (7, 9))
    add("fixed packed", (30, 40), (7, 9), compression="gzip", shuffle=True)
    add("fixed in part", (30, 40), (7, 9), [np.s_[8:9, 30:31], np.s_[29, 39]], compression="gzip")
    add("fixed and larger", (30, 40), (7, 9), maxshape=(50, 60))
    add("pages", (3000,), (1,))
    add("pages packed", (2500,), (1,), compression="gzip")
    add("pages in part", (9000,), (1,), [np.s_[5000:5003], np.s_[8999:]])
    add("growing", (30, 40), (7, 9), maxshape=(None, 40))
    add("growing in two", (30, 40), (7, 9), maxshape=(None, None))
    add("growing in two, packed", (30, 40), (7, 9), maxshape=(None, None), compression="gzip")
    add("growing in two, many", (60, 60), (2, 2), maxshape=(None, None))
    add("nothing written", (30, 40), (7, 9), [])
    early = h5p.create(h5p.DATASET_CREATE)
    early.set_chunk((7, 9))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(f.id, b"implicit", h5t.IEEE_F32LE, h5s.create_simple((30, 40)), early)
    found.append("implicit")
    return found


def chunks_of(f, names):
    all = []
    for name in names:
        data = f[name]
        chunks = [data.id.get_chunk_info(n) for n in range(data.id.get_num_chunks())]
        all.append({
            "name": name, "address": h5py.h5o.get_info(data.id).addr,
            "chunks": sorted([*(o // c for o, c in zip(chunk.chunk_offset, data.chunks)), chunk.byte_offset,
                              chunk.size, chunk.filter_mask] for chunk in chunks)})
    return all


# Files


def library():
    """The libhdf5 that h5py itself has loaded."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "libhdf5" in line and "_hl" not in line}
    return ctypes.CDLL(paths.pop())


def create(path, version, **plist):
    """A file of its own creation properties, which h5py's File has no arguments for."""
    creation = h5p.create(h5p.FILE_CREATE)
    access = h5p.create(h5p.FILE_ACCESS)
    low, high = (h5f.LIBVER_V18 if name == "v108" else getattr(h5f, "LIBVER_" + name.upper())
                 for name in VERSIONS[version])
    access.set_libver_bounds(low, high)
    for name, arguments in plist.items():
        if hasattr(creation, name):
            getattr(creation, name)(*arguments)
        elif library().__getattr__("H5P" + name)(ctypes.c_int64(creation.id), *arguments) < 0:
            raise RuntimeError(f"{name} failed")
    return h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, fcpl=creation, fapl=access))


def make(folder):
    os.makedirs(folder, exist_ok=True)
    files = []

    def describe(path, sound=True, types=None, chunks=(), **more):
        f = h5py.File(path, "r")
        creation = f.id.get_create_plist()
        address, length = creation.get_sizes()
        files.append({
            "path": path, "sound": sound, "userBlock": creation.get_userblock(), "addressSize": address,
            "lengthSize": length, "root": h5py.h5o.get_info(f["/"].id).addr, "groups": groups_of(f),
            "types": types or [], "chunked": chunks_of(f, chunks), **more})
        f.close()

    number = 0
    for version in VERSIONS:
        for user_block in (0, 512, 4096):
            for order in (False, True):
                number += 1
                rng = random.Random(number)
                path = os.path.join(folder, f"groups-{version}-{user_block}-{order}.h5")
                h5py.get_config().track_order = order
                f = h5py.File(path, "w", libver=VERSIONS[version], userblock_size=user_block, track_order=order)
                add_groups(f, [1, 2, 8, 9, 33, 400] + ([6000] if user_block == 512 and not order else []), rng)
                if version != "earliest":
                    f["elsewhere"] = h5py.ExternalLink("other.h5", "/there")
                f.close()
                h5py.get_config().track_order = False
                describe(path, elsewhere=version != "earliest")
        path = os.path.join(folder, f"small-{version}.h5")
        f = h5py.File(path, "w", libver=VERSIONS[version])
        fill(f.create_group("few"), 3, random.Random(1))
        fill(f.create_group("many"), 20, random.Random(2))
        f.close()
        describe(path, small=True)
        path = os.path.join(folder, f"deep-{version}.h5")
        f = h5py.File(path, "w", libver=VERSIONS[version])
        fill(f.create_group("more"), 120, random.Random(3))
        f.close()
        describe(path, deep=True)
        path = os.path.join(folder, f"chunks-{version}.h5")
        f = h5py.File(path, "w", libver=VERSIONS[version])
        chunks = add_chunks(f)
        f.close()
        describe(path, chunks=chunks)
        path = os.path.join(folder, f"types-{version}.h5")
        f = h5py.File(path, "w", libver=VERSIONS[version])
        types = add_types(f)
        f.close()
        describe(path, types=types)

    def special(name, version="earliest", sound=True, **plist):
        path = os.path.join(folder, f"special-{name}.h5")
        f = create(path, version, **plist)
        add_groups(f, [1, 20], random.Random(5))
        f.close()
        describe(path, sound=sound)

    special("sizes-4", set_sizes=(4, 4))
    special("sizes-8-4", set_sizes=(8, 4))
    special("sizes-4-new", "v108", set_sizes=(4, 4))
    special("narrow", set_sym_k=(2, 2))
    special("wide", set_sym_k=(100, 100))
    special("chunk-rank", set_istore_k=(7,))
    special("chunk-rank-new", "v108", set_istore_k=(7,), set_sym_k=(3, 3))
    for strategy in ("FSM_AGGR", "PAGE", "AGGR", "NONE"):
        constant = getattr(h5f, "FSPACE_STRATEGY_" + strategy)
        for version in ("earliest", "v110"):
            special(f"space-{strategy}-{version}", version, set_file_space_strategy=(constant, True, 1))

    # A file that is being written, as it is found by another.
    path = os.path.join(folder, "special-written.h5")
    with h5py.File(os.path.join(folder, "writing"), "w", libver="v110") as f:
        f.create_group("g")
        f.flush()
        shutil.copy(os.path.join(folder, "writing"), path)
    files.append({"path": path, "sound": False})

    with open(os.path.join(folder, "index.json"), "w") as out:
        json.dump(files, out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(sys.argv[1])
