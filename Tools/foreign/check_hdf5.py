#!/usr/bin/env python3
"""The other side of the HDF5 interoperability tests: h5py reads what the store writes, and writes what it reads.

  check_hdf5.py check FILE     reads FILE, which the tests wrote, and exits 1 with a reason where it differs
  check_hdf5.py make FOLDER    writes the files that the tests read
  check_hdf5.py edit FILE NAME adds 1 to the last element of /tree/NAME, as someone with h5py would
  check_hdf5.py byte FILE NAME BYTE  makes the last of the bytes of /tree/NAME another, under a right checksum
  check_hdf5.py attribute FILE OBJECT NAME VALUE  sets an attribute of the layout to a number or a text
  check_hdf5.py large FILE     writes datasets of one chunk of 64 MiB each
  check_hdf5.py names FILE NAME  prints how many members /tree/NAME has, and the CRC-32 of their sorted names
  check_hdf5.py same ONE OTHER exits 1 with a reason where the two files differ in an object or an attribute
  check_hdf5.py modules        exits 0 where everything needed is installed
"""

import os
import subprocess
import sys


def check(path):
    import h5py
    import numpy as np

    f = h5py.File(path, "r")

    def counted(item):
        assert len(item.attrs) == len(list(item.attrs)), f"{item.name}: the attributes are miscounted"

    counted(f)
    assert len(f.attrs) >= 3, "the root has too few attributes"
    f.visititems(lambda name, item: counted(item))

    def equal(name, expected):
        found = f["tree/" + name][()]
        expected = np.asarray(expected)
        assert found.dtype == expected.dtype, f"{name}: dtype {found.dtype}, expected {expected.dtype}"
        assert found.shape == expected.shape, f"{name}: shape {found.shape}, expected {expected.shape}"
        assert found.tobytes() == expected.tobytes(), f"{name}: {found}, expected {expected}"

    ramp = np.arange(6).reshape(2, 3)
    for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
                 "float64", "complex64", "complex128"]:
        equal("numbers/" + name, ramp.astype(name))
    equal("numbers/bool", ramp % 2 == 1)
    # Custom floats: HDF5 itself converts their values.
    for name in ["bfloat16", "float8_e5m2"]:
        found = f["tree/numbers/" + name]
        values = np.empty(found.shape, np.float32)
        found.read_direct(values) if found.dtype.kind == "f" else values.__setitem__(..., found.astype("f4")[()])
        assert (values == ramp).all(), f"{name}: {values}"
    equal("numbers/float8_e4m3fn", np.array([[0x00, 0x38, 0x40], [0x44, 0x48, 0x4A]], np.uint8))
    equal("numbers/int4", np.array([[-8, -1, 0], [1, 5, 7]], np.int8))
    equal("numbers/uint4", np.array([[0, 1, 7], [8, 9, 15]], np.uint8))
    for name in ["float8_e4m3fn", "int4", "uint4"]:
        assert attribute(f["tree/numbers/" + name], "refx_dtype") == name

    large = np.arange(3000 * 1000, dtype=np.float32).reshape(3000, 1000)
    equal("large", large)
    dataset = f["tree/large"]
    if dataset.chunks is not None:
        assert dataset.chunks == (262, 1000), dataset.chunks
        assert dataset.compression == "gzip" and dataset.shuffle, "not shuffle and deflate"
    equal("scalar", np.float32(2.5))
    equal("empty", np.zeros((0, 3), np.float32))

    assert f["tree/a"] == f["tree/b"], "a and b are not one object"
    assert f["tree/a"] == f["refs/0"], "a is not /refs/0"
    assert f["refs/0"].attrs["refx_index"] == 0 and f["refs/0"].attrs["refx_index"].dtype == np.uint64
    assert attribute(f["refs/0"], "refx_collection") == "params"
    assert f["tree/shared"] == f["tree/again"], "a shared subtree is not one group"
    assert f["refs/1"].attrs["refx_collection"] == 7
    assert f["tree/nested/0"] == f["refs/3"], "a Ref inside a Ref does not follow its outer one"
    assert attribute(f["refs/2"], "refx_node") == "ref"

    assert [attribute(f["tree/" + n], "refx_node") for n in ["list", "tuple", "none", "nothing", "hole", "activation"]] \
        == ["list", "tuple", "none", "nothing", "hole", "static"]
    assert f["tree/none"].shape is None
    assert f["tree/activation"].asstr()[()] == "relu"
    assert f["tree/text"].asstr()[()].tolist() == ["one", "", "zwei ä"]
    assert "tree/a%2Fb" in f and "tree/%" in f and "tree/%2E" in f and "tree/%25" in f
    assert f["metadata"].asstr()[()] == '{"run":7}'
    assert attribute(f["/"], "refx_format") == "refx" and f.attrs["refx_version"] == 1
    assert len(attribute(f["/"], "refx_structure")) == 64

    import zlib
    for name in ["large", "a", "scalar"]:
        expected = zlib.crc32(f["tree/" + name][()].tobytes())
        assert f["tree/" + name].attrs["refx_crc32"] == expected, f"{name}: wrong refx_crc32"

    times = []
    f.visititems(lambda name, o: times.append(h5py.h5o.get_info(o.id).mtime) if hasattr(
        h5py.h5o.get_info(o.id), "mtime") else None)
    assert not any(times), "times are tracked"
    f.close()

    for tool in ["h5ls"]:
        try:
            listing = subprocess.run([tool, "-r", path], capture_output=True, text=True).stdout
        except FileNotFoundError:
            continue
        lines = [line for line in listing.splitlines() if "same as" in line.lower()]
        assert len(lines) >= 3, f"{tool} -r does not say what is shared:\n{listing}"


