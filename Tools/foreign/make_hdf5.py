#!/usr/bin/env python3
"""Writes the HDF5 files of Fixtures/foreign: small ones by h5py that hold what our own reader leaves to libhdf5.

    make_hdf5.py FOLDER
"""

import ctypes
import glob
import pathlib
import sys

import h5py
import numpy


def committed_types(path):
    """Datasets whose type stands by itself: contiguous, compact, in plain, packed and absent chunks."""
    with h5py.File(path, "w") as file:
        file["half"] = numpy.dtype("<f2")
        file["word"] = h5py.string_dtype()
        half, word = file["half"], file["word"]
        file.create_dataset("plain", data=numpy.arange(6, dtype="<f2").reshape(2, 3), dtype=half)
        file.create_dataset("plain chunks", data=numpy.arange(40, dtype="<f2"), dtype=half, chunks=(7,))
        file.create_dataset(
            "packed", data=numpy.arange(300, dtype="<f2").reshape(20, 15), dtype=half, chunks=(8, 8),
            compression="gzip", shuffle=True)
        sparse = file.create_dataset("sparse", (20,), dtype=half, chunks=(5,), fillvalue=1.5)
        sparse[7] = 9
        file.create_dataset("words", data=["tied", "", "bé"], dtype=word)
        space = h5py.h5s.create_simple((4,))
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_layout(h5py.h5d.COMPACT)
        dataset = h5py.h5d.create(file.id, b"compact", half.id, space, create)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, numpy.array([1, -2, 0.5, 4], dtype="<f2"))
        group = file.create_group("group")
        group["soft"] = h5py.SoftLink("/plain")
        group["away"] = h5py.ExternalLink("elsewhere.h5", "/secret")
        file["tied"] = file["packed"]


def user_block(path):
    """Behind a user block: what was never written has a fill value, and no address."""
    with h5py.File(path, "w", userblock_size=512, libver=("v110", "v110")) as file:
        file.create_dataset("never", shape=(4,), dtype="<i4", fillvalue=7)
        file.create_dataset("written", data=numpy.arange(4, dtype="<i4"))


def chunk_listings(path):
    """Each way in which HDF5 1.10 and later list chunks, and chunks that were never written."""

    def create(name, data, chunk, most=None, early=False, **filters):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk(chunk)
        if early:
            properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        if filters:
            properties.set_shuffle()
            properties.set_deflate(6)
        limit = tuple(h5py.h5s.UNLIMITED if m is None else m for m in most or data.shape)
        space = h5py.h5s.create_simple(data.shape, limit)
        made = h5py.h5d.create(file.id, name, h5py.h5t.py_create(data.dtype), space, properties)
        return h5py.Dataset(made)

    def full(name, data, *arguments, **more):
        create(name, data, *arguments, **more)[...] = data

    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        square = numpy.arange(30, dtype="<i4").reshape(5, 6)
        row = numpy.arange(3000, dtype="<i2")
        full(b"single", square, (5, 6))
        full(b"single packed", square, (5, 6), packed=True)
        full(b"implicit", square, (2, 4), early=True)
        full(b"array", square, (2, 4))
        full(b"array packed", square, (2, 4), packed=True)
        full(b"array that may grow", square, (2, 4), most=(9, 13))
        full(b"pages", row, (2,))
        sparse = create(b"pages with holes", row, (2,), packed=True)
        sparse[100:103] = row[100:103]
        sparse[2950:] = row[2950:]
        full(b"tree", square, (2, 4), most=(None, None))
        full(b"tree packed", square, (2, 4), most=(None, None), packed=True)
        full(b"deep tree", row.reshape(60, 50), (1, 2), most=(None, None))
        create(b"never", square, (2, 4), most=(None, None))
        full(b"growing", square, (2, 4), most=(None, 6))
        shrunk = create(b"shrunk", square, (2, 4), most=(9, 13))
        shrunk[...] = square
        shrunk.resize((3, 5))


def edge_chunks(path):
    """Chunks at the edges that are left as they are, beside others that are shuffled and deflated."""
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_chunk((4, 4))
        create.set_shuffle()
        create.set_deflate(6)
        # No function of h5py sets this; 2 is H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS.
        library = ctypes.CDLL(glob.glob(str(pathlib.Path(h5py.__file__).parents[1] / "h5py.libs/libhdf5-*"))[0])
        library.H5Pset_chunk_opts.argtypes = [ctypes.c_int64, ctypes.c_uint]
        assert library.H5Pset_chunk_opts(create.id, 2) >= 0
        space = h5py.h5s.create_simple((10, 10))
        dataset = h5py.h5d.create(file.id, b"edges", h5py.h5t.STD_I32LE, space, create)
        values = numpy.arange(100, dtype="<i4").reshape(10, 10)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    committed_types(folder / "committed-types.h5")
    user_block(folder / "user-block.h5")
    edge_chunks(folder / "edge-chunks.h5")
    chunk_listings(folder / "chunk-listings.h5")
