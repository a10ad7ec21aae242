"""Leaves that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import dtypes


class LazyArray:
    """A leaf that is read when it is asked for: `array[3:5]` reads the chunks of these rows, `np.asarray(array)` all.

    Nothing is kept, so what is asked for twice is read twice. Saving one copies its elements.
    """

    __slots__ = ("_file", "_leaf", "_raw", "dtype", "shape")

    def __init__(self, file: Any, leaf: Any, raw: bool) -> None:
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

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """What the array takes in memory when it is read; of text the references alone."""
        return self.size * self.itemsize

    def astype(self, dtype: Any) -> np.ndarray:
        return np.asarray(self).astype(dtype, copy=False)

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
        first = int(first)
        place = first + self.shape[0] if first < 0 else first
        if not 0 <= place < self.shape[0]:
            raise IndexError(f"row {first} of {self.shape[0]}")
        return self._file.part(self._leaf, place, place + 1, self._raw)[(0,) + rest]

    def __copy__(self) -> LazyArray:
        # Another leaf of the same open file: a copy is not tied to what it is of.
        return LazyArray(self._file, self._leaf, self._raw)

    def __deepcopy__(self, memo: Any) -> LazyArray:
        return self.__copy__()

    def __reduce__(self) -> Any:
        raise TypeError("a lazy array stands on an open file and cannot be pickled; take np.asarray of it")

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a lazy array without dimensions")
        # Some chunks at a time: a row alone costs all of its chunk.
        row = max(1, self.itemsize * dtypes.count_of(self.shape[1:]))
        step = max(1, (4 << 20) // row) if self._file.reads_parts and self._leaf.dtype != "string" else self.shape[0]
        for start in range(0, self.shape[0], step):
            for found in self[start:start + step]:
                # One that is kept does not keep the others.
                yield found.copy() if isinstance(found, np.ndarray) else found

    def __repr__(self) -> str:
        return f"LazyArray({self._leaf.dtype}, shape={self.shape})"