def attribute(node, name):
    value = node.attrs[name]
    return value.decode() if isinstance(value, bytes) else value


def make(folder):
    import h5py
    import numpy as np

    ramp = np.arange(6, dtype=np.float32).reshape(2, 3)

    def file(name, **options):
        return h5py.File(os.path.join(folder, name), "w", **options)

    for libver in ["earliest", "latest"]:
        try:
            f = file(f"foreign-{libver}.h5", libver=libver if libver == "earliest" else ("v108", "v110"))
        except ValueError:
            f = file(f"foreign-{libver}.h5", libver=libver)
        with f:
            for order in "<>":
                for kind in ["i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]:
                    f[f"numbers/{'le' if order == '<' else 'be'}-{kind}"] = np.arange(6).astype(order + kind)
            f["numbers/i1"] = np.arange(6, dtype=np.int8)
            f["numbers/u1"] = np.arange(6, dtype=np.uint8)
            f["numbers/bool"] = np.arange(6) % 2 == 1
            f["packed/all"] = 0
            del f["packed/all"]
            big = np.arange(300 * 70, dtype=np.float64).reshape(300, 70)
            f.create_dataset("packed/gzip-shuffle-fletcher", data=big, chunks=(37, 11), compression="gzip",
                             shuffle=True, fletcher32=True)
            f.create_dataset("packed/fletcher-odd", data=np.arange(13, dtype=np.uint8), chunks=(5,), fletcher32=True)
            f.create_dataset("packed/plain", data=big, chunks=(300, 1))
            f.create_dataset("packed/gzip", data=big.astype(">f8"), chunks=(1, 70), compression="gzip")
            f.create_dataset("packed/lzf", data=big, chunks=(10, 70), compression="lzf")
            f.create_dataset("packed/3d", data=np.arange(7 * 9 * 11, dtype=np.int32).reshape(7, 9, 11),
                             chunks=(3, 4, 5), compression="gzip")
            f.create_dataset("packed/growing", data=np.arange(10, dtype=np.int16), chunks=(4,), maxshape=(None,))
            partial = f.create_dataset("packed/partial", (10,), "f4", chunks=(4,), fillvalue=7)
            partial[4:8] = 1
            f.create_dataset("packed/never", (5,), ">i4", fillvalue=-2)
            # Text.
            f["text/scalar"] = "zwei ä"
            f["text/fixed-scalar"] = np.bytes_(b"relu")
            f["text/empty"] = ""
            f["text/variable"] = np.array(["one", "", "zwei ä"], dtype=h5py.string_dtype())
            f["text/fixed"] = np.array([b"a", b"bc", b""], dtype="S4")
            f["text/fixed-utf8"] = np.array(["ä".encode(), b"b"], dtype=h5py.string_dtype("utf-8", 6))
            f.create_dataset("text/packed", data=np.array(["x" * n for n in range(50)], dtype=h5py.string_dtype()),
                             chunks=(16,), compression="gzip")
            space = h5py.h5t.C_S1.copy()
            space.set_size(4)
            space.set_strpad(h5py.h5t.STR_SPACEPAD)
            d = h5py.h5d.create(f["text"].id, b"space-padded", space, h5py.h5s.create_simple((2,)))
            d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([b"a   ", b" b  "], dtype="S4"), space)
            f["text/not-utf8"] = np.array([b"\xff\xfe"], dtype=h5py.string_dtype("utf-8", 2))
            # What cannot be represented.
            f["other/compound"] = np.zeros(2, dtype=[("x", "f4"), ("y", "i4")])
            f["other/compound-complex-halves"] = np.zeros(2, dtype=[("r", "f4"), ("i", "f8")])
            f["other/enum"] = np.zeros(2, dtype=h5py.enum_dtype({"RED": 0, "GREEN": 1}, "i4"))
            f.create_dataset("other/vlen", (2,), dtype=h5py.vlen_dtype(np.int32))
            f["other/opaque"] = np.array([b"ab"], dtype=np.void(b"ab").dtype)
            f["other/array"] = np.zeros(2, dtype=np.dtype(("f4", (3,)))) if False else 0
            del f["other/array"]
            h5py.h5d.create(f["other"].id, b"array", h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (3,)),
                            h5py.h5s.create_simple((2,)))
            h5py.h5d.create(f["other"].id, b"bitfield", h5py.h5t.STD_B8LE, h5py.h5s.create_simple((2,)))
            f.create_dataset("other/reference", (1,), dtype=h5py.ref_dtype)
            f["other/longdouble"] = np.zeros(2, dtype=np.longdouble)
            odd = h5py.h5t.STD_I32LE.copy()
            odd.set_precision(24)
            h5py.h5d.create(f["other"].id, b"int24", odd, h5py.h5s.create_simple((2,)))
            layout = h5py.VirtualLayout((2,), "f4")
            layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (2,))
            f.create_virtual_dataset("other/virtual", layout)
            f.create_dataset("other/external", (2,), "f4", external=[("/etc/hostname", 0, 8)])
            f["other/link-out"] = h5py.ExternalLink("elsewhere.h5", "/x")
            f["other/through-link-out"] = h5py.SoftLink("/other/link-out/x")
            f["other/dangling"] = h5py.SoftLink("/nowhere")
            f["other/round"] = h5py.SoftLink("/other/round")
            # Links.
            f["links/a"] = ramp
            f["links/hard"] = f["links/a"]
            f["links/soft"] = h5py.SoftLink("/links/a")
            f["links/relative"] = h5py.SoftLink("a")
            f["links/up"] = f["links"]
            f["links/group/x"] = np.int64(5)
            f["links/tagged"] = ramp
            f["links/tagged"].attrs["refx_collection"] = "params"
            f["links/%2F"] = np.int64(6)
            # Odds and ends.
            f["null"] = h5py.Empty("f4")
            f["zero"] = np.zeros((0, 4), "f4")
            f["scalar"] = np.float32(2.5)
            f["type"] = np.dtype("f4")
            bf16 = h5py.h5t.IEEE_F32LE.copy()
            bf16.set_fields(15, 7, 8, 0, 7)
            bf16.set_size(2)
            bf16.set_ebias(127)
            d = h5py.h5d.create(f.id, b"bfloat16", bf16, h5py.h5s.create_simple((2, 3)))
            d.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp)
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_layout(h5py.h5d.COMPACT)
            d = h5py.h5d.create(f.id, b"compact", h5py.h5t.STD_I32BE, h5py.h5s.create_simple((6,)), plist)
            d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(6, dtype=np.int32))

    with file("user-block.h5", userblock_size=1024) as f:
        f["contiguous"] = ramp
        f.create_dataset("packed", data=np.arange(5000, dtype=np.int32), chunks=(999,), compression="gzip")
        f["text"] = np.array(["one", "two"], dtype=h5py.string_dtype())

    # Our own layout, as another program might write it: strings of both kinds, integers of any width, no digest.
    with file("layout.h5") as f:
        f.attrs["refx_format"] = "refx"
        f.attrs["refx_version"] = np.int16(1)
        tree = f.create_group("tree")
        tree.attrs["refx_node"] = np.bytes_(b"dict")
        refs = f.create_group("refs")
        refs["17"] = ramp
        refs["17"].attrs["refx_index"] = np.int8(17)
        refs["17"].attrs["refx_collection"] = "params"
        refs["4"] = np.arange(3, dtype=np.int64)
        refs["4"].attrs["refx_index"] = np.uint32(4)
        refs["4"].attrs["refx_collection"] = np.int16(-3)
        tree["a"] = refs["17"]
        tree["b"] = refs["17"]
        tree["c"] = refs["4"]
        items = tree.create_group("%2Flist")
        items.attrs["refx_node"] = "list"
        for position in range(12):
            items[str(position)] = np.int32(position)
        tree["activation"] = "gelu"
        tree["activation"].attrs["refx_node"] = "static"
        tree["heads"] = np.int16(12)
        tree["heads"].attrs["refx_node"] = "static"
        tree["rate"] = np.float32(0.5)
        tree["rate"].attrs["refx_node"] = "static"
        tree["none"] = h5py.Empty("f4")
        tree["none"].attrs["refx_node"] = "none"
        f["metadata"] = '{"note": "by hand"}'

    # A tie that a copy undid: the copy still says which Ref it was.
    for name, drop in (("layout-copied-ref.h5", "refx_collection"), ("layout-copied-tag.h5", "refx_index")):
        with h5py.File(folder + "/layout.h5") as source, file(name) as f:
            for key in source:
                source.copy(key, f)
            for key, value in source.attrs.items():
                f.attrs[key] = value
            del f["refs"], f["tree/a"], f["tree/b"], f["tree/c"]
            source.copy("refs/17", f["tree"], "a")
            del f["tree/a"].attrs[drop]

    with h5py.File(folder + "/layout.h5") as source, file("layout-gap.h5") as f:
        for key, value in source.attrs.items():
            f.attrs[key] = value
        source.copy("tree/%2Flist", f, "tree")
        del f["tree/7"]


