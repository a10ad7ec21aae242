"""XXH3, 128 bits, seed 0: by the package xxhash where it is installed, else with NumPy.

The long form adds sixteen stripes of 64 bytes to eight sums and then stirs the sums, for each block of 1024 bytes.
Within a block the order does not matter, so NumPy adds all stripes of many blocks at once; and slabs of one length
are stirred side by side.
"""

import struct

import numpy as np

try:
    import xxhash
except ImportError:
    xxhash = None  # type: ignore[assignment]

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8"
    "fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb17"
    "0ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MX1, MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
MASK = (1 << 64) - 1
BLOCK = 1024


def _u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def _u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def _swap(value, count):
    return int.from_bytes(value.to_bytes(count, "little"), "big")


def _fold(a, b):
    product = a * b
    return (product & MASK) ^ (product >> 64)


def _avalanche(value):
    value ^= value >> 37
    value = value * MX1 & MASK
    return value ^ value >> 32


def _avalanche64(value):
    value ^= value >> 33
    value = value * P64_2 & MASK
    value ^= value >> 29
    value = value * P64_3 & MASK
    return value ^ value >> 32


def _mix16(data, at, secret):
    return _fold(_u64(data, at) ^ _u64(SECRET, secret), _u64(data, at + 8) ^ _u64(SECRET, secret + 8))


def _mix32(low, high, data, one, other, secret):
    low = (low + _mix16(data, one, secret)) & MASK
    low ^= (_u64(data, other) + _u64(data, other + 8)) & MASK
    high = (high + _mix16(data, other, secret + 16)) & MASK
    high ^= (_u64(data, one) + _u64(data, one + 8)) & MASK
    return low, high


