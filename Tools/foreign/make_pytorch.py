#!/usr/bin/env python3
"""Writes Fixtures/foreign/pytorch: small files of PyTorch as its users have them, and what is in them.

    make_pytorch.py FOLDER

Needs torch and numpy (written with torch 2.15). Each file NAME.pt has a NAME.json beside it, which lists every
tensor by its keys: dtype, shape, SHA-256 of its little-endian bytes in C order; the groups of paths that share one
value; static texts; and words that the warnings must have. A file that must be refused has the words of the refusal
instead. hostile.pt would write to a file where its pickle were run.
"""

import collections
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import zipfile

import numpy
import torch

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
torch.manual_seed(5)


def data(tensor):
    """The bytes of a tensor, little-endian, in C order."""
    tensor = tensor.detach().contiguous()
    if tensor.numel() == 0:
        return b""
    return tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.dim() else data(tensor.reshape(1))


def leaf(value):
    if isinstance(value, torch.Tensor):
        return str(value.dtype)[6:], list(value.shape), data(value)
    if isinstance(value, bool):
        return "bool", [], bytes([value])
    if isinstance(value, int):
        return "int64", [], struct.pack("<q", value)
    if isinstance(value, float):
        return "float64", [], struct.pack("<d", value)
    if isinstance(value, complex):
        return "complex128", [], struct.pack("<dd", value.real, value.imag)
    if isinstance(value, (bytes, bytearray)):
        return "uint8", [len(value)], bytes(value)
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        array = numpy.asarray(value)
        array = array.astype(array.dtype.newbyteorder("<"))
        return array.dtype.name, list(array.shape), numpy.ascontiguousarray(array).tobytes()
    return None


def describe(value, path, found, texts, nones):
    made = leaf(value)
    if made:
        dtype, shape, raw = made
        found.append({"path": path, "dtype": dtype, "shape": shape, "sha256": hashlib.sha256(raw).hexdigest()})
    elif isinstance(value, dict):
        for key, member in value.items():
            describe(member, path + [str(key)], found, texts, nones)
    elif isinstance(value, (list, tuple)):
        for position, member in enumerate(value):
            describe(member, path + [str(position)], found, texts, nones)
    elif value is None:
        nones.append(path)
    else:
        texts.append({"path": path, "text": str(value)})


def write(name, value, shared=(), warns=(), unsupported=(), save=torch.save, described=None, **options):
    file = os.path.join(folder, name + ".pt")
    save(value, file, **options)
    found, texts, nones = [], [], []
    describe(value if described is None else described, [], found, texts, nones)
    note(name, leaves=found, texts=texts, nones=nones, shared=shared, warnings=warns, unsupported=unsupported)


def note(name, **facts):
    with open(os.path.join(folder, name + ".json"), "w") as out:
        json.dump(facts, out, indent=1, sort_keys=True)
        out.write("\n")


def refused(name, content, *words):
    with open(os.path.join(folder, name + ".pt"), "wb") as out:
        out.write(content)
    note(name, refused=words)


def legacy(value, file, **options):
    torch.save(value, file, _use_new_zipfile_serialization=False, **options)


def bare(value, file, protocol=4):
    with open(file, "wb") as out:
        pickle.dump(value, out, protocol)


# Tied weights: the very tensor, another view of the same elements, a parameter over them.
weight = torch.randn(6, 4)
tied = collections.OrderedDict(
    [("decoder.weight", weight), ("encoder.weight", weight), ("alias", weight.view(6, 4)), ("bias", torch.randn(6))]
)
tied._metadata = collections.OrderedDict([("", {"version": 1})])
groups = [[["alias"], ["decoder.weight"], ["encoder.weight"]]]
write("tied", tied, groups)
write("tied-legacy", tied, groups, save=legacy)
write("parameters", {"a": torch.nn.Parameter(weight), "b": torch.nn.Parameter(weight), "c": weight.t()},
      [[["a"], ["b"]]], ["overlapping parts of one storage"])