def make_attributes(path):
    """A file of another program whose attributes have names like the layout's."""
    import h5py
    import numpy as np

    with h5py.File(path, "w") as f:
        f.attrs["refx_author"] = "me"
        f.attrs["unit"] = "metre"
        f.attrs["empty"] = ""
        d = f.create_dataset("d", data=np.arange(3, dtype=np.float32))
        d.attrs["refx_note"] = "mine"
        d.attrs["refx_dtype"] = "float32"
        d.attrs["refx_crc32"] = np.uint64(2**64 - 1)
        d.attrs["refx_index"] = np.arange(2)
        d.attrs["names"] = ["a", "b\u00fc"]
        d.attrs["refx_odd"] = np.array([(1, 2)], dtype=[("x", "i4"), ("y", "i4")])


def check_attributes(path):
    """What they are after a way through our layout: texts are Python's own strings."""
    import h5py

    with h5py.File(path) as f:
        tree, d = f["tree"], f["tree/d"]
        assert tree.attrs["unit"] == "metre" and tree.attrs["empty"] == "", dict(tree.attrs)
        assert [str(name) for name in d.attrs["names"]] == ["a", "b\u00fc"] and d.attrs["names"].dtype == object
        assert all(type(name) is str for name in d.attrs["names"])


def edit_attribute(path):
    import h5py

    with h5py.File(path, "r+") as f:
        f["tree"].attrs["unit"] = "mile"


