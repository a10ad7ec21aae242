#!/usr/bin/env python3
"""Writes Fixtures/foreign/gguf: small GGUF files by gguf-py, and beside each what a reader must find in it.

    make_gguf.py FOLDER

Needs the packages gguf and numpy. Of each file NAME.gguf, NAME.json says the tensors (name, dtype, extents, SHA-256
of the bytes as a leaf has them, type and extents in the file of quantised ones) and the values under keys in the form
of Documentation/gguf.md.
"""

import hashlib
import json
import pathlib
import struct
import sys

import gguf
import numpy
from gguf import GGMLQuantizationType as Tensor
from gguf import GGUFEndian, GGUFValueType as Value, GGUFWriter

NUMBERS = {
    "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8", "I8": "<i1", "I16": "<i2", "I32": "<i4", "I64": "<i8"}
NAMES = {
    "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64"}


def values():
    """Name, type, type of the elements, value as it is given to the writer, value as it is read."""
    u64 = 18446744073709551615
    nan = struct.unpack("<f", struct.pack("<I", 0x7FC01234))[0]
    return [
        ("n.u8", Value.UINT8, None, 255, 255), ("n.i8", Value.INT8, None, -128, -128),
        ("n.u16", Value.UINT16, None, 65535, 65535), ("n.i16", Value.INT16, None, -32768, -32768),
        ("n.u32", Value.UINT32, None, 4294967295, 4294967295), ("n.i32", Value.INT32, None, -2147483648, -2147483648),
        ("n.u64", Value.UINT64, None, u64, str(u64)), ("n.small u64", Value.UINT64, None, 7, 7),
        ("n.i64", Value.INT64, None, -9223372036854775808, -9223372036854775808),
        ("n.f32", Value.FLOAT32, None, 0.1, float(numpy.float32(0.1))), ("n.f64", Value.FLOAT64, None, 0.1, 0.1),
        ("n.zero", Value.FLOAT32, None, -0.0, -0.0),
        ("n.nan", Value.FLOAT32, None, nan, "7fc01234"),
        ("n.inf", Value.FLOAT64, None, float("-inf"), "fff0000000000000"),
        ("b.yes", Value.BOOL, None, True, True), ("b.no", Value.BOOL, None, False, False),
        ("s", Value.STRING, None, "tied \"é\"\n", "tied \"é\"\n"), ("s.empty", Value.STRING, None, "", ""),
        ("s.bytes", Value.STRING, None, b"\xff\x00a", {"hex": "ff0061"}),
        ("a.i16", Value.ARRAY, Value.INT16, [1, -2, 3], [1, -2, 3]),
        ("a.u64", Value.ARRAY, Value.UINT64, [1, u64], [1, str(u64)]),
        ("a.f32", Value.ARRAY, Value.FLOAT32, [0.5, float("inf")], [0.5, "7f800000"]),
        ("a.bool", Value.ARRAY, Value.BOOL, [True, False], [True, False]),
        ("a.s", Value.ARRAY, Value.STRING, ["a", "", b"\x80"], ["a", "", {"hex": "80"}]),
        ("a.a", Value.ARRAY, Value.ARRAY, [[1, 2], [3]],
         [{"of": "int32", "value": [1, 2]}, {"of": "int32", "value": [3]}]),
    ]


def described(kind, of, value):
    if kind in (Value.STRING, Value.BOOL):
        return {"type": "string", **value} if isinstance(value, dict) else value
    form = {"type": kind.name.lower()}
    if of is not None:
        form["of"] = of.name.lower()
    return {**form, "value": value}


def described_tensor(name, kind, extents, data, big=False):
    """`data`: the bytes of numbers little-endian, of blocks as they are in the file."""
    row = {"name": name, "sha256": hashlib.sha256(data).hexdigest()}
    if kind.name in NUMBERS:
        return {**row, "dtype": NAMES[kind.name], "shape": extents}
    block, size = gguf.GGML_QUANT_SIZES[kind]
    row |= {
        "dtype": "uint8", "shape": extents[:-1] + [extents[-1] // block * size], "type": kind.name,
        "extents": extents}
    return {**row, "order": "big"} if big else row


def everything(path, endian):
    """All types of tensors and values, by gguf-py."""
    big = endian is GGUFEndian.BIG
    random = numpy.random.default_rng(7)
    writer = GGUFWriter(path, "test", endianess=endian)
    writer.add_custom_alignment(64)
    metadata = {"general.architecture": "test", "general.alignment": {"type": "uint32", "value": 64}}
    for name, kind, of, given, read in values():
        writer.add_key_value(name, given, kind, of)
        metadata[name] = described(kind, of, read)
    tensors = []
    for kind in Tensor:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        extents = [2, 3, 2 * block] if block > 1 else [3, 1, 5]
        count = extents[0] * extents[1] * extents[2] // block
        raw = random.integers(0, 256, count * size, numpy.uint8)
        name = f"blk.0.{kind.name}.weight"
        if kind.name in NUMBERS:
            numbers = raw.view(NUMBERS[kind.name]).reshape(extents)
            writer.add_tensor(name, numbers, raw_dtype=kind)
        else:
            writer.add_tensor(name, raw.reshape(extents[0], extents[1], -1), raw_dtype=kind)
        tensors.append(described_tensor(name, kind, extents, raw.tobytes(), big))
    one = numpy.arange(5, dtype="<f4")
    writer.add_tensor("dots.and/slashes é", one)
    tensors.append(described_tensor("dots.and/slashes é", Tensor.F32, [5], one.tobytes()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {"version": 3, "metadata": metadata, "tensors": tensors}


def by_hand(path, version, order="<", pad=True):
    """A small file of an older version, which gguf-py writes no more. The first had lengths of four bytes."""
    length = lambda number: struct.pack(order + ("I" if version == 1 else "Q"), number)
    text = lambda word: length(len(word.encode())) + word.encode()
    number = lambda value: struct.pack(order + "I", value)
    data = numpy.arange(6, dtype="<f4").tobytes()
    blocks = bytes(range(36))
    stored = numpy.arange(6, dtype=order + "f4").tobytes()
    file = b"GGUF" + number(version) + length(3) + length(2)
    file += text("general.name") + number(8) + text("older")
    file += text("list") + number(9) + number(8) + length(2) + text("a") + text("bc")
    file += text("w") + number(2) + length(3) + length(2) + number(0) + struct.pack(order + "Q", 0)
    file += text("q") + number(1) + length(64) + number(2) + struct.pack(order + "Q", 32)
    file += text("scalar") + number(0) + number(24) + struct.pack(order + "Q", 96)
    file += bytes(-len(file) % 32) + stored + bytes(-len(stored) % 32) + blocks + bytes(-len(blocks) % 32) + b"\x7f"
    pathlib.Path(path).write_bytes(file + (bytes(31) if pad else b""))
    return {
        "version": version,
        "metadata": {"general.name": "older", "list": {"type": "array", "of": "string", "value": ["a", "bc"]}},
        "tensors": [
            described_tensor("w", Tensor.F32, [2, 3], data),
            described_tensor("q", Tensor.Q4_0, [64], blocks, order == ">"),
            described_tensor("scalar", Tensor.I8, [], b"\x7f")]}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "little": lambda path: everything(path, GGUFEndian.LITTLE), "big": lambda path: everything(path, GGUFEndian.BIG),
        "version-1": lambda path: by_hand(path, 1), "version-2": lambda path: by_hand(path, 2, pad=False),
        "version-3-big": lambda path: by_hand(path, 3, ">")}
    for name, make in made.items():
        found = make(folder / f"{name}.gguf")
        (folder / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
