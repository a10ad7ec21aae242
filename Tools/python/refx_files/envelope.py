"""The frame of a `.refx` file: header, directory, trailer."""

import struct
import zlib

from .errors import Damaged, Unsupported, demand

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


def read(source):
    """The offset of the catalogue, and {tag: (offset, bytes)} of the sections, all compared with their sums."""
    head = bytes(source.read(0, min(64, source.size)))
    demand(head[:8] == MAGIC, "not a .refx file")
    demand(source.size >= 128, "the file is cut")
    demand(struct.unpack_from("<I", head, 60)[0] == zlib.crc32(head[:60]), "the header's checksum")
    version, length, zero, required, _ = struct.unpack_from("<HHIQQ", head, 8)
    if version != 1:
        raise Unsupported(f"version {version} of .refx; this package reads version 1: install a newer one")
    if required:
        raise Unsupported(f"required features {[bit for bit in range(64) if required >> bit & 1]}, which are not known")
    demand(length == 64 and zero == 0 and not any(head[32:60]), "the header's fields")

    start = source.size - 64
    trailer = bytes(source.read(start, 64))
    demand(trailer[56:] == END_MAGIC, "the file does not end as it must: cut, or bytes appended")
    demand(struct.unpack_from("<I", trailer, 52)[0] == zlib.crc32(trailer[:52]), "the trailer's checksum")
    catalogue, directory, count, crc, length = struct.unpack_from("<QQIIQ", trailer, 0)
    demand(not any(trailer[32:52]), "the trailer's reserved bytes")
    demand(length == source.size, "the length of the file")
    demand(count <= SECTION_LIMIT and directory + 32 * count == start, "the place of the directory")
    demand(64 <= catalogue <= directory, "the place of the catalogue")
    entries = bytes(source.read(directory, start - directory))
    demand(zlib.crc32(entries) == crc, "the directory's checksum")

    sections, place = {}, catalogue
    for number in range(count):
        tag, flags, offset, size, crc, zero = struct.unpack_from("<4sIQQII", entries, 32 * number)
        name = tag.decode("ascii", "backslashreplace")
        demand(flags <= 1 and zero == 0, f"the directory's entry {number}")
        demand(tag not in sections, f"section {name!r} comes twice")
        demand(offset == place and size <= directory - place, f"the place of section {name!r}")
        if flags and tag not in KNOWN:
            raise Unsupported(f"the required section {name!r}, which is not known")
        data = bytes(source.read(offset, size))
        demand(zlib.crc32(data) == crc, f"the checksum of section {name!r}")
        sections[tag] = (offset, data if tag in KNOWN else b"")
        place += size
    demand(place == directory, "the sections do not fill the catalogue")
    for tag in REQUIRED:
        if tag not in sections:
            raise Damaged(f"section {tag.decode()!r} is missing")
    return catalogue, sections
