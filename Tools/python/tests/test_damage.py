"""A damaged file is refused, whatever is done to it; and nothing but a FileError comes of it."""

import os
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import unittest
import zlib

from random_trees import Trees, metadata
from support import ROOT, Scratch, content, difference, golden_refx_files, np, refx_files
from refx_files import dtypes, envelope, xxh3
from refx_files.sections import varint
from refx_files.source import MemorySource

SEED = int(os.environ.get("REFX_SEED", "0"))


def outcome(data, **options):
    """"refused", or the digests of what was taken."""
    try:
        with refx_files.open(bytes(data), threads=1, **options) as file:
            file.verify()
            file.tree(raw=True, refs=True)
            return refx_files.digest(file)
    except refx_files.FileError:
        return "refused"


def sealed(front, sections):
    """A file of the given payload and sections, all checksums right."""
    return front + envelope.ending(len(front), sections)


def parted(data):
    """The header with payload, and the sections, of a sound file."""
    with refx_files.open(data) as file:
        end = file._end
    _, sections = envelope.read(MemorySource(data))
    return data[:end], [(tag, body) for tag, (_, body) in sections.items()]


class Damage(Scratch):
    def setUp(self):
        super().setUp()
        tree = {"w": np.arange(500, dtype=np.float32), "tied": None, "text": np.array(["é", "x"], object), "b": True,
                "deep": [{"x": (np.arange(3, dtype=np.int16), 5, 0.5, "s")}], "i4": np.zeros((2, 0), "u1")}
        tree["tied"] = tree["w"]
        refx_files.save(self.path("x.refx"), tree, collections={"deep/**": "params"}, metadata={"run": [1, 2]},
                        attributes={("w",): {"unit": "m"}})
        self.sound = content(self.path("x.refx"))
        self.assertLess(len(self.sound), 4096)

    def test_every_bit_of_a_small_file(self):
        # One without compression, one with.
        refx_files.save(self.path("y.refx"), {"z": np.arange(1100, dtype=np.float32) // 7, "a": np.ones(3)})
        packed = content(self.path("y.refx"))
        self.assertTrue(refx_files.open(packed).codec)
        for sound in (self.sound, packed):
            for place in range(8 * len(sound)):
                damaged = bytearray(sound)
                damaged[place >> 3] ^= 1 << (place & 7)
                self.assertEqual(outcome(damaged, check_hashes=False), "refused", f"bit {place}")

    def test_golden_files(self):
        choose = random.Random(SEED)
        for path in golden_refx_files():
            sound = content(path)
            places = range(len(sound)) if len(sound) < 3000 else sorted(choose.sample(range(len(sound)), 600))
            for place in places:
                damaged = bytearray(sound)
                damaged[place] ^= 1 << choose.randrange(8)
                self.assertEqual(outcome(damaged), "refused", f"{path}: byte {place}")
            for cut in {choose.randrange(len(sound)) for _ in range(60)} | {len(sound) - 1, 0, 7, 63, 64, 127}:
                self.assertEqual(outcome(sound[:cut]), "refused", f"{path}: cut at {cut}")
            self.assertEqual(outcome(sound + b"\0"), "refused", path)
            self.assertEqual(outcome(sound + sound), "refused", path)

    def test_sections_that_lie_under_right_checksums(self):
        """Changed catalogues with right checksums: refused, or another tree that is whole in itself."""
        choose = random.Random(SEED)
        files = [self.sound]
        for seed in range(4):
            refx_files.save(self.path("r.refx"), Trees(seed, seed % 2 == 0).make(20), metadata=metadata(seed),
                            compression="fast", attributes={(): {"x": [1.5, 2]}})
            files.append(content(self.path("r.refx")))
        refused = taken = 0
        for round_ in range(6000):
            front, sections = parted_cached(files[round_ % len(files)])
            sections = list(sections)
            for _ in range(choose.randrange(1, 3)):
                number = choose.randrange(len(sections))
                tag, body = sections[number]
                body = bytearray(body)
                kind = choose.randrange(6)
                place = choose.randrange(len(body) + 1)
                if kind == 0 and body:
                    body[place % len(body)] ^= 1 << choose.randrange(8)
                elif kind == 1 and body:
                    body[place % len(body)] = choose.choice([0, 1, 0x7F, 0x80, 0xFF, 3, 4, 12, 13])
                elif kind == 2:
                    body[place:place + choose.randrange(1, 9)] = b""
                elif kind == 3:
                    body[place:place] = varint(choose.choice([0, 1, 1 << 20, 1 << 40, (1 << 63) - 1]))
                elif kind == 4:
                    body[place:place + 8] = struct.pack("<Q", choose.choice([0, 1, 1 << 32, (1 << 64) - 1]))
                else:
                    other = sections[choose.randrange(len(sections))][1]
                    body[place:place] = other[:choose.randrange(len(other) + 1)]
                sections[number] = (tag, bytes(body))
            found = outcome(sealed(front, sections), limits=refx_files.Limits(bytes=1 << 28))
            refused += found == "refused"
            taken += found != "refused"
        self.assertGreater(refused, 5000)
        self.assertGreater(taken, 10)

    def test_what_is_declared_is_checked_before_memory_is_taken(self):
        front = envelope.header()

        def file(names=b"\0", collections=b"\0", nodes=b"\4\0", leaves=b"\0", chunks=b"", more=(), front=front):
            return sealed(front, [(b"NAME", names), (b"COLL", collections), (b"NODE", nodes), (b"LEAF", leaves),
                                  (b"CHNK", chunks), *more])

        self.assertNotEqual(outcome(file()), "refused")
        most = varint((1 << 63) - 1)
        leaf = varint(1) + bytes([12, 0, 1]) + most + bytes(20) + struct.pack("<Q", 64)
        packed = varint(1) + bytes([12, 1, 1]) + varint(1 << 38) + bytes(20) + struct.pack("<Q", 64)
        bomb = zlib.compress(bytes(64 << 20), 9)
        claim = varint(1) + bytes([6, 1, 1]) + varint(1 << 20) + bytes(20) + struct.pack("<Q", 64)
        chunk = struct.pack("<II", len(bomb), zlib.crc32(bomb))
        for name, data in {
            "names": file(names=most), "a long name": file(names=b"\1" + most), "collections": file(collections=most),
            "members": file(nodes=b"\4" + most), "list members": file(nodes=b"\5" + most), "leaves": file(leaves=most),
            "a large leaf": file(nodes=b"\3", leaves=leaf), "a large packed leaf": file(nodes=b"\3", leaves=packed),
            "chunks for it": file(nodes=b"\3", leaves=packed, chunks=struct.pack("<II", 1, 0) * 300000),
            "a bomb": file(nodes=b"\3", leaves=claim, chunks=chunk, front=front + bomb),
            "a deep tree": file(nodes=b"\5\1" * 100000 + b"\0"), "deep Refs": file(nodes=b"\x0c\0" * 1002 + b"\0"),
            "deep Refs in a list": file(nodes=b"\5\1" + b"\x0c\0" * 1001 + b"\0"),
            "lists and Refs": file(nodes=b"\x0c\0\x0c\0\5\1" * 500 + b"\5\1\0"),
            "deep tuples": file(nodes=b"\6\1" * 1001 + b"\0"),
            "deep metadata": file(more=[(b"META", b'{"":' + b"[" * 200000 + b"]" * 200000 + b"}")]),
            "NaN": file(more=[(b"META", b'{"x":NaN}')]), "1e999": file(more=[(b"META", b'{"x":1e999}')]),
            "a name twice": file(more=[(b"META", b'{"x":1,"x":1}')]), "half a pair": file(more=[(b"META", b'{"x":"\\ud800"}')]),
            "attributes": file(more=[(b"ATTR", most)]), "an index of nothing": file(nodes=b"\x0d\0"),
            "an unknown kind": file(nodes=b"\x0e"), "a long varint": file(nodes=b"\4\x80\0"),
            "a section twice": file(more=[(b"META", b"{}"), (b"META", b"{}")]),
            "chunks of one byte": file(
                nodes=b"\3", leaves=packed.replace(varint(1 << 38), varint(1 << 31)),
                chunks=struct.pack("<II", 1, zlib.crc32(b"x")) * (1 << 13), front=front + b"x" * (1 << 13)),
            "metadata of 600 levels": file(more=[(b"META", b'{"":' + b"[" * 600 + b"]" * 600 + b"}")]),
        }.items():
            with self.subTest(name):
                tracemalloc.start()
                self.assertEqual(outcome(data), "refused")
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                self.assertLess(peak, 4 * len(data) + (8 << 20))
        # The deepest that there may be.
        for nodes in (b"\5\1" * 1000, b"\x0c\0" * 1001, b"\x0c\0\x0c\0\5\1" * 500):
            self.assertNotEqual(outcome(file(nodes=nodes + b"\0")), "refused")
        # Sections that are not known pass, unless they are required.
        self.assertNotEqual(outcome(file(more=[(b"ZZZZ", b"?")])), "refused")

    def test_many_nodes_far_down_take_no_more_memory_than_elsewhere(self):
        # A path of 990 keys for each of 20,000 nodes at once would take 160 MB.
        count = 20_000
        names = varint(count) + b"".join(b"\6%06d" % number for number in range(count))
        data = sealed(envelope.header(), [
            (b"NAME", names), (b"COLL", b"\0"), (b"LEAF", b"\0"), (b"CHNK", b""),
            (b"NODE", b"\5\1" * 990 + b"\4" + varint(count) + b"".join(varint(n) + b"\0" for n in range(count)))])
        with refx_files.open(data) as file:
            tracemalloc.start()
            started = time.monotonic()
            file.verify()
            refx_files.digest(file)
            self.assertEqual(sum(1 for _ in file.leaves()), 0)
            peak, seconds = tracemalloc.get_traced_memory()[1], time.monotonic() - started
            tracemalloc.stop()
        self.assertLess(peak, 20 << 20)
        self.assertLess(seconds, 20)

    def test_long_keys_far_down_are_clipped_in_words(self):
        tree = np.arange(3, dtype=np.float32)
        for _ in range(100):
            tree = {"k" * (1 << 20): tree}
        refx_files.save(self.path("x.refx"), tree)
        data = bytearray(content(self.path("x.refx")))
        self.assertLess(len(data), 2 << 20)
        data[64] ^= 1
        with self.assertRaises(refx_files.Damaged) as caught:
            refx_files.load(bytes(data))
        self.assertLess(len(str(caught.exception)), 10_000)
        deep = np.array([5], object)
        for number in range(60):
            deep = {f"k{number}": deep}
        with self.assertRaisesRegex(refx_files.Unsupported, "'k59/.*/…/.*/k1/k0'"):
            refx_files.save(self.path("y.refx"), deep)

    def test_a_wrong_content_hash_under_a_right_checksum(self):
        front, sections = parted(self.sound)
        for number, (tag, body) in enumerate(sections):
            if tag == b"LEAF":
                digest = refx_files.open(self.sound).table[-1].digest
                place = body.index(digest)
                sections[number] = (tag, body[:place] + bytes([digest[0] ^ 1]) + body[place + 1:])
        data = sealed(front, sections)
        with self.assertRaisesRegex(refx_files.Damaged, "content hash"):
            refx_files.load(data)
        self.assertIsNone(difference(refx_files.load(data, check_hashes=False), refx_files.load(self.sound)))

    def changed(self, tree, change):
        """A file of `tree` whose payload, leaf table and chunk table `change` made others, under right checksums."""
        refx_files.save(self.path("c.refx"), tree, compression="none")
        data = content(self.path("c.refx"))
        with refx_files.open(data) as file:
            leaf = file.table[0]
        front, sections = parted(data)
        front, sections = bytearray(front), dict(sections)
        leaves, chunks_ = bytearray(sections[b"LEAF"]), bytearray(sections[b"CHNK"])
        change(leaf, front, leaves)
        logical = bytes(front[leaf.offset:leaf.offset + leaf.size])
        place = leaves.index(leaf.digest) - 4
        leaves[place:place + 20] = struct.pack("<I", zlib.crc32(logical)) + xxh3.hash_of(xxh3.hash_of(logical))
        chunks_[4:8] = struct.pack("<I", zlib.crc32(front[leaf.begin:leaf.offset + leaf.size]))
        sections.update({b"LEAF": bytes(leaves), b"CHNK": bytes(chunks_)})
        return sealed(bytes(front), list(sections.items()))

    def test_padding_that_is_not_zero_under_a_right_checksum(self):
        tree = [np.arange(1 << 15, dtype=np.float32)]

        def at(place):
            def change(leaf, front, leaves):
                self.assertEqual((leaf.begin, leaf.offset), (64, 4096))
                front[place] ^= 1
            return self.changed(tree, change)

        self.assertNotEqual(outcome(at(4096)), "refused")
        for place in (64, 1000, 4095):
            with self.assertRaisesRegex(refx_files.Damaged, "padding"):
                refx_files.load(at(place))

    def test_bytes_that_are_no_element_under_a_right_checksum(self):
        for code, sound, bad in ((1, (0, 1), (2, 255)), (19, (7, 0xF8, 0xFF), (8, 0xF7, 0x80)), (20, (15, 0), (16, 255))):
            for byte in sound + bad:
                def change(leaf, front, leaves):
                    front[leaf.offset + 1] = byte
                    leaves[1] = code
                data = self.changed([np.zeros(3, np.uint8)], change)
                with self.subTest(code=code, byte=byte):
                    self.assertEqual(outcome(data) == "refused", byte in bad)
                    if byte in bad:
                        plain = [{}, {"lazy": True}] if dtypes.ml_dtypes is not None else []
                        for options in [{"raw": True}] + plain:
                            with self.assertRaisesRegex(refx_files.Damaged, "is no"):
                                np.asarray(refx_files.load(data, **options)[0])

    def test_files_of_the_future_are_refused_by_their_number(self):
        front, sections = parted(self.sound)
        head = bytearray(front[:60])
        for version in (2, 65535, 0):
            head[8:10] = struct.pack("<H", version)
            data = sealed(bytes(head) + struct.pack("<I", zlib.crc32(head)) + front[64:], sections)
            with self.assertRaisesRegex(refx_files.Unsupported, f"version {version} .*reads version 1: install a newer"):
                refx_files.load(data)

    def test_hostile_files(self):
        """Whatever the files of REFX_HOSTILE are, each is taken or refused in a sentence, without a crash."""
        folder = os.environ.get("REFX_HOSTILE")
        if not folder:
            self.skipTest("REFX_HOSTILE names no folder")
        paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
        self.assertTrue(paths)
        for path in sorted(paths):
            done = subprocess.run(
                [sys.executable, "-m", "refx_files", path, "--verify"], capture_output=True, text=True, timeout=60,
                env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "Tools", "python")})
            self.assertIn(done.returncode, (0, 1), f"{path}: {done.stderr[-500:]}")
            self.assertNotIn("Traceback", done.stderr, path)


_parted = {}


def parted_cached(data):
    if data not in _parted:
        _parted[data] = parted(data)
    return _parted[data]


if __name__ == "__main__":
    unittest.main()
