"""XXH3 with NumPy alone, against values that the reference gives and against the package xxhash."""

import unittest

from support import np
from refx_files import chunks, xxh3

# The length of the bytes 0, 1, … 250, 0, …: XXH3-128 as hexadecimal digits, by the reference implementation.
KNOWN = {
    0: "99aa06d3014798d86001c324468d497f",
    1: "a6cd5e9392000f6ac44bdff4074eecdb",
    3: "e3b55f57945a17cf5f4299fc161c9cbb",
    4: "eb70bf5fc779e9e6a6111d53e80a3db5",
    8: "e1e4432a62217fe4cfd50c61c8bb98c1",
    9: "16c769d83e4aebce907931979dca3746",
    16: "72950631827607e2842812cc870dcae2",
    17: "685bc458b37d057fc06e233df7729217",
    31: "4ed3946d393b687bb54de3993874ed20",
    64: "9c6e140a465545e590c1971ddb04ce74",
    128: "14792fc3af88dc6c05321a0b64d67b41",
    129: "dd5e74ac6b45f54ebc30b63382b09a3b",
    200: "cb0395310643ba0edd97e9af3609d9f5",
    240: "65b5be86da5540e7c92b68e16f83bbb6",
    241: "1da1cb61bcb8a2a102e8cd95421c6d02",
    1000: "18bf41bc8229e27733ef703fb2b20ed1",
    1024: "d0ac1f7b93bf57b9e5d78bafa45b2aa5",
    1025: "2882ebca04ec915ce95c42288f28186e",
    5000: "b92ec02c39d33ce7b418500fc42320ee",
    70000: "b9ee647138722296c30ebc4be7b94cbb",
}


def sample(count):
    return (np.arange(count) % 251).astype(np.uint8)


class XXH3(unittest.TestCase):
    def test_known_values(self):
        for count, expected in KNOWN.items():
            self.assertEqual(xxh3.hash_of(sample(count).tobytes(), with_package=False)[::-1].hex(), expected, count)

    @unittest.skipUnless(xxh3.xxhash, "the package xxhash is not installed")
    def test_as_the_package(self):
        random = np.random.default_rng(1)
        for count in [*range(700), 1023, 1024, 1025, 1088, 1089, 2047, 2048, 2049, 65536, 1 << 20, (1 << 20) + 1]:
            slabs = random.integers(0, 256, (2, count), dtype=np.uint8)
            self.assertEqual(xxh3.hashes(slabs, False), xxh3.hashes(slabs, True), count)
        data = random.integers(0, 256, 5 << 20, dtype=np.uint8)
        pieces = chunks.Grid(4, (1310720,), len(data)).pieces()
        self.assertEqual(xxh3.content_hash(data, pieces, False), xxh3.content_hash(data, pieces, True))

    def test_crc_of_parts(self):
        import zlib
        data = sample(100000).tobytes()
        for cut in (0, 1, 7, 255, 4096, 99999, 100000):
            first, second = data[:cut], data[cut:]
            self.assertEqual(chunks.crc_of_both(zlib.crc32(first), zlib.crc32(second), len(second)), zlib.crc32(data))

    def test_the_grid(self):
        for item, shape, full, count in [
                (4, (3, 512, 1024), 1 << 20, 6), (2, (1000003,), 1 << 20, 2), (8, (2, 300, 1999), 65 * 1999 * 8, 10),
                (1, (1 << 20,), 1 << 20, 1), (16, (1, 1, 70000), 1 << 20, 2), (4, (5, 1, 300000), 1 << 20, 10)]:
            size = item * int(np.prod(shape))
            grid = chunks.Grid(item, shape, size)
            self.assertEqual((grid.full, grid.count), (full, count), shape)
            pieces = grid.pieces()
            self.assertEqual(pieces[0][0], 0)
            self.assertEqual(pieces[-1][1], size)
            self.assertTrue(all(a[1] == b[0] for a, b in zip(pieces, pieces[1:])))


if __name__ == "__main__":
    unittest.main()