def edit(path, name):
    import h5py

    with h5py.File(path, "r+") as f:
        data = f["tree/" + name]
        data[tuple(extent - 1 for extent in data.shape)] += 1


def change_byte(path, name, byte):
    import zlib

    import h5py
    import numpy as np

    with h5py.File(path, "r+") as f:
        data = f["tree/" + name]
        bytes_ = data[()].view(np.uint8)
        bytes_[-1] = byte
        # As the file has it, so that nothing is converted.
        data.id.write(h5py.h5s.ALL, h5py.h5s.ALL, bytes_, data.id.get_type())
        data.attrs.modify("refx_crc32", np.uint32(zlib.crc32(bytes_.tobytes())))


def large(path):
    import h5py
    import numpy as np

    values = np.arange(1 << 24, dtype=np.uint32).reshape(4096, 4096)
    with h5py.File(path, "w") as f:
        f.create_dataset("gzip", data=values, chunks=values.shape, compression="gzip", compression_opts=1)
        f.create_dataset("shuffled", data=values, chunks=values.shape, compression="gzip", compression_opts=1,
                         shuffle=True)
        # A little more than the dataset, whose rows lie apart in it.
        f.create_dataset("wide", data=values[:, :4000], chunks=values.shape, compression="gzip", compression_opts=1,
                         maxshape=(None, None))