# Views: rows, columns that only interleave, what overlaps, what is repeated, windows that slide.
whole = torch.arange(60, dtype=torch.float32).reshape(5, 12)
write(
    "views",
    {
        "columns": {"left": whole[:, :6], "right": whole[:, 6:]},
        "lines": [torch.arange(24)[:12], torch.arange(24)[12:]],
    },
)
write(
    "overlapping",
    {"all": whole, "row": whole[2], "steps": whole[::2, 1::3], "turned": whole.t(), "cube": whole.view(5, 3, 4).permute(2, 0, 1)},
    warns=["overlapping parts of one storage", "\"all\"", "\"turned\""],
)
write(
    "strided",
    {
        "expanded": torch.tensor([1.5, 2.5]).expand(3, 2),
        "spread": torch.tensor(7, dtype=torch.int16).expand(2, 3, 4),
        "windows": torch.arange(10, dtype=torch.int64).unfold(0, 4, 1),
        "turned": torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4).permute(2, 1, 0),
        "complex": torch.complex(torch.arange(6.0), -torch.arange(6.0)).reshape(2, 3).t(),
        "channels": torch.arange(120, dtype=torch.float16).reshape(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "large": torch.arange(300 * 200, dtype=torch.int32).reshape(300, 200).t(),
    },
)
storage = torch.arange(12, dtype=torch.float64)
write("views-legacy", {"a": storage[3:7], "b": storage[3:7], "c": storage[6:]}, [[["a"], ["b"]]],
      ["overlapping parts of one storage"], save=legacy)

# Every dtype that stands for one here; those of later versions have another way of writing their storages.
types = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
         "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"]
write("dtypes", {name: torch.tensor([0, 1, 1, 0, 1]).to(getattr(torch, name)) for name in types})
write("dtypes-legacy", {name: torch.tensor([0, 1, 1]).to(getattr(torch, name)) for name in types[:12]}, save=legacy)
write("shapes", {"scalar": torch.tensor(3.25), "empty": torch.zeros(0), "hollow": torch.zeros(2, 0, 3),
                 "one": torch.ones(1, 1, 1), "five": torch.arange(32).reshape(2, 2, 2, 2, 2)})

# Plain containers.
write(
    "containers",
    {
        "list": [1, 2.5, True, None, "text", [torch.ones(2)], []],
        "tuple": (torch.zeros(1), (), ("deep",)),
        "dict": {"empty": {}, 0: torch.ones(1), 10: 10, -3: 1.0, None: "none", True: "yes", 2.5: 1},
        "ключ é/~": torch.ones(3),
        "": {"": torch.ones(1)},
        "size": torch.Size([3, 4]),
        "default": collections.defaultdict(dict, {"a": {"b": 1}}),
        "bytes": b"\x00\xff raw",
        "bytearray": bytearray(b"more"),
        "complex": 1.5 - 2j,
        "large": 2**62,
        "negative": -(2**63),
        "dtype": torch.bfloat16,
        "device": torch.device("cuda", 1),
        "numbers": [255, 256, 65536, -1, 1e300, float("inf"), float("nan"), -0.0],
    },
)
for protocol in (3, 4, 5):
    write(f"protocol{protocol}", {"a": {"b": [torch.arange(3), b"bytes", "x" * 300]}, "c": (1, 2, 3, 4)},
          pickle_protocol=protocol)
write("root-tensor", torch.arange(6).reshape(2, 3))
write("root-list", [torch.ones(1), torch.ones(1)])
held = [torch.ones(2), {"x": torch.zeros(2)}]
write("held-twice", {"a": held, "b": held, "c": held[1]["x"]}, [[["a", "0"], ["b", "0"]],
      [["a", "1", "x"], ["b", "1", "x"], ["c"]]])

# A model and its optimizer, after a step.
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
model(torch.randn(5, 3)).sum().backward()
optimizer.step()
write("optimizer", {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.25})
write("optimizer-legacy", {"model": model.state_dict(), "optimizer": optimizer.state_dict()}, save=legacy)

