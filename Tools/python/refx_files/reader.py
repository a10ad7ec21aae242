"""Reads `.refx` files: the catalogue when a file is opened, a leaf's payload when it is asked for."""

from __future__ import annotations

import contextlib
import functools
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import attributes, catalogue, chunks, dtypes, envelope, jsontext, selection, threads, xxh3
from .errors import Damaged, FileError, LimitExceeded, demand, shown
from .sections import SectionReader
from .source import FileSource, MemorySource
from .tree import Ref, is_leaf, rebuilt, sites, unique_leaves


class Stored:
    """A checkpoint that is open: what every container of a file has in common.

    `exact` is the tree with its Refs and with stored leaves, `metadata` a dict, `attributes` `{path: {name: value}}`,
    `warnings` what was not as it might be, in sentences.
    """

    format = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.metadata: dict[str, Any] = {}
        self.attributes: dict[tuple[str, ...], dict[str, Any]] = {}
        self.codec: str | None = None
        self.warnings: list[str] = []
        self.exact: Any = None

    def __enter__(self) -> Stored:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def array(self, leaf, raw=False):
        """The elements of one stored leaf, checked."""
        raise NotImplementedError

    def part(self, leaf, start, end, raw=False):
        """The rows from `start` to `end` of a leaf."""
        return self.array(leaf, raw)[start:end]

    def arrays(self, leaves, raw):
        """Yields the elements of several, in order."""
        for leaf in leaves:
            yield self.array(leaf, raw)

    def tree(self, *patterns: str, refs: bool = False, lazy: bool = False, raw: bool = False) -> Any:
        """The tree, or what `patterns` choose of it.

        Tied leaves are one object; with `refs` the Refs stand in the tree, with their collections. With `lazy` leaves
        are `LazyArray`s, which read when they are asked. With `raw` dtypes that NumPy lacks are bits; see `dtypes`.
        """
        wanted = selection.wanted(self.exact, patterns) if patterns else None
        found = {}
        if not lazy:
            needed = []
            rebuilt(self.exact, lambda node: needed.append(node) if is_leaf(node) else None, True, wanted)
            found = {id(leaf): array for leaf, array in zip(needed, self.arrays(needed, raw))}

        def leaf(node):
            if not is_leaf(node):
                return node
            return LazyArray(self, node, raw) if lazy else found[id(node)]

        return rebuilt(self.exact, leaf, refs, wanted)

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Any, Ref | None]]:
        """Yields (path, stored leaf, Ref or None) of each leaf, those of Refs at each of their sites."""
        for path, node, ref, _ in sites(self.exact):
            if is_leaf(node):
                yield path, node, ref

    def collections(self) -> dict[str | int | None, list[tuple[str, ...]]]:
        """{collection: the paths of its Refs}, later sites as well; None for Refs without one."""
        found: dict[str | int | None, list[tuple[str, ...]]] = {}
        for path, _, ref, _ in sites(self.exact):
            if ref is not None:
                found.setdefault(ref.collection, []).append(path)
        return found

    def verify(self) -> None:
        """Reads every byte and compares every sum; raises where one differs."""
        for _ in self.arrays(list(unique_leaves(self.exact)), raw=True):
            pass


