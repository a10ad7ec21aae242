"""Rules of the specification, each broken alone under right checksums: the sentence says which one."""

import struct
import tracemalloc
import unittest
import zlib

from support import Scratch, content, np, refx_files
from test_damage import parted, sealed
from refx_files import chunks, envelope
from refx_files.sections import text, varint


class Rules(Scratch):
    def sections(self, **over):
        """Those of an empty tree, with others in their place; None leaves one out."""
        found = {"NAME": b"\0", "COLL": b"\0", "NODE": b"\4\0", "LEAF": b"\0", "CHNK": b"", **over}
        return [(tag.encode(), body) for tag, body in found.items() if body is not None]

    def file(self, **over):
        return sealed(envelope.header(), self.sections(**over))

    def refused(self, words, data, error=refx_files.Damaged, **options):
        with self.subTest(words), self.assertRaisesRegex(error, words):
            with refx_files.open(bytes(data), **options) as file:
                file.verify()

    def header(self, at, value):
        front = bytearray(envelope.header()[:60])
        front[at:at + len(value)] = value
        return bytes(front) + struct.pack("<I", zlib.crc32(front))

    def test_the_empty_tree_is_sound(self):
        with refx_files.open(self.file()) as file:
            file.verify()
            self.assertEqual(file.tree(), {})

    def test_the_header(self):
        self.refused(r"features \[1, 9\]", sealed(self.header(16, b"\2\2"), self.sections()), refx_files.Unsupported)
        # Features that nobody needs to know.
        refx_files.open(sealed(self.header(24, b"\xff" * 8), self.sections())).close()
        for at in (10, 12, 32, 59):
            self.refused("the header's fields", sealed(self.header(at, b"\1"), self.sections()))

    def test_the_directory(self):
        for tag in ("NAME", "COLL", "NODE", "LEAF", "CHNK"):
            self.refused(f"{tag}' is missing", self.file(**{tag: None}))
        self.refused("at most 1024", self.file(**{f"A{number:03}": b"" for number in range(1020)}))
        self.refused("'NAME' comes twice", sealed(envelope.header(), self.sections() + [(b"NAME", b"\0")]))

    def directory(self, change):
        """The empty tree with other entries of the directory, `[tag, flags, offset, size, crc]`."""
        data = self.file()
        start, place, count = struct.unpack_from("<QQI", data, len(data) - 64)
        entries = [list(struct.unpack_from("<4sIQQI", data, place + 32 * number)) for number in range(count)]
        trailer = dict(catalogue=start, place=place)
        change(entries, trailer)
        packed = b"".join(struct.pack("<4sIQQI4x", *entry) for entry in entries)
        front = struct.pack("<QQIIQ20x", trailer["catalogue"], trailer["place"], len(entries), zlib.crc32(packed), len(data))
        return data[:place] + packed + front + struct.pack("<I", zlib.crc32(front)) + envelope.END_MAGIC

    def test_what_the_directory_says(self):
        def required(entries, _):
            entries[4][0], entries[4][1] = b"ZZZZ", 1

        def flag(entries, _):
            entries[0][1] = 2

        def swapped(entries, _):
            entries[0], entries[1] = entries[1], entries[0]

        def gap(entries, _):
            entries[0][2] += 1

        def beyond(entries, _):
            entries[4][3] = 1 << 40

        def short(_, trailer):
            trailer["place"] += 32

        def catalogue(_, trailer):
            trailer["catalogue"] = 63

        self.refused("required section 'ZZZZ'", self.directory(required), refx_files.Unsupported)
        self.refused("the directory's entry 0", self.directory(flag))
        self.refused("'COLL' is said to have", self.directory(swapped))
        self.refused("'NAME' is said to have", self.directory(gap))
        self.refused("'CHNK' is said to have", self.directory(beyond))
        self.refused("does not end at byte", self.directory(short))
        self.refused("not between the header and the directory", self.directory(catalogue))

    def test_what_must_ascend(self):
        two = b"\2" + (b"\0" + struct.pack("<q", 1)) * 2
        self.refused("collections do not ascend", self.file(COLL=two, NODE=b"\5\2\x0c\1\0\x0c\2\0"))
        self.refused("nodes do not ascend", self.file(ATTR=b"\2" + b"\0\1\1x\0" * 2))
        self.refused("comes twice", self.file(ATTR=b"\1\0\2" + b"\1x\0" * 2))

    def test_the_attributes(self):
        self.refused("65 dimensions", self.file(ATTR=b"\1\0\1\1x\2\6\x41" + b"\0" * 65), refx_files.Unsupported)
        refx_files.open(self.file(ATTR=b"\1\0\1\1x\2\6\x20" + b"\0" * 32)).close()
        self.refused("name of an attribute has 9 bytes", self.file(ATTR=b"\1\0\1" + text(b"x" * 9) + b"\0"),
                     refx_files.LimitExceeded, limits=refx_files.Limits(name_bytes=8))

    def leaf(self, stored, dtype=6, storage=1, shape=(8192,), size=None, crc=0, digest=bytes(16)):
        entry = varint(1) + bytes([dtype, storage, len(shape)]) + b"".join(map(varint, shape))
        entry += (varint(size) if size is not None else b"") + struct.pack("<I", crc) + digest + struct.pack("<Q", 64)
        chunk = struct.pack("<II", len(stored), zlib.crc32(stored)) if stored else b""
        return sealed(envelope.header() + stored, self.sections(NODE=b"\3", LEAF=entry, CHNK=chunk))

    def test_a_chunk(self):
        sound = zlib.compress(bytes(8192))
        options = dict(check_hashes=False)
        self.refused("CRC-32", self.leaf(sound), **options)  # that of the leaf, which is read last
        with refx_files.open(self.leaf(sound, crc=zlib.crc32(bytes(8192))), **options) as file:
            file.verify()
        self.refused("bytes follow the stream", self.leaf(sound + b"x"), **options)
        self.refused("the stream does not end", self.leaf(sound[:-1]), **options)
        self.refused("does not hold 8192", self.leaf(zlib.compress(bytes(8193))), **options)
        self.refused("does not hold 8192", self.leaf(zlib.compress(bytes(8191))), **options)

    def test_a_leaf_that_must_be_raw(self):
        texts = struct.pack("<Q", 1) + b"x"
        self.refused("must be raw", self.leaf(zlib.compress(texts), dtype=18, shape=(1,), size=len(texts)))
        self.refused("must be raw", self.leaf(b"", shape=(0,)))
        self.refused("bytes follow the texts",
                     self.leaf(texts + b"x", dtype=18, storage=0, shape=(1,), size=len(texts) + 1, crc=zlib.crc32(texts + b"x")),
                     check_hashes=False)

    def test_what_fills_a_chunk_up_is_zero(self):
        # The last chunk of a grid is as large as the others, with zeros behind its elements.
        grid = chunks.Grid(1, (1_300_000,), 1_300_000)
        count = 1_300_000 - grid.bounds(grid.count - 1)[0]
        self.assertLess(count, grid.full)
        target = np.ones(count, np.uint8)
        chunks.unpacked(zlib.compress(bytes(grid.full)), target, grid.full, 1, "a chunk")
        self.assertFalse(target.any())
        with self.assertRaisesRegex(refx_files.Damaged, "what fills it up is not zero"):
            chunks.unpacked(zlib.compress(bytes(grid.full - 1) + b"\1"), target, grid.full, 1, "a chunk")

    def test_a_patch_that_leads_elsewhere(self):
        refx_files.save(self.path("old.refx"), {"a": np.ones(3), "n": 1})
        refx_files.save(self.path("p.refx"), {"a": np.ones(3), "n": 2}, base=self.path("old.refx"))
        front, sections = parted(content(self.path("p.refx")))
        changed = [(tag, body.replace(b"\x08\2", b"\x08\3") if tag == b"NODE" else body) for tag, body in sections]
        self.assertNotEqual(changed, sections)
        with self.assertRaisesRegex(refx_files.Damaged, "does not lead to"):
            refx_files.load(sealed(front, changed), base=self.path("old.refx"))

    def test_what_nobody_knows_is_not_taken_into_memory(self):
        words = bytes(40 << 20)
        data = self.file(ZZZZ=words)
        tracemalloc.start()
        refx_files.open(data).close()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertLess(peak, 10 << 20)
        self.refused("section 'ZZZZ', 41943040 bytes", data[:1 << 20] + b"S" + data[(1 << 20) + 1:])
        self.refused("metadata of 14 bytes", self.file(META=b'{"note":"abc"}'), refx_files.LimitExceeded,
                     limits=refx_files.Limits(metadata_bytes=13))


if __name__ == "__main__":
    unittest.main()
