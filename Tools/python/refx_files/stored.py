"""What every open checkpoint has in common, whatever holds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from . import selection
from .errors import FileError, shown
from .lazy import LazyArray
from .tree import Ref, is_leaf, rebuilt, sites, unique_leaves


class Stored:
    """A checkpoint that is open: what every container of a file has in common.

    `exact` is the tree with its Refs and with stored leaves, `metadata` a dict, `attributes` `{path: {name: value}}`,
    `warnings` what was not as it might be, in sentences.
    """

    format = ""
    # Whether rows are read without the rest of their leaf.
    reads_parts = False

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

    def files(self) -> set[tuple[int, int]]:
        """The files that are read from, each as (device, inode)."""
        return set()

    def array(self, leaf: Any, raw: bool = False) -> np.ndarray:
        """The elements of one stored leaf, checked."""
        raise NotImplementedError

    def part(self, leaf: Any, start: int, end: int, raw: bool = False) -> np.ndarray:
        """The rows from `start` to `end` of a leaf."""
        return self.array(leaf, raw)[start:end]

    def arrays(self, leaves: Iterable[Any], raw: bool) -> Iterator[np.ndarray]:
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
            return self._lazy(node, raw) if lazy else found[id(node)]

        return rebuilt(self.exact, leaf, refs, wanted)

    def _lazy(self, leaf, raw):
        try:
            return LazyArray(self, leaf, raw)
        except FileError as error:
            path = next((path for path, node, _ in self.leaves() if node is leaf), ())
            raise type(error)(f"{self.name}: {shown(path)}: {error}") from None

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