class RefxFile(Stored):
    """A `.refx` file that is open. Any number of threads may read from it."""

    format = "refx"

    def __init__(self, source, limits=None, check_hashes=True, threads_=None):
        super().__init__(source.name)
        limits = limits or catalogue.Limits()
        self._source, self._check_hashes = source, check_hashes
        self._threads = threads.thread_count(threads_)
        self._end, sections = envelope.read(source)
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
            data = sections[b"META"][1]
            if len(data) > limits.metadata_bytes:
                raise LimitExceeded(f"metadata of {len(data)} bytes; the limit is {limits.metadata_bytes}")
            self.metadata = jsontext.parse(data, "the metadata")
        if b"CODC" in sections:
            data = sections[b"CODC"][1]
            demand(1 <= len(data) <= 255, "the codec's name")
            try:
                self.codec = data.decode("utf-8")
            except UnicodeDecodeError:
                raise Damaged("the codec's name is not valid UTF-8")
        if b"ATTR" in sections:
            self.attributes = attributes.read(section(b"ATTR"))

    def close(self):
        self._source.close()

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
                array = self._whole(leaf, sums, buffers, raw)
            yield array

    def _whole(self, leaf, sums, buffers, raw):
        crc, pieces = 0, leaf.grid.pieces() if leaf.grid else []
        for start, end in pieces:
            crc = chunks.crc_of_both(crc, next(sums), end - start)
        data = buffers.pop(leaf.number) if pieces else np.empty(0, np.uint8)
        what = f"leaf {leaf.number}"
        _compare(crc, leaf.crc, f"{what}, its {leaf.size} bytes,")
        if self._check_hashes:
            found = xxh3.content_hash(data, pieces)
            demand(found == leaf.digest, f"{what} has the content hash {found.hex()}, expected {leaf.digest.hex()}")
        return dtypes.array_of(leaf.dtype, leaf.shape, data, what, raw)

    def array(self, leaf, raw=False):
        return next(self.arrays([leaf], raw))

    def part(self, leaf, start, end, raw=False):
        """Reads the chunks that hold these rows, each against its own CRC-32."""
        row = leaf.item and leaf.item * dtypes.count_of(leaf.shape[1:])
        if start >= end:
            return np.empty((0,) + leaf.shape[1:], dtypes.numpy_dtype(leaf.dtype, raw))
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


class LazyArray:
    """A leaf that is read when it is asked for: `array[3:5]` reads the chunks of these rows, `np.asarray(array)` all.

    Nothing is kept, so what is asked for twice is read twice. Saving one copies its elements.
    """

    __slots__ = ("_file", "_leaf", "_raw", "dtype", "shape")

    def __init__(self, file, leaf, raw):
        self._file, self._leaf, self._raw = file, leaf, raw
        self.dtype, self.shape = dtypes.numpy_dtype(leaf.dtype, raw), tuple(leaf.shape)

    @property
    def refx_dtype(self) -> str:
        return self._leaf.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return dtypes.count_of(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a lazy array without dimensions")
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a lazy array is read from its file, so NumPy cannot have it without a copy")
        array = self._file.array(self._leaf, self._raw)
        return array if dtype is None else array.astype(dtype, copy=False)

    def __getitem__(self, index: Any) -> Any:
        first, rest = (index[0], index[1:]) if isinstance(index, tuple) and index else (index, ())
        if not self.shape or isinstance(first, bool) or not (isinstance(first, (int, np.integer, slice))):
            return np.asarray(self)[index]
        if isinstance(first, slice):
            start, end, step = first.indices(self.shape[0])
            if step != 1:
                return np.asarray(self)[index]
            return self._file.part(self._leaf, start, max(start, end), self._raw)[(slice(None),) + rest]
        place = first + self.shape[0] if first < 0 else first
        if not 0 <= place < self.shape[0]:
            raise IndexError(f"row {first} of {self.shape[0]}")
        return self._file.part(self._leaf, place, place + 1, self._raw)[(0,) + rest]

    def __repr__(self) -> str:
        return f"LazyArray({self._leaf.dtype}, shape={self.shape})"


def open_source(source, **options):
    """The RefxFile of a source, which is closed where it is none."""
    try:
        return RefxFile(source, **options)
    except BaseException as error:
        source.close()
        if isinstance(error, FileError):
            raise type(error)(f"{source.name}: {error}") from None
        raise


def open_path(path, **options):
    return open_source(FileSource(path), **options)


def open_bytes(data, **options):
    """A file that is in memory."""
    return open_source(MemorySource(data), **options)