def _short(data):
    """Low and high half for at most 240 bytes."""
    count = len(data)
    if count == 0:
        return (_avalanche64(_u64(SECRET, 64) ^ _u64(SECRET, 72)), _avalanche64(_u64(SECRET, 80) ^ _u64(SECRET, 88)))
    if count <= 3:
        low = data[0] << 16 | data[count >> 1] << 24 | data[count - 1] | count << 8
        high = _swap(low, 4)
        high = (high << 13 | high >> 19) & 0xFFFFFFFF
        return (_avalanche64(low ^ _u32(SECRET, 0) ^ _u32(SECRET, 4)),
                _avalanche64(high ^ _u32(SECRET, 8) ^ _u32(SECRET, 12)))
    if count <= 8:
        keyed = (_u32(data, 0) | _u32(data, count - 4) << 32) ^ _u64(SECRET, 16) ^ _u64(SECRET, 24)
        product = keyed * (P64_1 + (count << 2))
        low, high = product & MASK, product >> 64 & MASK
        high = (high + (low << 1)) & MASK
        low ^= high >> 3
        low ^= low >> 35
        low = low * MX2 & MASK
        return low ^ low >> 28, _avalanche(high)
    if count <= 16:
        first, last = _u64(data, 0), _u64(data, count - 8)
        product = (first ^ last ^ _u64(SECRET, 32) ^ _u64(SECRET, 40)) * P64_1
        low, high = product & MASK, product >> 64
        low = (low + ((count - 1) << 54)) & MASK
        last ^= _u64(SECRET, 48) ^ _u64(SECRET, 56)
        high = (high + last + (last & 0xFFFFFFFF) * (P32_2 - 1)) & MASK
        low ^= _swap(high, 8)
        product = low * P64_2
        return _avalanche(product & MASK), _avalanche((product >> 64) + high * P64_2 & MASK)
    low, high = count * P64_1 & MASK, 0
    if count <= 128:
        for step in reversed(range((count - 1) // 32)):
            low, high = _mix32(low, high, data, 16 + 16 * step, count - 32 - 16 * step, 32 + 32 * step)
        low, high = _mix32(low, high, data, 0, count - 16, 0)
    else:
        for step in range(4):
            low, high = _mix32(low, high, data, 32 * step, 32 * step + 16, 32 * step)
        low, high = _avalanche(low), _avalanche(high)
        for step in range(4, count // 32):
            low, high = _mix32(low, high, data, 32 * step, 32 * step + 16, 3 + 32 * (step - 4))
        low, high = _mix32(low, high, data, count - 16, count - 32, 103)
    return (_avalanche((low + high) & MASK),
            -_avalanche((low * P64_1 + high * P64_4 + count * P64_2) & MASK) & MASK)


_KEYS = np.array([[_u64(SECRET, 8 * stripe + 8 * lane) for lane in range(8)] for stripe in range(16)], "<u8")
_LAST = np.array([_u64(SECRET, 121 + 8 * lane) for lane in range(8)], "<u8")
_STIR = np.array([_u64(SECRET, 128 + 8 * lane) for lane in range(8)], "<u8")
_START = np.array([P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1], "<u8")
_LOW = np.uint64(0xFFFFFFFF)


def _added(stripes, keys):
    """What stripes (…, n, 8) add to the sums (…, 8)."""
    keyed = stripes ^ keys
    high = keyed >> np.uint64(32)
    keyed &= _LOW
    keyed *= high
    sums = keyed.sum(axis=-2, dtype=np.uint64)
    swapped = stripes.sum(axis=-2, dtype=np.uint64)
    return sums + swapped.reshape(*swapped.shape[:-1], 4, 2)[..., ::-1].reshape(swapped.shape)


def _long(slabs):
    """The sums of slabs, an array (n, bytes) of more than 240 bytes each."""
    rows, count = slabs.shape
    blocks = (count - 1) // BLOCK
    sums = np.tile(_START, (rows, 1))
    if blocks:
        whole = np.ascontiguousarray(slabs[:, :blocks * BLOCK]).view("<u8").reshape(rows, blocks, 16, 8)
        added = _added(whole, _KEYS)
        prime, turn = np.uint64(P32_1), np.uint64(47)
        for block in range(blocks):
            sums += added[:, block]
            sums ^= sums >> turn
            sums ^= _STIR
            sums *= prime
    stripes = (count - 1 - blocks * BLOCK) // 64
    if stripes:
        part = np.ascontiguousarray(slabs[:, blocks * BLOCK:blocks * BLOCK + 64 * stripes]).view("<u8")
        sums += _added(part.reshape(rows, stripes, 8), _KEYS[:stripes])
    last = np.ascontiguousarray(slabs[:, count - 64:]).view("<u8")
    sums += _added(last.reshape(rows, 1, 8), _LAST)
    return sums


def _merged(sums, secret, start):
    for pair in range(4):
        start += _fold(sums[2 * pair] ^ _u64(SECRET, secret + 16 * pair),
                       sums[2 * pair + 1] ^ _u64(SECRET, secret + 16 * pair + 8))
    return _avalanche(start & MASK)


def _with_numpy(slabs):
    rows, count = slabs.shape
    if count <= 240:
        return b"".join(struct.pack("<QQ", *_short(row.tobytes())) for row in slabs)
    with np.errstate(over="ignore"):
        sums = _long(slabs).tolist()
    return b"".join(
        struct.pack("<QQ", _merged(row, 11, count * P64_1 & MASK), _merged(row, 117, ~(count * P64_2) & MASK))
        for row in sums)


def _with_xxhash(slabs):
    return b"".join(xxhash.xxh3_128_digest(row)[::-1] for row in slabs)


def hashes(slabs, with_package=True):
    """XXH3-128 of each row of an array of uint8 (n, bytes), 16 bytes each: the low half first, little-endian."""
    return (_with_xxhash if xxhash is not None and with_package else _with_numpy)(slabs)


def hash_of(data, with_package=True):
    """XXH3-128 of some bytes, as `hashes` gives it."""
    return hashes(np.frombuffer(data, np.uint8).reshape(1, -1), with_package)


# Memory that NumPy takes beside what it hashes is about as much again.
_BATCH = 16 << 20


def content_hash(data, pieces, with_package=True):
    """The content hash of a leaf: XXH3-128 of those of its slabs.

    `data` are its logical bytes as an array of uint8, `pieces` the (start, end) of its slabs, which follow each other.
    """
    parts, first = [], 0
    while first < len(pieces):
        start, end = pieces[first]
        size, last = end - start, first + 1
        while last < len(pieces) and pieces[last][1] - pieces[last][0] == size and (last - first + 1) * size <= _BATCH:
            last += 1
        parts.append(hashes(data[start:pieces[last - 1][1]].reshape(last - first, size), with_package))
        first = last
    return hash_of(b"".join(parts), with_package)
