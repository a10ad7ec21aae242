"""Reads `.refx` files: the catalogue when a file is opened, a leaf's payload when it is asked for."""

import contextlib
import functools
import zlib

import numpy as np

from . import attributes, catalogue, chunks, dtypes, envelope, jsontext, threads, xxh3
from .errors import Damaged, FileError, demand, shown
from .sections import SectionReader
from .stored import Stored
from .tree import unique_leaves


class RefxFile(Stored):
    """A `.refx` file that is open. Any number of threads may read from it."""

    format = "refx"
    reads_parts = True

    def __init__(self, source, limits=None, check_hashes=True, threads_=None):
        super().__init__(source.name)
        limits = limits or catalogue.Limits()
        self._source, self._check_hashes = source, check_hashes
        self._threads = threads.thread_count(threads_)
        self._end, sections = envelope.read(source, limits.metadata_bytes)
        self.sections = [tag.decode("ascii", "backslashreplace") for tag in sections]

        def section(tag):
            offset, data = sections[tag]
            return SectionReader(data, tag.decode(), offset)

        names = catalogue.read_names(section(b"NAME"), limits)
        tags = catalogue.read_collections(section(b"COLL"), limits)
        self.table = catalogue.read_leaves(section(b"LEAF"), limits)
        catalogue.place_leaves(self.table, sections[b"CHNK"][1], self._end)
        self.exact, self.refs = catalogue.read_tree(section(b"NODE"), names, tags, self.table, limits)
        if b"META" in sections:
            self.metadata = jsontext.parse(sections[b"META"][1], "the metadata")
        if b"CODC" in sections:
            data = sections[b"CODC"][1]
            demand(1 <= len(data) <= 255, "the codec's name")
            try:
                self.codec = data.decode("utf-8")
            except UnicodeDecodeError:
                raise Damaged("the codec's name is not valid UTF-8")
        if b"ATTR" in sections:
            self.attributes = attributes.read(section(b"ATTR"), limits.name_bytes)

    def close(self):
        self._source.close()

    def files(self):
        return {self._source.identity} - {None}

    # Payload

    def _chunk(self, leaf, number, target):
        """Reads one chunk into its place in `target`, the leaf's logical bytes; the CRC-32 of these bytes."""
        what = f"leaf {leaf.number}, chunk {number}"
        offset, length = catalogue.chunk_place(leaf, number)
        expected = int(leaf.sums[number])
        if leaf.compressed:
            stored = self._source.read(offset, length)
            _compare(zlib.crc32(stored), expected, f"{what}, {length} bytes at byte {offset}")
            start, end = leaf.grid.bounds(number)
            chunks.unpacked(stored, target, leaf.grid.full, leaf.item, what)
            return zlib.crc32(target)
        self._source.read_into(offset, target)
        crc = whole = zlib.crc32(target)
        if number == 0 and offset > leaf.begin:
            padding = self._source.read(leaf.begin, offset - leaf.begin)
            demand(not any(padding), f"{what}: its padding, from byte {leaf.begin} to {offset}, is not zero")
            whole = chunks.crc_of_both(zlib.crc32(padding), crc, length)
        _compare(whole, expected, f"{what}, {length} bytes at byte {offset}")
        return crc

    def _jobs(self, leaves, buffers):
        for leaf in leaves:
            # Taken when its turn comes, and given away when it is whole.
            data = buffers[leaf.number] = np.empty(leaf.size, np.uint8)
            for number in range(leaf.grid.count if leaf.grid else 0):
                start, end = leaf.grid.bounds(number)
                yield functools.partial(self._chunk, leaf, number, data[start:end]), end - start

    @contextlib.contextmanager
    def _named(self, leaf):
        """Says of what goes wrong in which file and where."""
        try:
            yield
        except FileError as error:
            path = next((path for path, node, _ in self.leaves() if node is leaf), ())
            raise type(error)(f"{self.name}: {shown(path)}: {error}") from None

    def arrays(self, leaves, raw):
        for leaf, data in self._checked(leaves):
            with self._named(leaf):
                array = dtypes.array_of(leaf.dtype, leaf.shape, data, f"leaf {leaf.number}", raw)
            yield array

    def verify(self):
        for leaf, data in self._checked(list(unique_leaves(self.exact))):
            with self._named(leaf):
                # A sound file may hold shapes that NumPy has no arrays of.
                shape = (dtypes.count_of(leaf.shape),)
                dtypes.array_of(leaf.dtype, shape, data, f"leaf {leaf.number}", raw=True)

    def _checked(self, leaves):
        """Yields the leaves with their logical bytes, all sums compared."""
        for leaf in leaves:
            if leaf.compressed:
                with self._named(leaf):
                    # Before memory is taken for all of it.
                    least = int(leaf.lengths.min())
                    demand(leaf.grid.full <= chunks.DEFLATE_MOST * least,
                           f"leaf {leaf.number}: a chunk of {least} bytes cannot hold {leaf.grid.full}")
        buffers = {}
        few = sum(leaf.size for leaf in leaves) <= chunks.MIB
        sums = threads.in_order(self._jobs(leaves, buffers), 1 if few else self._threads)
        for leaf in leaves:
            with self._named(leaf):
                data = self._whole(leaf, sums, buffers)
            yield leaf, data

    def _whole(self, leaf, sums, buffers):
        crc, pieces = 0, leaf.grid.pieces() if leaf.grid else []
        for start, end in pieces:
            crc = chunks.crc_of_both(crc, next(sums), end - start)
        data = buffers.pop(leaf.number) if pieces else np.empty(0, np.uint8)
        what = f"leaf {leaf.number}"
        _compare(crc, leaf.crc, f"{what}, its {leaf.size} bytes,")
        if self._check_hashes:
            found = xxh3.content_hash(data, pieces)
            demand(found == leaf.digest, f"{what} has the content hash {found.hex()}, expected {leaf.digest.hex()}")
        return data

    def array(self, leaf, raw=False):
        return next(self.arrays([leaf], raw))

    def part(self, leaf, start, end, raw=False):
        """Reads the chunks that hold these rows, each against its own CRC-32."""
        row = leaf.item and leaf.item * dtypes.count_of(leaf.shape[1:])
        if start >= end:
            with self._named(leaf):
                nothing = np.empty(0, np.uint8)
                return dtypes.array_of(leaf.dtype, (0,) + leaf.shape[1:], nothing, f"leaf {leaf.number}", raw)
        if not row:
            return self.array(leaf, raw)[start:end]
        first, last = start * row, end * row
        numbers = leaf.grid.numbers(first, last)
        begin = leaf.grid.bounds(numbers[0])[0]
        data = np.empty(leaf.grid.bounds(numbers[-1])[1] - begin, np.uint8)
        shape = (end - start,) + leaf.shape[1:]
        with self._named(leaf):
            for number in numbers:
                place, after = leaf.grid.bounds(number)
                self._chunk(leaf, number, data[place - begin:after - begin])
            rows = data[first - begin:last - begin].copy()
            return dtypes.array_of(leaf.dtype, shape, rows, f"leaf {leaf.number}", raw)


def _compare(found, expected, what):
    demand(found == expected, f"{what} has the CRC-32 {found:08x}, expected {expected:08x}")


def open_source(source, **options):
    """The RefxFile of a source, which is closed where it is none."""
    try:
        return RefxFile(source, **options)
    except BaseException as error:
        source.close()
        if isinstance(error, FileError):
            raise type(error)(f"{source.name}: {error}") from None
        raise
