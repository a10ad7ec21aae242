"""Checkpoints that keep sharing, in Python: reads and writes `.refx` files and the refx layout of HDF5.

    import refx_files
    tree = refx_files.load("run.refx")
    tree["embed"] is tree["head"]["weight"]     # tied in the file: one array
    refx_files.save("copy.refx", tree, collections={"**": "params"})

A tree is made of dict, list, tuple, of arrays, and of None, str, int, float and bool. See Documentation/python.md.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

from . import atomic as _atomic
from . import attributes as _attributes
from . import jsontext as _jsontext
from . import patches as _patches
from . import reader as _reader
from . import writer as _writer
from .catalogue import Limits
from .errors import Damaged, FileError, LimitExceeded, Unsupported
from .lazy import LazyArray
from .outline import Outline as _Outline
from .source import FileSource as _FileSource
from .source import MemorySource as _MemorySource
from .source import path_of as _path_of
from .stored import Stored
from .trees_of_refx import from_refx, to_refx
from .tree import HOLE, NOTHING, Ref

__version__ = "0.1.0"
__all__ = [
    "load", "save", "open", "digest", "from_refx", "to_refx", "Ref", "NOTHING", "HOLE", "LazyArray", "Limits",
    "FileError", "Damaged", "Unsupported", "LimitExceeded", "Stored",
]
Base = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, Stored]
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_SUFFIXES = (".h5", ".hdf5")
_OTHER_SUFFIXES = (".npz", ".npy", ".safetensors", ".pt", ".pth", ".ckpt", ".gguf", ".msgpack", ".keras")


def open(file: str | os.PathLike[str] | bytes | bytearray | memoryview, *, base: Base | Sequence[Base] | None = None,
         limits: Limits | None = None, check_hashes: bool = True, threads: int | None = None) -> Stored:
    """Opens a checkpoint and reads what it says, without payload. Close what it gives, or use it in `with`.

    `file` is a path, or bytes of a `.refx` file. `base` is what a patch stands on: a path or an open checkpoint, or a
    list of them, from the oldest on; one that was open stays so. Without `check_hashes` the XXH3 content hashes are left
    unchecked; every CRC-32 is always compared. Raises FileError where the file cannot be taken, OSError where it
    cannot be read.
    """
    ours: list[Stored] = []
    with contextlib.ExitStack() as opened:
        def step(file):
            if isinstance(file, Stored):
                return file
            stored = _opened(file, limits, check_hashes, threads)
            opened.callback(stored.close)
            ours.append(stored)
            return stored

        if base is None:
            steps: list[Base] = []
        elif isinstance(base, (str, os.PathLike, bytes, bytearray, memoryview, Stored)):
            steps = [base]
        else:
            steps = list(base)
        found, *later = map(step, [*steps, file])
        for stored in later:
            closes = [part for part in (stored, found) if any(part is own for own in ours)]
            found = _patches.applied(found, stored, closes)
            ours.append(found)
        opened.pop_all()
        return found


def _opened(file, limits, check_hashes, threads):
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits are a refx_files.Limits, not a {type(limits).__name__}")
    _writer.threads.thread_count(threads)
    options = dict(limits=limits, check_hashes=check_hashes, threads_=threads)
    if isinstance(file, (bytes, bytearray, memoryview)):
        if bytes(file[:8]) == _HDF5:
            raise Unsupported("HDF5 in memory: libhdf5 reads files, so give a path")
        return _reader.open_source(_MemorySource(file), **options)
    file = _path_of(file, ", or bytes of a .refx file")
    source = _FileSource(file)
    # HDF5 may begin behind a block of its user, at a power of two from 512 on.
    place = 0
    while place + 8 <= source.size and bytes(source.read(0, min(4, source.size))) != b"\x89REF":
        if bytes(source.read(place, 8)) == _HDF5:
            source.close()
            from . import hdf5
            return hdf5.open_path(file, limits)
        place = max(512, 2 * place)
    return _reader.open_source(source, **options)


def load(file: str | os.PathLike[str] | bytes | bytearray | memoryview, *patterns: str, refs: bool = False,
         lazy: bool = False, raw: bool = False, base: Base | Sequence[Base] | None = None, limits: Limits | None = None,
         check_hashes: bool = True, threads: int | None = None) -> Any:
    """The tree of a checkpoint, or what `patterns` choose of it; see `open` for the rest.

    What is tied in the file is one object here. With `refs` the Refs stand in the tree, with their collections. With
    `lazy` leaves are read when they are asked for. With `raw` dtypes that NumPy lacks are given as bits. Raises KeyError
    where a pattern chooses nothing, and ValueError where it is none.
    """
    if isinstance(file, Stored):
        raise TypeError("this checkpoint is open already: take its tree()")
    opened = open(file, base=base, limits=limits, check_hashes=check_hashes, threads=threads)
    if lazy:
        return opened.tree(*patterns, refs=refs, lazy=True, raw=raw)
    with opened:
        return opened.tree(*patterns, refs=refs, raw=raw)


def save(file: str | os.PathLike[str], tree: Any, *,
         collections: str | int | Mapping[str, str | int] | Callable[[tuple[str, ...], Any], str | int | None] | None = None,
         metadata: dict[str, Any] | None = None, attributes: Mapping[tuple[str, ...], Mapping[str, Any]] | None = None,
         compression: str | int = "fast", threads: int | None = None, base: Base | None = None,
         format: str | None = None, durable: bool = True) -> None:
    """Saves a tree: as HDF5 where the name ends in .h5 or .hdf5 or `format` is "hdf5", else as `.refx`.

    An array, dict or list that stands in several places (`is`) is written once. `collections` names the collection of
    all leaves, or is a mapping from patterns, or a function of path and array; a Ref in the tree says its own.
    `compression` is "none", "fast", "best" or a level of zlib. With `base` only what differs from that checkpoint is
    written, as a patch. The old file stays whole until the new one is; with `durable` the new one is on the disk when
    this returns. Raises FileError where the tree cannot be saved, KeyError where a pattern of `collections` matches
    no array, OSError where writing fails.
    """
    if format not in (None, "refx", "hdf5"):
        raise ValueError(f"format is refx or hdf5, not {format!r}")
    if threads is not None:
        _writer.threads.thread_count(threads)
    _writer.level_of(compression)
    name = _path_of(file)
    if format is None and name.lower().endswith(_OTHER_SUFFIXES):
        raise Unsupported(f"{name}: .refx and HDF5 are written here; save x.refx and let `refx convert` make that of it")
    if metadata is not None and not isinstance(metadata, dict):
        raise Unsupported(f"metadata is a dict, not a {type(metadata).__name__}")
    if metadata and _patches.KEY in metadata:
        raise Unsupported(f"metadata with {_patches.KEY} would make a patch of the file; give its base instead")
    attributes = _attributes.checked(attributes or {})
    _jsontext.written(metadata or {})
    outline = _Outline(tree, collections).tree
    attributes = _attributes.at_first_sites(attributes, outline)
    if base is not None:
        with contextlib.nullcontext(base) if isinstance(base, Stored) else open(base) as opened:
            if os.path.exists(name) and (os.stat(name).st_dev, os.stat(name).st_ino) in opened.files():
                raise Unsupported(f"{name}: the patch would take the place of what it stands on; choose another name")
            outline, metadata = _patches.made(opened, outline, metadata)
    with _atomic.replacing(name, durable) as temporary:
        if format == "hdf5" or format is None and name.lower().endswith(_HDF5_SUFFIXES):
            from . import hdf5
            hdf5.write(temporary, outline, metadata or {}, attributes, _writer.level_of(compression))
        else:
            with _new(temporary) as target:
                _writer.write(target, outline, metadata or {}, attributes, compression, threads)


def _new(path):
    return io.BufferedWriter(io.FileIO(path, "w"), 1 << 20)


def digest(file: Base, **options: Any) -> dict[str, str]:
    """The three digests of a checkpoint in hexadecimal, `{"structure": …, "topology": …, "values": …}`: those that the
    command `refx digest` prints. Reads all payload. `file` is what `open` takes, or an open checkpoint."""
    from . import digests
    opened = file if isinstance(file, Stored) else open(file, **options)
    try:
        structure, topology = digests.structure(opened.exact)
        found = structure, topology, _patches.value_digest(opened)
    finally:
        if opened is not file:
            opened.close()
    return dict(zip(("structure", "topology", "values"), (part.hex() for part in found)))
