"""The frame of a `.refx` file: header, directory, trailer."""

import struct
import zlib

from .errors import Damaged, LimitExceeded, Unsupported, demand

MAGIC = bytes([0x89]) + b"REFX\r\n\x1a"
END_MAGIC = MAGIC[::-1]
REQUIRED = (b"NAME", b"COLL", b"NODE", b"LEAF", b"CHNK")
KNOWN = REQUIRED + (b"META", b"CODC", b"ATTR")
SECTION_LIMIT = 1024


def header():
    front = struct.pack("<8sHHIQQ28x", MAGIC, 1, 64, 0, 0, 0)
    return front + struct.pack("<I", zlib.crc32(front))


def ending(start, sections):
    """The catalogue, directory and trailer; `sections` are (tag, bytes), the catalogue starts at `start`."""
    place, parts, entries = start, [], []
    for tag, data in sections:
        entries.append(struct.pack("<4sIQQI4x", tag, tag in REQUIRED, place, len(data), zlib.crc32(data)))
        parts.append(data)
        place += len(data)
    directory = b"".join(entries)
    front = struct.pack(
        "<QQIIQ20x", start, place, len(sections), zlib.crc32(directory), place + len(directory) + 64)
    return b"".join(parts) + directory + front + struct.pack("<I", zlib.crc32(front)) + END_MAGIC


def _hex(data):
    return data.hex(" ") or "nothing"


def _compare(what, offset, data, expected):
    _agree(what, offset, len(data), zlib.crc32(data), expected)


def _agree(what, offset, size, found, expected):
    demand(found == expected, f"{what}, {size} bytes at byte {offset}, has the CRC-32 {found:08x}, expected {expected:08x}")


def read(source, metadata_bytes=1 << 62):
    """The offset of the catalogue, and {tag: (offset, bytes)} of the sections, all compared with their sums.

    Metadata beyond a limit are not taken into memory, and neither is what nobody knows.
    """
    head = bytes(source.read(0, min(64, source.size)))
    demand(head[:8] == MAGIC, f"not a .refx file: it begins with {_hex(head[:8])}, expected {_hex(MAGIC)}; "
           "`refx convert` makes one of a file of another format")
    demand(source.size >= 128, f"the file is cut: it has {source.size} bytes, and the smallest has 128")
    _compare("the header", 0, head[:60], struct.unpack_from("<I", head, 60)[0])
    version, length, zero, required, _ = struct.unpack_from("<HHIQQ", head, 8)
    if version != 1:
        raise Unsupported(f"version {version} of .refx; this package reads version 1: install a newer one")
    if required:
        raise Unsupported(f"required features {[bit for bit in range(64) if required >> bit & 1]}, which are not known")
    demand(length == 64 and zero == 0 and not any(head[32:60]), "the header's fields")

    start = source.size - 64
    trailer = bytes(source.read(start, 64))
    demand(trailer[56:] == END_MAGIC,
           f"the file does not end as it must: cut, or bytes appended. Its last 8 of {source.size} bytes are "
           f"{_hex(trailer[56:])}, expected {_hex(END_MAGIC)}")
    _compare("the trailer", start, trailer[:52], struct.unpack_from("<I", trailer, 52)[0])
    catalogue, directory, count, crc, length = struct.unpack_from("<QQIIQ", trailer, 0)
    demand(not any(trailer[32:52]), "the trailer's reserved bytes")
    demand(length == source.size, f"the trailer says that the file has {length} bytes, and it has {source.size}")
    demand(count <= SECTION_LIMIT, f"{count} sections; a file has at most {SECTION_LIMIT}")
    demand(directory + 32 * count == start,
           f"the directory of {count} sections at byte {directory} does not end at byte {start}, where the trailer begins")
    demand(64 <= catalogue <= directory,
           f"the catalogue begins at byte {catalogue}, which is not between the header and the directory at {directory}")
    entries = bytes(source.read(directory, start - directory))
    _compare("the directory", directory, entries, crc)

    sections, place = {}, catalogue
    for number in range(count):
        tag, flags, offset, size, crc, zero = struct.unpack_from("<4sIQQII", entries, 32 * number)
        name = tag.decode("ascii", "backslashreplace")
        demand(flags <= 1 and zero == 0, f"the directory's entry {number}")
        demand(tag not in sections, f"section {name!r} comes twice")
        demand(offset == place and size <= directory - place,
               f"section {name!r} is said to have {size} bytes at byte {offset}; it must begin at byte {place} and end "
               f"before byte {directory}")
        if flags and tag not in KNOWN:
            raise Unsupported(f"the required section {name!r}, which is not known")
        if tag == b"META" and size > metadata_bytes:
            raise LimitExceeded(f"metadata of {size} bytes; the limit is {metadata_bytes}")
        if tag in KNOWN:
            data = bytes(source.read(offset, size))
            found = zlib.crc32(data)
        else:
            # Of any size, and of no use here: its sum alone, a piece at a time.
            data, found = b"", 0
            for start in range(offset, offset + size, 1 << 20):
                found = zlib.crc32(source.read(start, min(1 << 20, offset + size - start)), found)
        _agree(f"section {name!r}", offset, size, found, crc)
        sections[tag] = (offset, data)
        place += size
    demand(place == directory, f"the sections end at byte {place}, and the directory begins at byte {directory}")
    for tag in REQUIRED:
        if tag not in sections:
            raise Damaged(f"section {tag.decode()!r} is missing")
    return catalogue, sections
