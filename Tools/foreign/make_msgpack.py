#!/usr/bin/env python3
"""Writes Fixtures/foreign/msgpack: small files by flax.serialization, and beside each what a reader must find in it.

    make_msgpack.py FOLDER

Needs the packages flax, optax, jax, msgpack and numpy. Of each file NAME.msgpack, NAME.json says the leaves (path,
dtype, shape, SHA-256 of the little-endian bytes in C order), the static values and the places of none.
"""

import hashlib
import json
import pathlib
import sys

import flax.serialization
import jax
import jax.numpy as jnp
import ml_dtypes
import msgpack
import numpy
import optax
from flax.training.train_state import TrainState


def described(tree):
    """What is in a state dictionary."""
    leaves, statics, nones = [], [], []

    def look(item, path):
        if isinstance(item, dict):
            for key, member in item.items():
                look(member, path + [str(key)])
        elif isinstance(item, list):
            for position, member in enumerate(item):
                look(member, path + [str(position)])
        elif item is None:
            nones.append(path)
        elif isinstance(item, str):
            statics.append({"path": path, "value": item})
        else:
            if isinstance(item, bytes):
                item = numpy.frombuffer(item, numpy.uint8)
            array = numpy.ascontiguousarray(numpy.asarray(item))
            name = array.dtype.name
            # ml_dtypes leaves the upper half of a byte zero; a reader gives the number as an int8.
            data = array.astype(numpy.int8) if name == "int4" else array
            leaves.append({
                "path": path, "dtype": name, "shape": list(numpy.shape(item)),
                "sha256": hashlib.sha256(data.tobytes()).hexdigest()})

    look(tree, [])
    return {"leaves": leaves, "statics": statics, "nones": nones}


def train_state():
    params = {"Dense_0": {"kernel": jnp.arange(12.0).reshape(3, 4), "bias": jnp.ones(4, jnp.bfloat16)}}
    optimizer = optax.chain(optax.clip(1.0), optax.adamw(1e-3))
    state = TrainState.create(apply_fn=lambda: None, params=params, tx=optimizer)
    state = state.apply_gradients(grads=jax.tree.map(jnp.ones_like, params))
    return flax.serialization.to_state_dict(state)


def every_kind():
    arrays = {}
    for name in ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 "
                 "bfloat16 float8_e4m3fn float8_e5m2").split():
        dtype = numpy.dtype(getattr(ml_dtypes, name, None) or name)
        arrays[name] = numpy.arange(6).reshape(2, 3).astype(dtype)
    return {
        "arrays": arrays, "empty": {"array": numpy.zeros((0, 3), "f4"), "dict": {}},
        "scalars": {
            "int": 7, "negative": -1000, "big": 2**63 + 1, "float": 0.1, "yes": True, "no": False, "complex": 1 - 2j,
            "numpy": numpy.float32(2.5), "array": numpy.array(3, "i2")},
        "text": "tied é", "none": None, "bytes": b"\x00\xff", "list": [1, "two", None, numpy.ones(2, "f4")],
        "a.b/c": {"": numpy.zeros(1, "i1")}, "long": "x" * 300}


def four_bits():
    """Every number of four bits, as NumPy's array and as JAX's."""
    numbers = numpy.arange(-8, 8)
    return {
        "int4": numbers.astype(ml_dtypes.int4).reshape(2, 8), "uint4": (numbers + 8).astype(ml_dtypes.uint4),
        "jax": {"int4": jnp.asarray(numbers, jnp.int4) - jnp.int4(0), "uint4": jnp.asarray(numbers + 8, jnp.uint4)},
        "scalar": numpy.array(-3).astype(ml_dtypes.int4)}


def in_pieces():
    """Arrays cut as those beyond a GiB are."""
    most = flax.serialization.MAX_CHUNK_SIZE
    flax.serialization.MAX_CHUNK_SIZE = 40
    try:
        tree = {"a": numpy.arange(120, dtype="f4").reshape(10, 3, 4), "b": {"c": numpy.arange(30, dtype="u1")}}
        return tree, flax.serialization.msgpack_serialize(tree)
    finally:
        flax.serialization.MAX_CHUNK_SIZE = most


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    made = {"train-state": train_state(), "every-kind": every_kind(), "four-bits": four_bits()}
    made = {name: (tree, flax.serialization.msgpack_serialize(tree)) for name, tree in made.items()}
    made["in-pieces"] = in_pieces()
    numbered = {1: numpy.ones(2, "f4"), -2: {"x": 1}, "name": 3}
    made["numbered"] = (numbered, msgpack.packb(
        numbered, default=flax.serialization._msgpack_ext_pack, strict_types=True))
    for name, (tree, data) in made.items():
        (folder / f"{name}.msgpack").write_bytes(data)
        (folder / f"{name}.json").write_text(json.dumps(described(tree), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