# NumPy beside torch, and alone.
array = numpy.arange(6, dtype="<f4").reshape(2, 3)
arrays = {
    "c": array, "again": array, "fortran": numpy.asfortranarray(array), "big": array.astype(">f8"),
    "scalar": numpy.float32(1.5), "int": numpy.int64(-3), "bool": numpy.bool_(True), "zero": numpy.array(7),
    "empty": numpy.zeros((0, 3), "i2"),
}
write("numpy", dict(arrays, tensor=torch.ones(2)), [[["again"], ["c"]]])
write("bare", arrays, [[["again"], ["c"]]], save=bare)
write("bare-protocol2", arrays, [[["again"], ["c"]]], save=lambda value, file: bare(value, file, 2))
write("bare-protocol5", arrays, [[["again"], ["c"]]], save=lambda value, file: bare(value, file, 5))

# Parameters with attributes, buffers, storages as values, constants, an archive without checksums.
tagged = torch.nn.Parameter(torch.arange(3.0))
tagged.tag = "kept by nobody"
raw = torch.arange(4.0)
odd = {"tagged": tagged, "buffer": torch.nn.Buffer(torch.ones(3)), "storage": raw.storage(), "values": raw,
       "bytes": torch.arange(4.0).untyped_storage(), "layout": torch.sparse_coo,
       "counts": collections.Counter("abca")}
write("odd", odd, [[["storage"], ["values"]]], ["2 values carry attributes"],
      described=dict(odd, storage=raw, bytes=raw.view(torch.uint8)))
torch.serialization.set_crc32_options(False)
write("no-checksums", {"a": torch.arange(20.0)})
torch.serialization.set_crc32_options(True)

# What is listed, and not read.
quantized = torch.quantize_per_tensor(torch.ones(3), 0.5, 1, torch.qint8)
write(
    "unsupported",
    {
        "quantized": quantized,
        "sparse": torch.eye(3).to_sparse(),
        "rows": torch.eye(3).to_sparse_csr(),
        "meta": torch.zeros(2, 3, device="meta"),
        "conjugated": torch.complex(torch.ones(2), torch.ones(2)).conj(),
        "set": {1},
        "huge": 2**70,
        "text": numpy.array(["a", "bc"]),
        "half": torch.zeros(2, dtype=torch.complex32),
        "sound": torch.ones(1),
    },
    unsupported=[["conjugated"], ["half"], ["huge"], ["meta"], ["quantized"], ["rows"], ["set"], ["sparse"], ["text"]],
    described={"sound": torch.ones(1)},
)

# What is refused.
evil = os.path.join("/tmp", "refx-pickle-was-run")


class Hostile:
    def __reduce__(self):
        return os.system, (f"touch {evil}",)


def bytes_of(value, save=torch.save, **options):
    out = io.BytesIO()
    save(value, out, **options)
    return out.getvalue()


