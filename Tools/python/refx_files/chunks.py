"""Chunks: how a leaf is cut, how a chunk is stored, and the CRC-32 of a whole from those of its parts."""

import functools
import zlib

import numpy as np

from .errors import Damaged, demand

MIB = 1 << 20
# No deflate stream holds more bytes for each of its own.
DEFLATE_MOST = 1032


def chunk_shape(item, shape):
    """The shape of a full chunk, and the axis that is cut; None where one chunk is the whole leaf."""
    slab, axis = item, len(shape)
    while axis > 0 and slab * shape[axis - 1] <= MIB:
        axis -= 1
        slab *= shape[axis]
    if axis == 0:
        return tuple(shape), None
    return (1,) * (axis - 1) + (max(1, MIB // slab),) + tuple(shape[axis:]), axis - 1


class Grid:
    """The chunks of a leaf that has elements: their number, the bytes of a full one, and where each stands."""

    def __init__(self, item, shape, size):
        full, axis = chunk_shape(item, shape)
        self.size, self.full, self.block = size, size, size
        if axis is not None:
            rest = item
            for extent in full[axis + 1:]:
                rest *= extent
            self.full, self.block = full[axis] * rest, shape[axis] * rest
        self.in_block = -(-self.block // self.full)
        self.count = size // self.block * self.in_block

    def bounds(self, number):
        """The (start, end) of a chunk's logical bytes."""
        block, place = divmod(number, self.in_block)
        start = block * self.block
        return start + place * self.full, start + min((place + 1) * self.full, self.block)

    def pieces(self):
        return [self.bounds(number) for number in range(self.count)]

    def numbers(self, start, end):
        """The chunks that hold the logical bytes from `start` to `end`."""
        def at(place):
            return place // self.block * self.in_block + place % self.block // self.full
        return range(at(start), at(end - 1) + 1) if start < end else range(0)


def packed(data, full, item, level):
    """A chunk as it is stored compressed: filled up, shuffled, deflated."""
    if len(data) < full:
        data = np.concatenate([data, np.zeros(full - len(data), np.uint8)])
    if item > 1:
        data = np.ascontiguousarray(data.reshape(-1, item).T)
    return zlib.compress(data, level)


def unpacked(stored, target, full, item, what):
    """Inflates a stored chunk into `target`, an array of uint8 of its logical bytes."""
    demand(full <= DEFLATE_MOST * len(stored), f"{what}: {len(stored)} bytes cannot hold {full}")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(stored, full + 1)
    except zlib.error as error:
        raise Damaged(f"{what}: {error}")
    demand(len(data) == full, f"{what}: the stream does not hold {full} bytes")
    demand(stream.eof, f"{what}: the stream does not end")
    demand(not stream.unused_data and not stream.unconsumed_tail, f"{what}: bytes follow the stream")
    data = np.frombuffer(data, np.uint8)
    count = len(target)
    if item == 1:
        target[:] = data[:count]
        rest = data[count:]
    else:
        planes = data.reshape(item, -1)
        target.reshape(-1, item)[:] = planes[:, :count // item].T
        rest = planes[:, count // item:]
    demand(not rest.any(), f"{what}: what fills it up is not zero")


# CRC-32 is linear: what n zero bytes do to it is a matrix of bits, kept as 32 columns.

_BYTE: list = []


def _applied(matrix, crc):
    result, column = 0, 0
    while crc:
        if crc & 1:
            result ^= matrix[column]
        crc >>= 1
        column += 1
    return result


def _squared(matrix):
    return [_applied(matrix, column) for column in matrix]


@functools.lru_cache(maxsize=256)
def _zeros(count):
    """The matrix of `count` zero bytes."""
    if not _BYTE:
        bit = [0xEDB88320] + [1 << place for place in range(31)]
        _BYTE.append(_squared(_squared(_squared(bit))))
    result, power = [1 << place for place in range(32)], _BYTE[0]
    while count:
        if count & 1:
            result = [_applied(power, column) for column in result]
        power = _squared(power)
        count >>= 1
    return tuple(result)


def crc_of_both(first, second, count):
    """The CRC-32 of bytes with the sum `first`, followed by `count` bytes with the sum `second`."""
    return _applied(_zeros(count), first) ^ second if count else first
