"""Reads the records of CodecCheck from standard input with zlib, libdeflate and h5py; see Tools/check-codec."""

import ctypes
import ctypes.util
import io
import struct
import sys
import time
import zlib

import h5py
import numpy


def libdeflate():
    name = ctypes.util.find_library("deflate") or "libdeflate.so.0"
    library = ctypes.CDLL(name)
    library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
    library.libdeflate_zlib_decompress_ex.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t),
    ]
    decompressor = library.libdeflate_alloc_decompressor()

    def read(stream, count):
        out = ctypes.create_string_buffer(count + 1)
        taken, made = ctypes.c_size_t(), ctypes.c_size_t()
        status = library.libdeflate_zlib_decompress_ex(
            decompressor, stream, len(stream), out, count, ctypes.byref(taken), ctypes.byref(made))
        if status or taken.value != len(stream) or made.value != count:
            raise ValueError(f"libdeflate: status {status}, {taken.value} taken, {made.value} made")
        return memoryview(out).cast("B")[:count]

    return read


def through_zlib(stream, count):
    machine = zlib.decompressobj()
    out = machine.decompress(stream, count + 1)
    if not machine.eof or machine.unused_data or machine.unconsumed_tail or len(out) != count:
        raise ValueError(f"zlib: {len(out)} made, end {machine.eof}")
    return out


class Chunks:
    """HDF5's own filters over one file in memory, begun anew now and then."""

    def __init__(self):
        self.file = None
        self.number = 0

    def read(self, stream, count, item):
        if self.file is None or self.number % 2000 == 0:
            if self.file is not None:
                self.file.close()
            self.file = h5py.File(io.BytesIO(), "w")
        self.number += 1
        # Of no size HDF5 knows by name: bytes that it does not look into.
        elements = count // item
        dataset = self.file.create_dataset(
            str(self.number), (elements,), f"V{item}", chunks=(elements,), shuffle=True, compression="gzip")
        dataset.id.write_direct_chunk((0,), stream)
        return dataset[()].tobytes()


def main():
    expected = int(sys.argv[1])
    deflate, hdf5 = libdeflate(), Chunks()
    source = sys.stdin.buffer
    began = time.time()
    chunks = streams = total = 0
    while head := source.read(28):
        seed, item, count, kept, fast, best = struct.unpack("<QIIIII", head)
        content = source.read(kept) + bytes(count - kept)
        planes = numpy.frombuffer(content, numpy.uint8).reshape(-1, item).T.tobytes()
        for name, size in (("fast", fast), ("best", best)):
            if not size:
                continue
            stream = source.read(size)
            try:
                if through_zlib(stream, count) != planes:
                    raise ValueError("zlib reads other bytes")
                if deflate(stream, count) != planes:
                    raise ValueError("libdeflate reads other bytes")
                if hdf5.read(stream, count, item) != content:
                    raise ValueError("h5py reads other bytes")
            except Exception as error:
                sys.exit(f"seed {seed}, {name}, {count} bytes, items of {item}: {error}")
            streams += 1
        chunks += 1
        total += count
        if chunks % 10000 == 0:
            print(f"{chunks} chunks, {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    if chunks != expected:
        sys.exit(f"{chunks} chunks of {expected}: the encoder stopped")
    print(f"{chunks} chunks of {total / 1e9:.1f} GB in {streams} streams: exact in ISA-L, zlib, libdeflate and HDF5 "
          f"{'.'.join(map(str, h5py.version.hdf5_version_tuple))}; {time.time() - began:.0f} s")


main()
