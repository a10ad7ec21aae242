"""What people would use otherwise, timed: one job in a process, as refx-bench does it.

`python peers.py JOB key=value…` prints one line of JSON. Imports and inputs are not timed.
"""

import json
import mmap
import os
import sys
import time

import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import weights

KINDS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
JOBS = {}


def job(name):
    def register(make):
        JOBS[name] = make
        return make

    return register


def arrays(path):
    """Every tensor of a safetensors file as an array in memory of its own; bfloat16 as its bits."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return {name: numpy.frombuffer(tensor, KINDS[dtype]).reshape(shape).copy()
                for name, dtype, shape, tensor in weights.safetensors(memoryview(data))}


def synced(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def touched(rows):
    """Looks at a byte of every page, as the jobs of refx-bench do."""
    return sum(int(row.reshape(-1).view(numpy.uint8)[::4096].sum(dtype=numpy.int64)) for row in rows)


def size(values):
    values = list(values)
    return {"bytes": sum(value.nbytes for value in values), "leaves": len(values)}


# safetensors


@job("safetensors.save")
def _(keys):
    from safetensors.numpy import save_file
    tensors = arrays(keys["in"])

    def work():
        save_file(tensors, keys["out"])
        if keys.get("sync"):
            synced(keys["out"])

    return work, lambda _: size(tensors.values())


@job("safetensors.load")
def _(keys):
    from safetensors.numpy import load_file
    return lambda: load_file(keys["in"]), lambda tensors: size(tensors.values())


@job("safetensors.lazy")
def _(keys):
    from safetensors import safe_open

    def work():
        with safe_open(keys["in"], "numpy") as file:
            tensor = file.get_tensor(keys["path"])
        touched([tensor])
        return tensor

    return work, lambda tensor: size([tensor])


@job("safetensors.torch.save")
def _(keys):
    import torch
    from safetensors.torch import save_file
    tensors = {name: torch.from_numpy(value) for name, value in arrays(keys["in"]).items()}
    return lambda: save_file(tensors, keys["out"]), lambda _: size(tensors.values())


@job("safetensors.torch.load")
def _(keys):
    import torch
    from safetensors.torch import load_file
    torch.set_num_threads(1)

    def work():
        tensors = load_file(keys["in"])
        touched(tensor.numpy() for tensor in tensors.values())
        return tensors

    return work, lambda tensors: size(tensors.values())


@job("safetensors.torch.lazy")
def _(keys):
    import torch
    from safetensors import safe_open
    torch.set_num_threads(1)

    def work():
        with safe_open(keys["in"], "pt") as file:
            tensor = file.get_tensor(keys["path"])
        touched([tensor.numpy()])
        return tensor

    return work, lambda tensor: size([tensor])


# PyTorch


@job("torch.save")
def _(keys):
    import torch
    tensors = {name: torch.from_numpy(value) for name, value in arrays(keys["in"]).items()}
    return lambda: torch.save(tensors, keys["out"]), lambda _: size(tensors.values())


@job("torch.load")
def _(keys):
    import torch
    torch.set_num_threads(1)

    def work():
        tensors = torch.load(keys["in"], mmap=True, weights_only=True)
        touched(tensor.numpy() for tensor in tensors.values())
        return tensors

    return work, lambda tensors: size(tensors.values())


# h5py


@job("h5py.save")
def _(keys):
    import h5py
    tensors = arrays(keys["in"])
    level, latest = keys.get("gzip"), keys.get("libver")

    def filters(value):
        # A filter needs chunks, and a chunk needs elements: single numbers are stored as they are.
        return {"compression": "gzip", "compression_opts": int(level), "shuffle": True} if level and value.ndim else {}

    def work():
        with h5py.File(keys["out"], "w", libver=latest) as file:
            for name, value in tensors.items():
                file.create_dataset(name, data=value, **filters(value))
        if keys.get("sync"):
            synced(keys["out"])

    return work, lambda _: size(tensors.values())


@job("h5py.load")
def _(keys):
    import h5py

    def work():
        with h5py.File(keys["in"]) as file:
            return {name: item[()] for name, item in file[keys.get("group", "/")].items()}

    return work, lambda tensors: size(tensors.values())


# NumPy


@job("numpy.save")
def _(keys):
    tensors = arrays(keys["in"])
    save = numpy.savez_compressed if keys.get("gzip") else numpy.savez

    def work():
        with open(keys["out"], "wb") as file:
            save(file, **tensors)

    return work, lambda _: size(tensors.values())


@job("numpy.load")
def _(keys):
    def work():
        with numpy.load(keys["in"]) as file:
            return {name: file[name] for name in file.files}

    return work, lambda tensors: size(tensors.values())


# flax


@job("flax.save")
def _(keys):
    from flax.serialization import msgpack_serialize
    tensors = arrays(keys["in"])

    def work():
        with open(keys["out"], "wb") as file:
            file.write(msgpack_serialize(tensors))

    return work, lambda _: size(tensors.values())


@job("flax.load")
def _(keys):
    from flax.serialization import msgpack_restore

    def work():
        with open(keys["in"], "rb") as file:
            return msgpack_restore(file.read())

    return work, lambda tensors: size(tensors.values())


# Keras


def keras_model(tensors):
    """A model with one layer that has a variable for each tensor."""
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    import keras

    class Rows(keras.layers.Layer):
        def __init__(self, **more):
            super().__init__(**more)
            self.rows = [
                self.add_weight(shape=value.shape, dtype=str(value.dtype), initializer="zeros", name=f"w{number}")
                for number, value in enumerate(tensors)]

        def call(self, inputs):
            return inputs

    inputs = keras.Input((1,))
    layer = Rows(name="rows")
    model = keras.Model(inputs, layer(inputs))
    return model, layer


@job("keras.save")
def _(keys):
    tensors = list(arrays(keys["in"]).values())
    model, layer = keras_model(tensors)
    for row, value in zip(layer.rows, tensors):
        row.assign(value)
    return lambda: model.save(keys["out"]), lambda _: size(tensors)


@job("keras.load")
def _(keys):
    tensors = list(arrays(keys["like"]).values())
    model, layer = keras_model(tensors)

    def work():
        model.load_weights(keys["in"])
        return touched(numpy.asarray(row.value) for row in layer.rows)

    return work, lambda _: size(tensors)


# ZipNN


def zipnn(keys, threads=1):
    from zipnn import ZipNN
    return ZipNN(bytearray_dtype=keys["dtype"], input_format="byte", threads=threads)


@job("zipnn.compress")
def _(keys):
    packer = zipnn(keys)
    values = [value for value in arrays(keys["in"]).values()]
    rows = [value.tobytes() for value in values]

    def work():
        # It writes into what it is given, so each row is handed over once.
        return sum(len(packer.compress(bytearray(row))) for row in rows)

    return work, lambda stored: {**size(values), "stored": stored}


@job("zipnn.decompress")
def _(keys):
    packer = zipnn(keys)
    values = list(arrays(keys["in"]).values())
    packed = [packer.compress(bytearray(value.tobytes())) for value in values]
    return (lambda: sum(len(packer.decompress(row)) for row in packed)), lambda _: size(values)


def main():
    name, keys = sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])
    work, facts = JOBS[name](keys)
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    times = {"wallSeconds": time.perf_counter() - wall, "cpuSeconds": time.process_time() - cpu}
    line = {"id": "peer:" + name, **times, **facts(result)}
    if "out" in keys and "stored" not in line:
        line["stored"] = os.path.getsize(keys["out"])
    print(json.dumps(line))


if __name__ == "__main__":
    main()