def rebuilt(content, change, compression=zipfile.ZIP_STORED):
    """The archive with other members: `change` takes names and contents and gives them back."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, member in change(members):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            archive.writestr(info, member)
    return out.getvalue()


refused("hostile", bytes_of({"weight": torch.ones(2), "bad": Hostile()}), "posix.system")
refused("hostile-legacy", bytes_of([Hostile()], legacy), "posix.system")
refused("module", bytes_of(torch.nn.Linear(2, 2)), "torch.nn.modules.linear.Linear")
refused("module-legacy", bytes_of(torch.nn.Linear(2, 2), legacy), "torch.nn.modules.linear.Linear")
import argparse
import datetime
import pathlib

refused(
    "classes",
    bytes_of({"args": argparse.Namespace(lr=1), "path": pathlib.PurePosixPath("a"), "day": datetime.date(2024, 1, 1)}),
    "argparse.Namespace", "pathlib.PurePosixPath", "datetime.date",
)
script = io.BytesIO()
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
refused("script", script.getvalue(), "TorchScript")
cycle = {}
cycle["self"] = [cycle]
refused("cycle", bytes_of(cycle), "contains itself")
laughs = []
for _ in range(60):
    laughs = [laughs, laughs]
refused("laughs", bytes_of(laughs), "out of all proportion")
deep = []
for _ in range(5000):
    deep = [deep]
out = io.BytesIO()
archive = bytes_of([])
nested = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."
refused("deep", rebuilt(archive, lambda members: [
    (name, nested if name.endswith("data.pkl") else content) for name, content in members]), "levels")
refused("two-keys", bytes_of({"0": 1, 0: 2}), "two keys")
refused("cut-legacy", bytes_of({"a": torch.ones(100)}, legacy)[:-7], "is cut")
refused("behind-legacy", bytes_of({"a": torch.ones(4)}, legacy) + b"\x00", "1 byte follows")
small = bytes_of({"a": torch.arange(20.0)})
refused("outside", rebuilt(small, lambda members: [
    (name, content.replace(b"K\x14\x85", b"K\x15\x85")) for name, content in members]), "does not lie in")
refused("missing", rebuilt(small, lambda members: [m for m in members if not m[0].endswith("/data/0")]),
        "is not in the file")
refused("short", rebuilt(small, lambda members: [
    (name, content[:-4] if name.endswith("/data/0") else content) for name, content in members]), "80 bytes")
refused("order", rebuilt(small, lambda members: [
    (name, b"middle" if name.endswith("byteorder") else content) for name, content in members]), "middle")
# Room for storages that were never written opens, and is found out when it is read.
with torch.serialization.skip_data():
    torch.save({"a": torch.arange(20.0)}, os.path.join(folder, "skipped.pt"))
note("skipped", problems=["is not what was saved"])
program = io.BytesIO()
torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)), program)
refused("export", program.getvalue(), "torch.export")
refused("tar", b"sys_info".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0") + bytes(512), "tar archive")
refused("no-pickle", rebuilt(small, lambda members: [("a/b.txt", b"text")]), "data.pkl")
refused("text", b"These are no weights.\n" * 3, "torch.save")

# Legacy files of the other protocols, whose magic number stands otherwise; protocol 0 loses what refers to storages.
vector = torch.arange(6.0)
plain = {"n": [1, -5, 2.5, True, None, 2**62, "line\nof \u0416 \\"], "bytes": b"\x00\xffa", "x": numpy.arange(3.0)}
for protocol in (1, 3, 4, 5):
    write(f"legacy-protocol{protocol}", {"a": vector, "b": [vector[2:], vector], **plain}, [[["a"], ["b", "1"]]],
          ["overlapping parts of one storage"], save=legacy, pickle_protocol=protocol)
write("legacy-protocol0", plain, save=legacy, pickle_protocol=0)
write("protocol1", {"a": vector, "huge": 2**70, **plain}, unsupported=[["huge"]], described={"a": vector, **plain},
      pickle_protocol=1)
refused("legacy-protocol0-tensor", bytes_of({"a": vector}, legacy, pickle_protocol=0), "protocol 0")
refused("protocol0-tensor", bytes_of({"a": vector}, pickle_protocol=0), "protocol 0")

# Members that the pickle does not refer to.
write("unread", {"a": vector}, warns=["archive/data/9, archive/notes.txt, other.bin"])
with open(os.path.join(folder, "unread.pt"), "rb") as file:
    content = rebuilt(file.read(), lambda members: members + [
        ("archive/data/9", b"weights!"), ("archive/notes.txt", b"hello"), ("other.bin", b"x")])
with open(os.path.join(folder, "unread.pt"), "wb") as file:
    file.write(content)

# The same archive packed, in another order, and of a machine with the other order of bytes.
write("packed", {"a": torch.arange(20.0), "b": torch.zeros(3000)})
with open(os.path.join(folder, "packed.pt"), "rb") as file:
    packed = rebuilt(file.read(), lambda members: members[::-1], zipfile.ZIP_DEFLATED)
with open(os.path.join(folder, "packed.pt"), "wb") as file:
    file.write(packed)
swapped = {"a": torch.arange(20.0), "b": torch.arange(6, dtype=torch.int16).reshape(2, 3).t(),
           "c": torch.complex(torch.ones(2), torch.zeros(2)), "d": torch.tensor([True, False])}
write("big-endian", swapped)
sizes = {80: 4, 12: 2, 16: 4, 2: 1}


def swap(members):
    for name, content in members:
        if name.endswith("/byteorder"):
            content = b"big"
        elif "/data/" in name:
            size = sizes[len(content)]
            content = b"".join(content[i:i + size][::-1] for i in range(0, len(content), size))
        yield name, content


with open(os.path.join(folder, "big-endian.pt"), "rb") as file:
    content = rebuilt(file.read(), swap)
with open(os.path.join(folder, "big-endian.pt"), "wb") as file:
    file.write(content)