def names(path, name):
    import zlib

    import h5py

    with h5py.File(path, "r") as f:
        group = f["tree/" + name]
        found = sorted(member.encode() for member in group)
        assert len(found) == len(group), "the members are miscounted"
        assert all(group.get(member) is not None for member in found), "a member is not found by its name"
        print(len(found), zlib.crc32(b"\n".join(found)))


def same(one, other):
    import h5py
    import numpy as np

    def objects(f):
        """Every object by its first name, every other name by the first."""
        first, found = {}, {}

        def visit(name, item):
            key = h5py.h5o.get_info(item.id).addr
            if key in first:
                found[name] = first[key]
                return
            first[key] = name
            found[name] = item
            if isinstance(item, h5py.Group):
                for member in sorted(item):
                    visit(name.rstrip("/") + "/" + member, item[member])

        visit("/", f["/"])
        return found

    def plain(value):
        value = np.asarray(value)
        return (value.dtype, value.shape, value.tobytes() if value.dtype.kind != "O" else value.tolist())

    with h5py.File(one, "r") as a, h5py.File(other, "r") as b:
        ours, theirs = objects(a), objects(b)
        assert ours.keys() == theirs.keys(), f"other objects: {ours.keys() ^ theirs.keys()}"
        for name, item in ours.items():
            twin = theirs[name]
            if isinstance(item, str) or isinstance(twin, str):
                assert item == twin, f"{name} is {item} in one file, {twin} in the other"
                continue
            assert len(item.attrs) == len(twin.attrs), f"{name}: the attributes are miscounted"
            assert sorted(item.attrs) == sorted(twin.attrs), f"{name}: {list(item.attrs)} and {list(twin.attrs)}"
            for key in item.attrs:
                assert plain(item.attrs[key]) == plain(twin.attrs[key]), f"{name}: the attributes {key} differ"
            if isinstance(item, h5py.Dataset):
                assert item.shape == twin.shape and item.dtype == twin.dtype, f"{name}: other elements"
                if item.shape is not None and item.dtype.kind in "biufc":
                    assert item[()].tobytes() == twin[()].tobytes(), f"{name}: other values"
        print(len(ours), sum(len(item.attrs) for item in ours.values() if not isinstance(item, str)))


def set_attribute(path, place, name, value):
    """Puts a number, or a text where it is none, into an attribute of the layout."""
    import h5py
    import numpy as np
    with h5py.File(path, "r+") as file:
        file[place].attrs[name] = np.int64(value) if value.lstrip("-").isdigit() else np.bytes_(value)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "check":
        try:
            check(sys.argv[2])
        except AssertionError as error:
            sys.exit(f"h5py reads otherwise: {error}")
    elif len(sys.argv) == 3 and sys.argv[1] == "make":
        make(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "edit":
        edit(sys.argv[2], sys.argv[3])
    elif len(sys.argv) == 5 and sys.argv[1] == "byte":
        change_byte(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif len(sys.argv) == 6 and sys.argv[1] == "attribute":
        set_attribute(*sys.argv[2:])
    elif len(sys.argv) == 3 and sys.argv[1] == "large":
        large(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "names":
        names(sys.argv[2], sys.argv[3])
    elif len(sys.argv) == 4 and sys.argv[1] == "same":
        try:
            same(sys.argv[2], sys.argv[3])
        except AssertionError as error:
            sys.exit(f"the files differ: {error}")
    elif len(sys.argv) == 4 and sys.argv[1] == "attributes":
        {"make": make_attributes, "check": check_attributes, "edit": edit_attribute}[sys.argv[2]](sys.argv[3])
    elif sys.argv[1:] == ["modules"]:
        import h5py  # noqa: F401
        import numpy  # noqa: F401
    else:
        sys.exit(__doc__)
